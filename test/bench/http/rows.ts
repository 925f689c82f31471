/** The figures in words. */

import type { Row } from '../part.js'
import type { Quartiles } from '../statistics.js'
import { candidates, FLOOR, OURS, STORE } from './candidates.js'
import { USERS } from './contender.js'
import type { Measured, Result } from './result.js'
import type { Figures, Plan } from './round.js'
import { KINDS, SHOP_KINDS, type ShopKind, TIMED_KINDS, type TimedKind } from './user.js'

const GOALS: Record<TimedKind, number> = { write: 1.1, read: 1 }
const WHAT: Record<TimedKind | ShopKind, string> = {
  write: 'a request that changes 1 KB of session',
  read: 'a request that only reads 1 KB of session',
  shopWrite: 'a request that changes a nested session of 1 KB with cookie.maxAge',
  shopRead: 'a request that only reads a nested session of 1 KB with cookie.maxAge',
}

/** @param skipped why, by name */
export function rowsOf(result: Result, skipped: Record<string, string>, plan: Plan): Row[] {
  const timed = TIMED_KINDS.flatMap((kind) => timedRows(kind, result[kind], plan))
  const shop = SHOP_KINDS.map((kind) => cpuRow(kind, result[kind]))
  const noShop = Object.fromEntries(
    candidates.flatMap(({ name, whyNoShop }) => (whyNoShop === undefined ? [] : [[name, whyNoShop]])),
  )
  return [
    ...timed.map((row) => withSkipped(row, skipped)),
    ...shop.map((row) => withSkipped(row, { ...noShop, ...skipped })),
    withSkipped(answersRow(result), skipped),
  ]
}

function timedRows(kind: TimedKind, all: Record<string, Measured<Figures>>, { perSecond }: Plan): Row[] {
  const ours = all[OURS]!
  const { toFloor, toStore } = ours
  const rate = ({ medians }: Measured) => `${medians.requestsPerSecond.toFixed(0)}/s`
  const took = ({ medians }: Measured<Figures>) =>
    `${medians.p50Ms.toFixed(2)} and ${medians.p99Ms.toFixed(1)} ms at ${medians.heldPerSecond.toFixed(0)}/s`
  return [
    {
      ...cpuRow(kind, all),
      ...(toFloor && {
        goal: {
          says: `at most ${GOALS[kind].toFixed(2)} times ${FLOOR}`,
          isMet: toFloor.cpuMicrosPerRequest.median <= GOALS[kind],
        },
      }),
    },
    {
      what: `${WHAT[kind]}: requests/s of ${USERS} users`,
      measured: [rate(ours), times(toFloor?.requestsPerSecond, FLOOR)].join(''),
      beside: others(all, rate),
    },
    {
      what: `${WHAT[kind]}: p50 and p99 of its answer when ${perSecond}/s are sent, and what became of that rate`,
      measured: [took(ours), times(toStore?.p50Ms, STORE), times(toStore?.p99Ms, STORE)].join(''),
      beside: others(all, took),
      ...(toStore && {
        goal: {
          says: `both below ${STORE}`,
          isMet: toStore.p50Ms.median < 1 && toStore.p99Ms.median < 1,
        },
      }),
    },
  ]
}

function cpuRow(kind: TimedKind | ShopKind, all: Record<string, Measured>): Row {
  const micros = ({ medians }: Measured) => `${medians.cpuMicrosPerRequest.toFixed(0)} µs`
  const ours = all[OURS]!
  return {
    what: `${WHAT[kind]}: CPU of all server processes`,
    measured: [micros(ours), times(ours.toFloor?.cpuMicrosPerRequest, FLOOR)].join(''),
    beside: others(all, micros),
  }
}

/** Of all kinds that a contender was asked. */
function answersRow(result: Result): Row {
  const total = (name: string, count: 'asked' | 'wrongAnswers') =>
    KINDS.reduce((sum, kind) => sum + (result[kind][name]?.[count] ?? 0), 0)
  const wrong = (name: string) => `${total(name, 'wrongAnswers')} of ${total(name, 'asked')}`
  return {
    what: 'answers without what their user was told before',
    measured: wrong(OURS),
    beside: others(result.write, (_, name) => wrong(name)),
    goal: { says: '0', isMet: total(OURS, 'wrongAnswers') === 0 },
  }
}

function withSkipped(row: Row, skipped: Record<string, string>): Row {
  const missing = [...new Set(Object.values(skipped))].map((why) => {
    const names = Object.keys(skipped).filter((name) => skipped[name] === why)
    return `${names.join(' and ')} skipped: ${why}`
  })
  return { ...row, beside: [row.beside, ...missing].join(', ') }
}

/** With what half of the rounds lie between. */
function times(ratio: Quartiles | undefined, name: string): string {
  if (ratio === undefined) return ''
  const [q1, mid, q3] = [ratio.q1, ratio.median, ratio.q3].map((value) => value.toFixed(2))
  // (Of fewer rounds there are no quarters.)
  return ratio.samples < 4 ? `, ${mid} times ${name}` : `, ${mid} (${q1}–${q3}) times ${name}`
}

function others<M extends Measured>(
  all: Record<string, M>,
  say: (measured: M, name: string) => string,
): string {
  return candidates
    .filter(({ name }) => name !== OURS && all[name] !== undefined)
    .map(({ name }) => `${name} ${say(all[name]!, name)}`)
    .join(', ')
}
