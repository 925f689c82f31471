/** What is measured, and how much of it. */

import type { ClosedLoop, OpenLoop } from './load.js'
import type { Kind } from './user.js'

export interface Plan {
  users: number
  servers: number
  payloadBytes: number
  rounds: number
  /** Of each kind, in each round, as fast as they are answered. */
  requests: number
  /** The rate at which answers are timed, and how many of them. */
  perSecond: number
  timedRequests: number
  /** Each contender serves at least so long, and so many, before anything counts. */
  warmUpMs: number
  warmUpRequests: number
}

/** One slice of one contender: first as much as it can do, then at the rate. */
export interface Slice {
  saturated: ClosedLoop
  atRate: OpenLoop
}

/** By the contender's name. */
export type Round = Record<Kind, Record<string, Slice>>
