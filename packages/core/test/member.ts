/** One machine in a test, with short names for what is done to it, and a record of what it did. */

import type { Effect } from '../src/events.js'
import {
  type Acks,
  type Base,
  type Config,
  type CoreEvent,
  type ErrorCode,
  formatStamp,
  type Instant,
  type Message,
  type Peer,
  type Purge,
  Replica,
  type Value,
  type Written,
} from '../src/index.js'

export const WALL_MS = 1_700_000_000_000

export type Data = Record<string, string>

/** What is around a member: its time, and what takes its effects. */
export interface World {
  readonly ms: number
  effect(member: Member, effect: Effect): void
}

export interface MemberOptions {
  /** Its wall clock is ahead by so much. */
  readonly skewMs?: number
  readonly config?: Partial<Config>
  readonly cluster?: string
}

export class Member {
  readonly #world: World
  /** Its run; another one after a new beginning. */
  id: string
  /** The id of its first run. */
  readonly process: string
  readonly name: string
  readonly address: string
  replica: Replica
  skewMs: number
  /** In order; `take` empties it. */
  events: CoreEvent[] = []
  acked: { ack: number; peers: number; missing?: ErrorCode }[] = []
  caughtUp: { wait: number; isStale: boolean }[] = []
  sent: { to: string; message: Message }[] = []
  dials: string[] = []
  isFlushDue = false
  isFrozen = false
  isDown = false
  #monoBaseMs: number
  readonly #newReplica: (sought?: readonly Purge[]) => Replica
  #peers: readonly string[] = []

  constructor(world: World, name: string, run: number, options: MemberOptions, config: Config, nth: number) {
    this.#world = world
    this.name = name
    this.id = `${name}${run}`
    this.process = this.id
    this.address = `${name}:1`
    this.skewMs = options.skewMs ?? 0
    this.#monoBaseMs = 1_000_000 * nth
    const cluster = options.cluster ?? 'test'
    this.#newReplica = (sought) => {
      const self = { id: this.id, name, address: this.address }
      return new Replica({ self, cluster, config, random: () => 0.5, sought })
    }
    this.replica = this.#newReplica()
  }

  start(addresses: readonly string[]): void {
    this.#peers = addresses
    this.act(this.replica.start(addresses, this.now))
  }

  /** Another run in the same process. */
  beginAnew(addresses: readonly string[], sought: readonly Purge[]): void {
    this.id = `${this.id}'`
    this.replica = this.#newReplica(sought)
    this.start([...this.#peers, ...addresses])
  }

  get now(): Instant {
    return { wallMs: WALL_MS + this.#world.ms + this.skewMs, monoMs: this.#monoBaseMs + this.#world.ms }
  }

  /** Its host was suspended for so long until now: its monotonic clock stood still. */
  wasSuspended(ms: number): void {
    this.#monoBaseMs -= ms
  }

  get nextTickMs(): number {
    return this.replica.nextTickMs() - this.#monoBaseMs
  }

  act(effects: Effect[]): void {
    const { replica } = this
    for (const effect of effects) {
      this.#world.effect(this, effect)
      // What a run that is over still wanted is not done.
      if (this.replica !== replica) return
    }
  }

  tick(): void {
    this.act(this.replica.tick(this.now))
  }

  write(
    sid: string,
    data: Data,
    options: { base?: Base | undefined; ttlMs?: number; acks?: Acks } = {},
  ): Written {
    const { written, effects } = this.replica.write(sid, new Map(Object.entries(data)), options, this.now)
    this.act(effects)
    return written
  }

  touch(sid: string, ttlMs?: number): boolean {
    const { touched, effects } = this.replica.touch(sid, ttlMs, this.now)
    this.act(effects)
    return touched
  }

  destroy(sid: string, acks: Acks = 'none'): ReturnType<Replica['destroy']>['destroyed'] {
    const { destroyed, effects } = this.replica.destroy(sid, acks, this.now)
    this.act(effects)
    return destroyed
  }

  catchUp(sid: string, token: Parameters<Replica['catchUp']>[1]): number | undefined {
    const { wait, effects } = this.replica.catchUp(sid, token, this.now)
    this.act(effects)
    return wait
  }

  token(sid: string, brought: Parameters<Replica['token']>[1] = []): ReturnType<Replica['token']> {
    return this.replica.token(sid, brought, this.now)
  }

  read(sid: string): Data | undefined {
    const view = this.replica.load(sid, this.now)
    return view === undefined ? undefined : textOf(view.base.attributes)
  }

  base(sid: string): Base {
    const view = this.replica.load(sid, this.now)
    if (view === undefined) throw new Error(`${this.name} has no ${sid}`)
    return view.base
  }

  keys(): string[] {
    return [...this.replica.keys(this.now)].sort()
  }

  peer(other: Member): Peer {
    const peer = this.replica.peers().find(({ id }) => id === other.id)
    if (peer === undefined) throw new Error(`${this.name} does not know ${other.name}`)
    return peer
  }

  /** Everything that must be equal on members that have converged. */
  state(): { digest: string[]; sessions: Record<string, Data | 'destroyed'> } {
    const sessions: Record<string, Data | 'destroyed'> = {}
    for (const record of this.replica.records()) {
      sessions[record.sid] = record.destroyed !== undefined ? 'destroyed' : textOf(record.values())
    }
    return { digest: this.replica.digest().map(formatStamp).sort(), sessions }
  }

  /** Events of one type since the last `take`. */
  told<T extends CoreEvent['type']>(type: T): Extract<CoreEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<CoreEvent, { type: T }> => event.type === type)
  }

  codes(): ErrorCode[] {
    return this.told('warning').map(({ code }) => code)
  }

  sentOf<K extends Message['kind']>(kind: K, to?: Member): Extract<Message, { kind: K }>[] {
    const messages: Extract<Message, { kind: K }>[] = []
    for (const sent of this.sent) {
      if (to !== undefined && sent.to !== to.id) continue
      const { message } = sent
      if (isKind(message, kind)) messages.push(message)
    }
    return messages
  }

  /** Forgets what was recorded so far: what is asserted next happened after this. */
  forgetLog(): void {
    this.events = []
    this.acked = []
    this.caughtUp = []
    this.sent = []
    this.dials = []
  }
}

function isKind<K extends Message['kind']>(
  message: Message,
  kind: K,
): message is Extract<Message, { kind: K }> {
  return message.kind === kind
}

function textOf(values: ReadonlyMap<string, Value>): Data {
  return Object.fromEntries([...values].map(([name, value]) => [name, String(value)]))
}
