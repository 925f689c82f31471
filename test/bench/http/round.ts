/** What is measured, and how much of it: slices small enough that whatever else the machine does meets all contenders. */

import type { Random } from '../../sim/random.js'
import { percentile } from '../statistics.js'
import type { Contender } from './contender.js'
import { arrivals, type ClosedLoop, closedLoop, type OpenLoop, openLoop, type Requests } from './load.js'
import { SHOP_KINDS, type ShopKind, TIMED_KINDS, type TimedKind } from './user.js'

export interface Plan {
  rounds: number
  /** So many more before those, which do not count. */
  warmUpRounds: number
  /** In each round, with each kind of request of which the time is taken… */
  timed: Requests
  /** … and then so many at this rate, of which it is. */
  timedRequests: number
  perSecond: number
  /** In each round, with each of the others. */
  shop: Requests
  /** Each contender serves at least so long, and so many, before all that. */
  warmUpMs: number
  warmUpRequests: number
}

export interface Costs {
  cpuMicrosPerRequest: number
  requestsPerSecond: number
}

export interface Figures extends Costs {
  p50Ms: number
  p99Ms: number
  /** The same as the first one, at the rate at which answers were timed. */
  cpuMicrosPerRequestAtRate: number
  /** What became of that rate: less where the machine, or who answers, was too slow for it. */
  heldPerSecond: number
}

/** One contender with one kind of request in one round. */
export interface Slice<F extends Costs = Costs> {
  figures: F
  /** Of the requests that count. */
  asked: number
  wrongAnswers: number
}

/** By the contender's name. */
export type Round = Record<TimedKind, Record<string, Slice<Figures>>> &
  Record<ShopKind, Record<string, Slice>>

/** The order is drawn anew; all contenders get the same arrivals. */
export async function oneRound(contenders: readonly Contender[], plan: Plan, random: Random): Promise<Round> {
  const round: Round = { write: {}, read: {}, shopWrite: {}, shopRead: {} }
  const inTurn = (kind: TimedKind | ShopKind) =>
    shuffled(
      contenders.filter(({ kinds }) => kinds.includes(kind)),
      random,
    )
  for (const kind of TIMED_KINDS) {
    const atMs = arrivals(plan.timedRequests, plan.perSecond, random)
    for (const contender of inTurn(kind)) {
      const closed = await closedLoop(contender, kind, plan.timed)
      const open = await openLoop(contender, kind, atMs)
      round[kind][contender.name] = timedSlice(closed, open)
    }
  }
  for (const kind of SHOP_KINDS) {
    for (const contender of inTurn(kind)) {
      const closed = await closedLoop(contender, kind, plan.shop)
      const { asked, wrongAnswers } = closed
      round[kind][contender.name] = { figures: costsOf(closed), asked, wrongAnswers }
    }
  }
  return round
}

function costsOf({ cpuMicros, asked, tookMs }: ClosedLoop): Costs {
  return { cpuMicrosPerRequest: cpuMicros / asked, requestsPerSecond: (asked / tookMs) * 1_000 }
}

function timedSlice(closed: ClosedLoop, open: OpenLoop): Slice<Figures> {
  return {
    figures: {
      ...costsOf(closed),
      p50Ms: percentile(open.answersMs, 50),
      p99Ms: percentile(open.answersMs, 99),
      cpuMicrosPerRequestAtRate: open.cpuMicros / open.asked,
      heldPerSecond: (open.asked / open.sendingMs) * 1_000,
    },
    asked: closed.asked + open.asked,
    wrongAnswers: closed.wrongAnswers + open.wrongAnswers,
  }
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const keyed = items.map((item) => ({ item, key: random.next() }))
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item)
}
