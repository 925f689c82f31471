/** What many histories come to. Plain data, so that worker threads can hand it over. */

import type { Outcome } from './history.js'

export interface Tally {
  seeds: number
  frames: number
  readonly faults: { readonly seed: number; readonly text: string }[]
  readonly counts: Record<string, number>
  readonly maxima: Record<string, number>
  slowest: { readonly ms: number; readonly what: string }
}

export function newTally(): Tally {
  return { seeds: 0, frames: 0, faults: [], counts: {}, maxima: {}, slowest: { ms: 0, what: '' } }
}

export function addOutcome(tally: Tally, { seed, frames, fault, counts, maxima, slowest }: Outcome): void {
  const faults = fault === undefined ? [] : [{ seed, text: fault }]
  addTally(tally, { seeds: 1, frames, faults, counts, maxima, slowest })
}

export function addTally(tally: Tally, other: Tally): void {
  tally.seeds += other.seeds
  tally.frames += other.frames
  tally.faults.push(...other.faults)
  for (const [name, count] of Object.entries(other.counts))
    tally.counts[name] = (tally.counts[name] ?? 0) + count
  for (const [name, value] of Object.entries(other.maxima))
    tally.maxima[name] = Math.max(tally.maxima[name] ?? 0, value)
  if (other.slowest.ms > tally.slowest.ms) tally.slowest = other.slowest
}
