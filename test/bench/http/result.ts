/** From rounds to one result: for each contender the medians, for ratios how sure they are as well. */

import { median, type Quartiles, quartilesOf } from '../statistics.js'
import { FLOOR, STORE } from './candidates.js'
import type { Figures, Round } from './round.js'
import { KINDS, type Kind } from './user.js'

export type Name = Exclude<keyof Figures, 'wrongAnswers'>
const NAMES = [
  'cpuMicrosPerRequest',
  'requestsPerSecond',
  'p50Ms',
  'p99Ms',
  'cpuMicrosPerRequestAtRate',
] as const satisfies Name[]

export interface Measured {
  /** Over the rounds. */
  medians: Record<Name, number>
  /** In all of them together. */
  wrongAnswers: number
  /** Of the figures to those of the other one in the same round; absent where that one was skipped. */
  toFloor?: Record<Name, Quartiles>
  toStore?: Record<Name, Quartiles>
}

export type Result = Record<Kind, Record<string, Measured>>

export function resultOf(rounds: readonly Round[]): Result {
  const [write, read] = KINDS.map((kind) => ofKind(rounds.map((round) => round[kind])))
  return { write: write!, read: read! }
}

function ofKind(rounds: readonly Record<string, Figures>[]): Record<string, Measured> {
  const names = Object.keys(rounds[0] ?? {})
  const of = (name: string) => rounds.map((round) => round[name]!)
  const measured = (name: string): Measured => ({
    medians: each((figure) => median(of(name).map((figures) => figures[figure]))),
    wrongAnswers: of(name).reduce((total, { wrongAnswers }) => total + wrongAnswers, 0),
    ...(names.includes(FLOOR) && { toFloor: ratios(of(name), of(FLOOR)) }),
    ...(names.includes(STORE) && { toStore: ratios(of(name), of(STORE)) }),
  })
  return Object.fromEntries(names.map((name) => [name, measured(name)]))
}

function ratios(rounds: readonly Figures[], others: readonly Figures[]): Record<Name, Quartiles> {
  return each((figure) => quartilesOf(rounds.map((figures, i) => figures[figure] / others[i]![figure])))
}

function each<T>(give: (figure: Name) => T): Record<Name, T> {
  return Object.fromEntries(NAMES.map((name) => [name, give(name)])) as Record<Name, T>
}
