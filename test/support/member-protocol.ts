/** What a member process (member.ts) and the test that started it (member-process.ts) say to each other. */

import type { Acks, Cluster, ClusterEvents, ClusterOptions, Status } from 'sessionmesh'
import type { MeasuringCommands } from './measuring/protocol.js'

/** How a member process is to be, given to it as JSON in its environment. */
export interface MemberSettings {
  name: string
  /** Absent: no cluster at all, and another store behind the same app. */
  cluster?: Omit<ClusterOptions, 'logger'>
  /** Without a cluster, see member-store.ts; default: express-session's MemoryStore. */
  store?: StoreSettings
  /** Where its Express app listens; absent: no HTTP. */
  httpPort?: number
  /** Default: 127.0.0.1. */
  httpHost?: string
  /** Options for Node itself. */
  nodeOptions?: readonly string[]
  /** The network namespace that it runs in, see lan.ts; default: that of the test. */
  namespace?: string
  /** See redirect.ts. */
  routes?: Record<string, number>
  /** The same. */
  dialsFrom?: string
  /** Tell with each answer which exceptions were counted for it, see member-session.ts. */
  tellsExceptions?: boolean
  /** Count its timers, for `vitals`. */
  countsTimers?: boolean
  /** Set the route cookie. */
  route?: boolean
}

export type StoreSettings = { kind: 'memorystore' } | { kind: 'connect-redis'; port: number }

/** The environment variable that carries them. */
export const SETTINGS_VARIABLE = 'SESSIONMESH_TEST_MEMBER'

/** What every handler of its app (member-app.ts) answers. */
export interface Answer {
  /** Name of the member that served. */
  server: string
  sid: string
  /** The session's attributes as the handler left them, without express-session's cookie. */
  data: Record<string, unknown>
}

/** What became of a write: the acks that arrived, or the code with which the promise was rejected. */
export interface WriteReport {
  outcome: string
  changed: string[]
  acked: number | string
  /** From the call to the promise of the acks. */
  waitedMs: number
}

/** The state of one member in a form that can be compared with that of another. */
export interface Fingerprint {
  sessions: number
  /** Over all sessions, ids and attributes. */
  hash: string
}

/** What a test may ask of a member process. */
export interface MemberCommands extends MeasuringCommands {
  load(sid: string): Record<string, unknown> | undefined
  /** As one request does it: `data` replaces what was loaded in the same turn. */
  write(
    sid: string,
    data: Record<string, unknown>,
    options?: { acks?: Acks; ttlMs?: number },
  ): Promise<WriteReport>
  /** New sessions `prefix0`, `prefix1`, … of about `bytes` each, in many turns. */
  writeMany(prefix: string, count: number, bytes: number): Promise<void>
  destroy(sid: string): boolean
  has(sid: string): boolean
  size(): number
  /** Of the living sessions. */
  sids(): string[]
  /** Name of the member that answers for the session. */
  owner(sid: string): string | undefined
  snapshot(): Record<string, Record<string, unknown>>
  fingerprint(): Fingerprint
  status(): Status
  /** Lets a request that came with `?hold=key` go on. */
  release(key: string): void
  /** Blocks the member's own event loop. */
  stall(ms: number): void
  /** Sockets and whatever else it has open. Not timers, which come and go with requests. */
  openHandles(): number
  /** User and system time since it was started, all threads. */
  cpuMicros(): number
  /** Tells load balancers to send nothing more, and serves on. */
  drain(): void
  rekey(keys: Parameters<Cluster['rekey']>[0]): void
}

export type CommandName = keyof MemberCommands

export type ToMember = { id: number; command: CommandName; args: unknown[] }

export type EventName = keyof ClusterEvents

/** What comes with each event. `held`: a request waits for its key. */
export type EventDetails = { [E in EventName]: ClusterEvents[E][0] } & { held: { key: string } }

/** One event of a member; `at` is wall-clock time there. */
export interface MemberEvent<N extends keyof EventDetails = keyof EventDetails> {
  name: N
  detail: EventDetails[N]
  at: number
}

export type FromMember =
  | { kind: 'ready'; joinedMs: number; joinedCpuMs: number; sessionsAtJoin: number }
  | { kind: 'failed'; code: string | undefined; message: string }
  | { kind: 'event'; event: MemberEvent }
  | { kind: 'reply'; id: number; value: unknown }
  | { kind: 'error'; id: number; code: string | undefined; message: string }
