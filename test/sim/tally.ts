/** What many histories come to. Plain data, so that worker threads can hand it over. */

import type { Outcome } from './simulation.js'

export interface Failure {
  readonly seed: number
  readonly text: string
  readonly scenario: string
}

export interface Tally {
  seeds: number
  virtualMs: number
  events: number
  readonly failures: Failure[]
  readonly counts: Record<string, number>
}

export function newTally(): Tally {
  return { seeds: 0, virtualMs: 0, events: 0, failures: [], counts: {} }
}

export function addOutcome(
  tally: Tally,
  { seed, violation, scenario, virtualMs, events, counts }: Outcome,
): void {
  tally.seeds++
  tally.virtualMs += virtualMs
  tally.events += events
  addCounts(tally, counts)
  if (violation !== undefined) tally.failures.push({ seed, text: violation.text, scenario })
}

export function addTally(tally: Tally, other: Tally): void {
  tally.seeds += other.seeds
  tally.virtualMs += other.virtualMs
  tally.events += other.events
  tally.failures.push(...other.failures)
  addCounts(tally, other.counts)
}

function addCounts({ counts }: Tally, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) counts[name] = (counts[name] ?? 0) + count
}
