/** What is measured, and how much of it: slices small enough that whatever else the machine does meets all contenders. */

import type { Random } from '../../sim/random.js'
import { percentile } from '../statistics.js'
import type { Contender } from './contender.js'
import { arrivals, type ClosedLoop, closedLoop, type OpenLoop, openLoop } from './load.js'
import { KINDS, type Kind } from './user.js'

export interface Plan {
  users: number
  servers: number
  payloadBytes: number
  rounds: number
  /** So many more before those, which do not count. */
  warmUpRounds: number
  /** In each round, with each kind of request: so many as fast as they are answered that do not count… */
  leadIn: number
  /** … so many that do… */
  requests: number
  /** … and then at this rate so many, of which the time of the answer is taken. */
  perSecond: number
  timedRequests: number
  /** Each contender serves at least so long, and so many, before all that. */
  warmUpMs: number
  warmUpRequests: number
}

/** One contender with one kind of request in one round. */
export interface Figures {
  cpuMicrosPerRequest: number
  requestsPerSecond: number
  p50Ms: number
  p99Ms: number
  /** The same as the first one, at the rate at which answers were timed. */
  cpuMicrosPerRequestAtRate: number
  wrongAnswers: number
}

/** By the contender's name. */
export type Round = Record<Kind, Record<string, Figures>>

/** The order is drawn anew; all contenders get the same arrivals. */
export async function oneRound(contenders: readonly Contender[], plan: Plan, random: Random): Promise<Round> {
  const round: Round = { write: {}, read: {} }
  for (const kind of KINDS) {
    const atMs = arrivals(plan.timedRequests, plan.perSecond, random)
    for (const contender of shuffled(contenders, random)) {
      const closed = await closedLoop(contender, kind, plan)
      round[kind][contender.name] = figuresOf(closed, await openLoop(contender, kind, atMs))
    }
  }
  return round
}

function figuresOf(closed: ClosedLoop, open: OpenLoop): Figures {
  return {
    cpuMicrosPerRequest: closed.cpuMicros / closed.requests,
    requestsPerSecond: (closed.requests / closed.tookMs) * 1_000,
    p50Ms: percentile(open.answersMs, 50),
    p99Ms: percentile(open.answersMs, 99),
    cpuMicrosPerRequestAtRate: open.cpuMicros / open.answersMs.length,
    wrongAnswers: closed.wrongAnswers + open.wrongAnswers,
  }
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const keyed = items.map((item) => ({ item, key: random.next() }))
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item)
}
