/**
 * What a member tells of itself to people: to its own process, and to any peer that asks over the mesh, so that one
 * member's page can show all of them. All of it is plain data, as JSON has it.
 */

import type { MemberState } from '@sessionmesh/core'

export interface Diagnostics {
  /**
   * What a member tells of itself. The first time also its samples of the last minutes and its latest events; with `after`
   * (the `cursor` of a former report of the same member) those alone that are new.
   *
   * @throws SessionMeshError `SESSIONMESH_NO_ANSWER` when that member is not linked, or does not answer in 2 s
   */
  report(options?: ReportOptions): Promise<MemberReport>
  /**
   * A session as a member holds it, be it hidden, expired or destroyed: stamps and sizes, no values. `undefined` when nothing
   * of it is held there. It does not count as a use.
   *
   * @throws SessionMeshError as `report`
   */
  inspect(sid: string, options?: { of?: string | undefined }): Promise<SessionReport | undefined>
}

export interface ReportOptions {
  /** The id of a member. Default this one. */
  of?: string | undefined
  after?: Cursor | undefined
}

/** How far somebody has read what one member tells: opaque, from one of its reports to the next question. */
export interface Cursor {
  readonly sample: number
  readonly event: number
}

export interface MemberReport {
  readonly member: { readonly id: string; readonly name: string; readonly address: string }
  /** When it was made, on that member's wall clock: ms since the epoch. */
  readonly atMs: number
  /** Since it joined. */
  readonly upMs: number
  /** `process.version` and `process.pid` there. */
  readonly node: string
  readonly pid: number
  /** As `Cluster.ready`. */
  readonly ready: boolean
  /** `maxSessions` and `maxTombstones` there. */
  readonly limits: { readonly sessions: number; readonly tombstones: number }
  /** The others, as that member sees them. */
  readonly members: readonly {
    readonly id: string
    readonly name: string
    readonly address: string
    readonly state: MemberState
    /** On the wall clock of the member that tells. */
    readonly sinceMs: number
  }[]
  /** Up to where it has merged everything, by origin (the id of a member's run). */
  readonly digest: readonly StampReport[]
  /** One a second, the latest last. */
  readonly samples: readonly Sample[]
  /** In their order. */
  readonly events: readonly DiagnosticEvent[]
  /** Events after the cursor, or of before it was first asked, that are kept no more, or were too many for one report. */
  readonly omitted: number
  /** For the next report. */
  readonly cursor: Cursor
  /** Made while somebody asks for reports; of some seconds ago when there are many sessions. */
  readonly census?: Census | undefined
}

export interface StampReport {
  readonly origin: string
  /** ms since the epoch, as far as the clocks of the cluster agree. */
  readonly timeMs: number
  readonly counter: number
}

/** A member's figures at one moment. What is counted only grows, since the process has joined. */
export interface Sample {
  /** Wall clock, ms since the epoch. */
  readonly atMs: number
  readonly sessions: number
  readonly tombstones: number
  /** Questions, reads and transfers that wait for peers. */
  readonly pending: number
  /** Bytes of deltas that are held back until a gap before them is closed. */
  readonly heldBytes: number
  readonly rssBytes: number
  readonly heapBytes: number
  /** How late the event loop came round, since the sample before: looked at 20 times a second. */
  readonly loop: { readonly p50Ms: number; readonly maxMs: number }
  /** Counters, as in `Status`. */
  readonly writes: number
  readonly touches: number
  readonly deltasMerged: number
  readonly waitedReads: number
  readonly staleReads: number
  readonly lostWrites: number
  readonly writesDropped: number
  readonly writesRefused: number
  readonly links: readonly LinkReport[]
}

/** A link, as one end of it sees it. */
export interface LinkReport {
  /** Id of the member at the other end. */
  readonly peer: string
  /** Payload of frames, since the link was made. */
  readonly sentBytes: number
  readonly receivedBytes: number
  readonly sentFrames: number
  readonly receivedFrames: number
  /** What waits for the operating system to take it. */
  readonly bufferedBytes: number
  /**
   * How long the peer's writes took from leaving there to being merged here, above the quickest frame of this link: no two
   * clocks can be compared, so what every frame takes is not in it. In a sample over the second before, in a status over the
   * last minute. `undefined` when there was none.
   */
  readonly lag?: { readonly p50Ms: number; readonly p99Ms: number; readonly deltas: number } | undefined
}

/** What a walk over all sessions found. */
export interface Census {
  /** When it ended, on that member's wall clock. */
  readonly atMs: number
  /** Living sessions by the id of their owner. */
  readonly owners: Readonly<Record<string, number>>
  /** Names and values of living sessions. */
  readonly bytes: number
  readonly fingerprint?: Fingerprint | undefined
}

/**
 * The state of a member at one digest: equal digests have to have equal state. There is none if something was merged during
 * the walk.
 */
export interface Fingerprint {
  readonly digest: readonly StampReport[]
  /**
   * Sessions fall into parts by their id; of each the sum of its sessions' hashes. `-1` for one that says nothing: a session in
   * it is about to end by time, which members notice one after the other, or is only held in part.
   */
  readonly parts: readonly number[]
}

/** Something that happened at a member, as `ClusterEvents` has it, flat. */
export interface DiagnosticEvent {
  /** Counted up by its member. */
  readonly number: number
  /** That member's wall clock, ms since the epoch. */
  readonly atMs: number
  /**
   * A name of `ClusterEvents`; or `joined`, `anew` (this run was forgotten, and another one has begun), `left`. Of
   * sessions each change is here once: at the member where it was made, an end by time at its owner.
   */
  readonly event: string
  /** The member that it is about. */
  readonly peer?: { readonly id: string; readonly name: string } | undefined
  readonly sid?: string | undefined
  /** Names of attributes. */
  readonly changed?: readonly string[] | undefined
  /** How many: taken over; transferred, tombstones among them; or there when it joined. */
  readonly sessions?: number | undefined
  readonly complete?: boolean | undefined
  readonly code?: string | undefined
  readonly message?: string | undefined
  readonly address?: string | undefined
}

export interface SessionReport {
  readonly sid: string
  /**
   * `living`: it can be loaded. `expired`: by time, and kept until the others know. `destroyed`: what is left is its tombstone.
   * `hidden`: not all of it is here yet.
   */
  readonly state: 'living' | 'expired' | 'destroyed' | 'hidden'
  /** Id of the member that answers for it, while it lives. */
  readonly owner?: string | undefined
  readonly created: StampReport
  readonly lastWrite: StampReport
  readonly destroyed?: StampReport | undefined
  readonly ttlMs: number
  readonly idleMs: number
  readonly bytes: number
  readonly attributes: readonly AttributeReport[]
}

export interface AttributeReport {
  readonly name: string
  /** Of an attribute that is merged: the member whose share this is. */
  readonly slotOf?: string | undefined
  /** It was taken away, and the others may not know yet. */
  readonly removed: boolean
  /** Of its value. */
  readonly bytes: number
  /** CRC-32 of its value: the same on members that hold the same. */
  readonly checksum: number
  readonly stamp: StampReport
}
