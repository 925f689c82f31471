/** What benches ask of a member process beside what tests ask: work of a kind, and what it cost in that process. */

import type { Acks } from 'sessionmesh'

export interface MeasuringCommands {
  /** Puts so many shop sessions into a store of that kind; each later round goes round them. */
  fillStore(store: StoreKind, sessions: number): Promise<void>
  storeRound(store: StoreKind, round: StoreRound): Promise<OperationCosts>
  /** Puts so many sessions of three attributes, see kilobyte.ts, into the cluster itself or a store. */
  fillKilobytes(into: StoreKind | 'cluster', sessions: number, options?: FillOptions): Promise<void>
  /** Ends every session that this member knows of. */
  destroyAll(): Promise<void>
  /** Watches the event loop from now on. */
  watchLoop(): void
  /** What was seen since; ends the watch. */
  loopReport(): LoopReport
  /** After full collections. */
  memoryUse(): Promise<MemoryUse>
  /** The most memory that this process had at once, as the operating system counts it. */
  peakBytes(): number
  /** What it has at this moment. Of the heap only if it `isCollected` before. */
  vitals(isCollected: boolean): Promise<Vitals>
  /** From now on it keeps ever more of these, to show that it is found. */
  leak(kinds: readonly LeakKind[]): void
  /** Creates the sessions that the commands below write in turn: each one's `count` becomes the number of its write. */
  openWriter(options: WriterOptions): Promise<void>
  writeTurns(options: WriteTurns): Promise<void>
  flood(options: FloodOptions): Promise<Flooded>
  /** 1 KiB each, at that rate. Gives their number. */
  writePaced(pace: Pace): Promise<number>
  /** The timers of `writePaced`, and no writes. */
  idlePaced(pace: Pace): Promise<number>
  /** As `writePaced`, and tells how long they were held up. */
  timeWrites(pace: Pace, acks: Acks): Promise<HeldUp>
  /** As `writePaced`, and tells when. */
  writeTimed(pace: Pace): Promise<SentTimes>
  /** From now on. */
  watchArrivals(): void
  /** When each write of another member could first be read here, by its `count`. */
  arrivals(): Map<number, number>
  /** Gives the port of a process that listens as the agent does, and takes whatever comes; see bare-links.ts. */
  bareListen(): Promise<number>
  bareDial(ports: readonly number[]): Promise<void>
  /** Gives how many messages went to each that was dialled. */
  bareFlood(flood: BareFlood): Promise<number>
  /** How many messages have come. */
  bareReceived(): number
  bareBeat(beat: BareBeat): Promise<void>
  /** Messages that tell when they were sent. Gives their number. */
  barePace(pace: Pace, bytes: number): Promise<number>
  /** How long each of those took that have come since the last call. */
  bareLags(): number[]
}

/** `sessionmesh`: the Express adapter's, on this member. The others need no cluster. */
export type StoreKind = 'sessionmesh' | 'MemoryStore' | 'memorystore'

export interface StoreRound {
  /** `load`: get and createSession. `write`: the same, then one attribute changed, and set. */
  kind: 'load' | 'write'
  operations: number
  /** So many begin in one turn of the loop, as requests that came together. */
  perTurn: number
}

export interface OperationCosts {
  /** Of the whole process, all threads. */
  cpuMicros: number
  wallMicros: number
}

interface FillOptions {
  /** Number of the first of them. Default 0. */
  first?: number
  /** As express-session keeps it in each. Default none. */
  withCookie?: boolean
}

export interface LoopReport {
  /** How long was watched. */
  forMs: number
  /** The longest time in which the loop did not come round. */
  longestMs: number
  /** The longest CPU time (all threads of the process) in one of these: the rest the machine gave to others. */
  longestCpuMs: number
  /** How many were longer than 20 ms. */
  pauses: number
  longestGcMs: number
  /** Of all collections together. */
  gcMs: number
}

export interface MemoryUse {
  /** On V8's heap, and what its objects hold outside of it: what `process.memoryUsage()` tells of. */
  usedBytes: number
  /** As the operating system sees it: with the allocator's own needs, and what it keeps for later. */
  residentBytes: number
}

export interface Vitals {
  /** Each run of a member has its own. */
  pid: number
  collected?: {
    heapBytes: number
    /** What objects on the heap hold outside of it. */
    externalBytes: number
  }
  residentBytes: number
  /** Armed, unref'd ones as well: 0 unless its settings say that they are counted. */
  timers: number
  /** `process.getActiveResourcesInfo()`, by kind. */
  resources: Record<string, number>
  /** The rest is of `Status`: counts of what it lists, and sums. */
  sessions: number
  tombstones: number
  candidates: number
  pending: number
  heldBytes: number
  bufferedBytes: number
  digest: number
  members: number
}

export const LEAK_KINDS = ['heap', 'timers', 'handles'] as const
export type LeakKind = (typeof LEAK_KINDS)[number]

export interface WriterOptions {
  sessions: number
  /** Number of the first of them, for several members that write sessions of their own. Default 0. */
  first?: number
}

/** A number alone, or 1 KiB of text as well. */
export type Change = 'number' | 'all'

export interface WriteTurns {
  turns: number
  perTurn: number
  change: Change
}

export interface FloodOptions {
  forMs: number
  perTurn: number
}

/** What left on one link. */
export interface Flooded {
  writes: number
  frames: number
  bytes: number
}

export interface BareFlood {
  forMs: number
  /** Messages. */
  perTurn: number
  /** Of each message. */
  bytes: number
}

export interface BareBeat {
  everyMs: number
  /** Of each message; one goes to each that is linked. */
  bytes: number
  forMs: number
}

export interface Pace {
  perSecond: number
  forMs: number
}

/** By `count`, on the machine's monotonic clock. */
export interface SentTimes {
  /** When the call of `write` returned. */
  returnedMs: Map<number, number>
  /** When the operating system had it, which is when a response leaves. */
  handedMs: Map<number, number>
}

export interface HeldUp {
  writes: number
  longestCallMs: number
  /** Until all was handed over to the operating system: what a response waits for. */
  longestFlushMs: number
  /** Until the acks were there, or were given up. */
  longestAckMs: number
  /** How many were given up, by code. */
  failures: Record<string, number>
}
