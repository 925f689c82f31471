/** What is looked at in every member, and how much more of it there may be at the end than after the warm-up. */

import type { Vitals } from '../support/measuring/protocol.js'

export interface Quantity {
  name: string
  unit: '' | 'MiB'
  /** `undefined`: it was not looked at in this sample. */
  of: (vitals: Vitals) => number | undefined
  /**
   * By so much it may be sure to grow in all the time that is judged, whether that is a minute or an hour: what fills up
   * to a bound of its own, and by chance more faults at the end than at the beginning. A leak has no bound.
   */
  allowed: number
}

const MIB = 1024 * 1024

export const QUANTITIES: readonly Quantity[] = [
  // The rings of diagnostics fill up for minutes, V8 keeps what it learns of code that runs seldom.
  { name: 'heap', unit: 'MiB', of: ({ collected }) => mib(collected?.heapBytes), allowed: 2.5 },
  { name: 'external', unit: 'MiB', of: ({ collected }) => mib(collected?.externalBytes), allowed: 1 },
  // What the allocator keeps for later is not given back.
  { name: 'resident', unit: 'MiB', of: ({ residentBytes }) => mib(residentBytes), allowed: 25 },
  { name: 'timers', unit: '', of: ({ timers }) => timers, allowed: 15 },
  // Those of HTTP are as many as answers are owed.
  { name: 'handles', unit: '', of: ({ resources }) => handles(resources), allowed: 15 },
  // What nobody knows the id of, as a connection broke, stays until it expires.
  { name: 'sessions', unit: '', of: ({ sessions }) => sessions, allowed: 40 },
  // Those of some seconds, and of some more while a member that was killed is not back.
  { name: 'tombstones', unit: '', of: ({ tombstones }) => tombstones, allowed: 75 },
  { name: 'held', unit: 'MiB', of: ({ heldBytes }) => mib(heldBytes), allowed: 0.1 },
  { name: 'buffered', unit: 'MiB', of: ({ bufferedBytes }) => mib(bufferedBytes), allowed: 0.1 },
  { name: 'pending', unit: '', of: ({ pending }) => pending, allowed: 2 },
  { name: 'digest', unit: '', of: ({ digest }) => digest, allowed: 2 },
  { name: 'members', unit: '', of: ({ members }) => members, allowed: 2 },
  { name: 'candidates', unit: '', of: ({ candidates }) => candidates, allowed: 2 },
]

function handles(resources: Readonly<Record<string, number>>): number {
  const counts = Object.entries(resources).filter(([kind]) => kind.endsWith('Wrap'))
  return counts.reduce((total, [, count]) => total + count, 0)
}

function mib(bytes: number | undefined): number | undefined {
  return bytes === undefined ? undefined : bytes / MIB
}
