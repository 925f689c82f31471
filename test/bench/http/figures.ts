/** From rounds to figures: for each contender the median, for ratios how sure they are as well. */

import { median, type Quartiles, quartilesOf } from '../statistics.js'
import { FLOOR, STORE } from './candidates.js'
import type { Round, Slice } from './round.js'
import { KINDS, type Kind } from './user.js'

const FIGURES = {
  cpuMicrosPerRequest: ({ saturated }: Slice) => saturated.cpuMicrosPerRequest,
  requestsPerSecond: ({ saturated }: Slice) => saturated.requestsPerSecond,
  p50Ms: ({ atRate }: Slice) => atRate.p50Ms,
  p99Ms: ({ atRate }: Slice) => atRate.p99Ms,
  cpuMicrosPerRequestAtRate: ({ atRate }: Slice) => atRate.cpuMicrosPerRequest,
}
export type Figure = keyof typeof FIGURES

export interface Measured {
  /** Medians over the rounds. */
  medians: Record<Figure, number>
  /** In all rounds together. */
  wrongAnswers: number
  /** Times the other's figure in the same round; absent where that one was skipped. */
  toFloor?: Record<Figure, Quartiles>
  toStore?: Record<Figure, Quartiles>
}

export type Figures = Record<Kind, Record<string, Measured>>

export function figuresOf(rounds: readonly Round[]): Figures {
  const [write, read] = KINDS.map((kind) => ofKind(rounds.map((round) => round[kind])))
  return { write: write!, read: read! }
}

function ofKind(rounds: readonly Record<string, Slice>[]): Record<string, Measured> {
  const names = Object.keys(rounds[0] ?? {})
  const of = (name: string) => rounds.map((round) => round[name]!)
  const measured = (name: string): Measured => {
    const slices = of(name)
    return {
      medians: eachFigure((figure) => median(slices.map(figure))),
      wrongAnswers: slices.reduce((total, { saturated }) => total + saturated.wrongAnswers, 0),
      ...(names.includes(FLOOR) && { toFloor: ratios(slices, of(FLOOR)) }),
      ...(names.includes(STORE) && { toStore: ratios(slices, of(STORE)) }),
    }
  }
  return Object.fromEntries(names.sort().map((name) => [name, measured(name)]))
}

function ratios(slices: readonly Slice[], others: readonly Slice[]): Record<Figure, Quartiles> {
  return eachFigure((figure) => quartilesOf(slices.map((slice, i) => figure(slice) / figure(others[i]!))))
}

function eachFigure<T>(give: (figure: (slice: Slice) => number) => T): Record<Figure, T> {
  const entries = Object.entries(FIGURES).map(([name, figure]) => [name, give(figure)])
  return Object.fromEntries(entries) as Record<Figure, T>
}
