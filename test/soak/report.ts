/** The figures of a run, for people. */

import { perHourOf } from './slope.js'
import type { SoakResult } from './soak.js'
import type { Judged } from './verdict.js'

/** @returns what grows, in words; empty: all is well */
export function growth(judged: readonly Judged[]): string[] {
  return judged
    .filter(({ grows }) => grows)
    .map(({ member, quantity, slope }) => {
      const { perHour, plusMinus, forMs } = slope
      const allowed = shown(perHourOf(quantity.allowed, forMs))
      return `${quantity.name} of ${member} grows by ${shown(perHour)} ± ${shown(plusMinus)} ${quantity.unit}/h, and ${allowed} are allowed`
    })
}

export function table(judged: readonly Judged[]): string {
  const head = ['member', 'quantity', 'first', 'last', 'per hour', '±', 'allowed', '']
  const rows = judged.map(({ member, pid, quantity, slope, grows }) => {
    const { first, last, perHour, plusMinus, forMs } = slope
    const unit = quantity.unit === '' ? '' : ` ${quantity.unit}`
    const allowed = perHourOf(quantity.allowed, forMs)
    const figures = [first, last, perHour, plusMinus, allowed].map(shown)
    return [`${member} (${pid})`, `${quantity.name}${unit}`, ...figures, grows ? 'GROWS' : '']
  })
  const all = [head, ...rows]
  const widths = head.map((_, i) => Math.max(...all.map((row) => row[i]!.length)))
  const aligned = (text: string, i: number) => (i < 2 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!))
  return all.map((row) => row.map(aligned).join('  ').trimEnd()).join('\n')
}

export function summary({
  tally,
  forMs,
  answered,
  writesPerSecond,
  faults,
  warmUpMs,
  judged,
  series,
}: SoakResult): string {
  const { created, changed, destroyed, visits, none, one, all } = tally
  const counted = (counts: object) =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')
  const seconds = forMs / 1_000
  const isJudged = (pid: number | undefined) => judged.some((each) => each.pid === pid)
  const short = series.filter(({ samples }) => !isJudged(samples[0]?.pid)).length
  return [
    `${answered} writes in ${seconds.toFixed(0)} s: ${(answered / seconds).toFixed(0)} a second of ${writesPerSecond} that were to be`,
    `confirmed: ${counted({ created, changed, destroyed, visits })}; with acks ${counted({ none, one, all })}`,
    `told: ${counted({ ...pick(tally, ['missedAcks', 'refused', 'broken', 'givenUp', 'stale', 'lost', 'excused', 'withheld']) })}`,
    `faults: ${counted(faults)}`,
    `judged after ${(warmUpMs / 1_000).toFixed(0)} s of each process; ${short} processes lived too short to be judged`,
  ].join('\n')
}

function pick<T extends object>(whole: T, names: readonly (keyof T)[]): Partial<T> {
  return Object.fromEntries(names.map((name) => [name, whole[name]])) as Partial<T>
}

function shown(value: number): string {
  const magnitude = Math.abs(value)
  return value.toFixed(magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2)
}
