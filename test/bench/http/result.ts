/** From rounds to one result: for each contender the medians, for ratios how sure they are as well. */

import { eachFigure, medianOf, type Quartiles, quartilesOf } from '../statistics.js'
import { FLOOR, STORE } from './candidates.js'
import type { Costs, Figures, Round, Slice } from './round.js'
import type { ShopKind, TimedKind } from './user.js'

export interface Measured<F extends Costs = Costs> {
  /** Over the rounds. */
  medians: F
  /** In all of them together. */
  asked: number
  wrongAnswers: number
  /** Of the figures to those of the other one in the same round; absent where that one was skipped. */
  toFloor?: Record<keyof F, Quartiles>
  toStore?: Record<keyof F, Quartiles>
}

export type Result = Record<TimedKind, Record<string, Measured<Figures>>> &
  Record<ShopKind, Record<string, Measured>>

export function resultOf(rounds: readonly Round[]): Result {
  return {
    write: ofKind(rounds.map(({ write }) => write)),
    read: ofKind(rounds.map(({ read }) => read)),
    shopWrite: ofKind(rounds.map(({ shopWrite }) => shopWrite)),
    shopRead: ofKind(rounds.map(({ shopRead }) => shopRead)),
  }
}

function ofKind<F extends Costs & Record<keyof F, number>>(
  rounds: readonly Record<string, Slice<F>>[],
): Record<string, Measured<F>> {
  const names = Object.keys(rounds[0] ?? {})
  const of = (name: string) => rounds.map((round) => round[name]!)
  const figuresOf = (name: string) => of(name).map(({ figures }) => figures)
  const total = (name: string, count: 'asked' | 'wrongAnswers') =>
    of(name).reduce((sum, slice) => sum + slice[count], 0)
  const ratiosTo = (other: string, name: string) =>
    eachFigure(figuresOf(name), (samples, figure) =>
      quartilesOf(samples.map((sample, i) => sample / figuresOf(other)[i]![figure])),
    )
  const measured = (name: string): Measured<F> => ({
    medians: medianOf(figuresOf(name)),
    asked: total(name, 'asked'),
    wrongAnswers: total(name, 'wrongAnswers'),
    ...(names.includes(FLOOR) && { toFloor: ratiosTo(FLOOR, name) }),
    ...(names.includes(STORE) && { toStore: ratiosTo(STORE, name) }),
  })
  return Object.fromEntries(names.map((name) => [name, measured(name)]))
}
