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
  /** Those before do not count. */
  idleRounds: number
  /** In each round every contender has so many turns with each kind of request. */
  turns: number
  /** In each turn: so many as fast as they are answered… */
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

/** The order is drawn anew for each turn; all contenders get the same arrivals. */
export async function oneRound(contenders: readonly Contender[], plan: Plan, random: Random): Promise<Round> {
  const round: Round = { write: {}, read: {} }
  for (const kind of KINDS) {
    const slices = contenders.map((contender) => ({
      contender,
      closed: [] as ClosedLoop[],
      open: [] as OpenLoop[],
    }))
    for (let turn = 0; turn < plan.turns; turn++) {
      const atMs = arrivals(plan.timedRequests, plan.perSecond, random)
      for (const { contender, closed, open } of shuffled(slices, random)) {
        closed.push(await closedLoop(contender, kind, plan.requests))
        open.push(await openLoop(contender, kind, atMs))
      }
    }
    for (const { contender, closed, open } of slices) round[kind][contender.name] = figuresOf(closed, open)
  }
  return round
}

function figuresOf(closed: readonly ClosedLoop[], open: readonly OpenLoop[]): Figures {
  const answersMs = open.flatMap((each) => each.answersMs)
  const requests = sum(closed, (each) => each.requests)
  return {
    cpuMicrosPerRequest: sum(closed, (each) => each.cpuMicros) / requests,
    requestsPerSecond: (requests / sum(closed, (each) => each.tookMs)) * 1_000,
    p50Ms: percentile(answersMs, 50),
    p99Ms: percentile(answersMs, 99),
    cpuMicrosPerRequestAtRate: sum(open, (each) => each.cpuMicros) / answersMs.length,
    wrongAnswers: sum([...closed, ...open], (each) => each.wrongAnswers),
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const keyed = items.map((item) => ({ item, key: random.next() }))
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item)
}
