/**
 * The messages between two members: this union is the specification, PROTOCOL.md draws the exchanges.
 *
 *     dialler                      acceptor
 *        | hello ----------------->   |
 *        |   <----------------- hello |      both: refuse, or the link is established
 *        | pull(digest) ---------->   |      both: one pull a link, one open at a time a member
 *        |   <------- state … state+end|
 *        |   <------- delta (live) ---|      from hello on, in the order of the origin's stamps
 *        | ack ------------------->   |      when the delta asks for it
 *        | heartbeat <----------->    |      every heartbeatMs: what changed since the one before on this link
 *        | leave ----------------->   |
 */

import type { DigestEntries } from './digest.js'
import type { Purge } from './purged.js'
import type { Delta } from './session.js'
import type { Origin, Stamp } from './stamp.js'

/** The oldest and newest protocol that this code speaks. */
export const PROTOCOL = { min: 1, max: 1 } as const

export type MemberState = 'alive' | 'suspect' | 'dead' | 'left'

/** What one member tells of another. */
export interface RosterEntry {
  readonly id: Origin
  readonly name: string
  /** `host:port`; an empty host stands for "the address you see me at". */
  readonly address: string
  /** `alive` is said of those alone that the teller has a link to and hears: it vouches for them. */
  readonly state: MemberState
  /** What it has merged, told with the end of a transfer: tombstones wait for what it lacks. */
  readonly digest?: DigestEntries | undefined
}

/** Of what tells when sessions were used, and of what comes often: see link-clock. */
interface Timed {
  /** When it was sent, on the sender's monotonic clock. */
  readonly sentMs: number
}

/** First on every link, from both ends. */
export interface Hello extends Timed {
  readonly kind: 'hello'
  readonly protocolMin: number
  readonly protocolMax: number
  readonly cluster: string
  readonly id: Origin
  readonly name: string
  readonly address: string
  /** Which of its dials this is, counted from 1; 0 if it was dialled. */
  readonly dial: number
  /** The sender's own: whoever beats more slowly is given as many beats. */
  readonly heartbeatMs: number
  /** It joins, and does not hold yet what others have. */
  readonly isJoining: boolean
  /** The sender's wall clock, in ms: refused when too far from the receiver's. */
  readonly clockMs: number
  readonly digest: DigestEntries
  readonly purged: readonly Purge[]
  readonly roster: readonly RosterEntry[]
}

/** The sender's own writes and touches since its last delta, in order. */
export interface DeltaMessage extends Timed {
  readonly kind: 'delta'
  /** The sender's last stamp before these: the receiver has a gap unless it covers it. */
  readonly previous: Stamp | undefined
  /** What the sender's entry in the digest rises to. */
  readonly upTo: Stamp
  readonly deltas: readonly Delta[]
  readonly wantsAck: boolean
}

/** "I have merged everything of yours up to here." */
export interface Ack {
  readonly kind: 'ack'
  readonly upTo: Stamp
}

/** Only this counts as life. Its digest shows gaps. */
export interface Heartbeat extends Timed {
  readonly kind: 'heartbeat'
  /** As in its hello. */
  readonly isJoining: boolean
  /** `undefined`, as with the roster: the same as in the heartbeat before on this link. (The first one has both.) */
  readonly digest: DigestEntries | undefined
  readonly roster: readonly RosterEntry[] | undefined
}

/** Asks for all that the digest lacks, or for the wholes of the sessions named. */
export interface Pull {
  readonly kind: 'pull'
  /** Chosen by the asker, repeated in the answer. */
  readonly pull: number
  readonly digest?: DigestEntries | undefined
  readonly sids?: readonly string[] | undefined
}

/** One chunk of the answer to a pull. Nothing of a transfer counts before its end has come. */
export interface State extends Timed {
  readonly kind: 'state'
  readonly pull: number
  readonly records: readonly Delta[]
  /** In answer to a pull by id: those that the sender cannot give. */
  readonly missing?: readonly string[] | undefined
  /** The last chunk. */
  readonly end?: TransferEnd | undefined
}

export interface TransferEnd {
  /** The sender's, in the turn in which nothing was left to send. */
  readonly digest: DigestEntries
  readonly roster: readonly RosterEntry[]
  /** From who was given this state those are kept away who must not be mixed with it. */
  readonly purged: readonly Purge[]
  /** It has joined: else it may know no more of the cluster than who asks. */
  readonly isReady: boolean
}

/** The sender is going, for good and in order: everything of it has been sent. */
export interface Leave {
  readonly kind: 'leave'
}

export type Message = Hello | DeltaMessage | Ack | Heartbeat | Pull | State | Leave
