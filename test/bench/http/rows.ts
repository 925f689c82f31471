/** The figures in words. */

import type { Row } from '../part.js'
import type { Quartiles } from '../statistics.js'
import { candidates, FLOOR, OURS, STORE } from './candidates.js'
import type { Measured, Result } from './result.js'
import type { Plan } from './round.js'
import { KINDS, type Kind } from './user.js'

const GOALS: Record<Kind, number> = { write: 1.1, read: 1 }
const DOES: Record<Kind, string> = { write: 'changes', read: 'only reads' }

export function rowsOf(result: Result, skipped: Record<string, string>, plan: Plan): Row[] {
  const rows = KINDS.flatMap((kind) => ofKind(kind, result[kind], plan))
  const wrong = (name: string) => KINDS.reduce((sum, kind) => sum + result[kind][name]!.wrongAnswers, 0)
  const asked = KINDS.length * plan.rounds * (plan.leadIn + plan.requests + plan.timedRequests)
  rows.push({
    what: `answers without what their user was told before, of ${asked}`,
    measured: `${wrong(OURS)}`,
    beside: others(result.write, (_, name) => `${wrong(name)}`),
    goal: { says: '0', isMet: wrong(OURS) === 0 },
  })
  const missing = [...new Set(Object.values(skipped))].map((why) => {
    const names = Object.keys(skipped).filter((name) => skipped[name] === why)
    return `${names.join(' and ')} skipped: ${why}`
  })
  return rows.map((row) => ({ ...row, beside: [row.beside, ...missing].join(', ') }))
}

function ofKind(kind: Kind, all: Record<string, Measured>, { users, perSecond }: Plan): Row[] {
  const ours = all[OURS]!
  const micros = ({ medians }: Measured) => `${medians.cpuMicrosPerRequest.toFixed(0)} µs`
  const rate = ({ medians }: Measured) => `${medians.requestsPerSecond.toFixed(0)}/s`
  const took = ({ medians }: Measured) => `${medians.p50Ms.toFixed(2)} and ${medians.p99Ms.toFixed(1)} ms`
  const { toFloor, toStore } = ours
  const what = `a request that ${DOES[kind]} 1 KB of session`
  return [
    {
      what: `${what}: CPU of all server processes`,
      measured: [micros(ours), times(toFloor?.cpuMicrosPerRequest, FLOOR)].join(''),
      beside: others(all, micros),
      ...(toFloor && {
        goal: {
          says: `at most ${GOALS[kind].toFixed(2)} times ${FLOOR}`,
          isMet: toFloor.cpuMicrosPerRequest.median <= GOALS[kind],
        },
      }),
    },
    {
      what: `${what}: requests/s of ${users} users`,
      measured: [rate(ours), times(toFloor?.requestsPerSecond, FLOOR)].join(''),
      beside: others(all, rate),
    },
    {
      what: `${what}: p50 and p99 of its answer at ${perSecond}/s`,
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

/** With what half of the rounds lie between. */
function times(ratio: Quartiles | undefined, name: string): string {
  if (ratio === undefined) return ''
  const [q1, mid, q3] = [ratio.q1, ratio.median, ratio.q3].map((value) => value.toFixed(2))
  return `, ${mid} (${q1}–${q3}) times ${name}`
}

function others(all: Record<string, Measured>, say: (measured: Measured, name: string) => string): string {
  return candidates
    .filter(({ name }) => name !== OURS && all[name] !== undefined)
    .map(({ name }) => `${name} ${say(all[name]!, name)}`)
    .join(', ')
}
