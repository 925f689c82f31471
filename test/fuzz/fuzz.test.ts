/** A fixed set of histories, and some that nobody has seen. More: `npx -y pnpm@10 fuzz --frames 1000000 --seed fresh`. */

import { describe, expect, test } from 'vitest'
import { BOUNDS } from './bounds.js'
import { FRAMES_OF_A_HISTORY, runHistory } from './history.js'
import { addOutcome, newTally } from './tally.js'

const SEEDS = 12
const LIMIT_MS = 300_000

function holds(seed: number, tally = newTally(), isHeavy = false): void {
  const outcome = runHistory({ seed, frames: FRAMES_OF_A_HISTORY, isHeavy })
  addOutcome(tally, outcome)
  if (outcome.fault === undefined) return
  const replay = `npx -y pnpm@10 fuzz --seed ${seed} --frames ${FRAMES_OF_A_HISTORY}${isHeavy ? ' --heavy' : ''}`
  expect.fail(`seed ${seed}: ${outcome.fault}\nreplay: ${replay}`)
}

describe('a hostile member that holds the secret ends no process, holds up nobody, and harms nothing but its own links', () => {
  test(`in ${SEEDS * FRAMES_OF_A_HISTORY} frames that are the same each time`, { timeout: LIMIT_MS }, () => {
    const tally = newTally()
    for (let seed = 1; seed <= SEEDS; seed++) holds(seed, tally)
    // What never comes cannot go wrong: of each there must have been some that were taken, and some that were not.
    const ways = [
      'flood',
      'flood, mutated',
      'tree',
      'bytes',
      'stamps',
      'moments',
      'answer',
      'hello',
      'hello, mutated',
      'replay',
    ]
    const missing = ways.filter((how) => !tally.counts[`${how}: taken`] || !tally.counts[`${how}: refused`])
    expect(missing).toEqual([])
    expect(Object.keys(tally.maxima).sort()).toEqual(Object.keys(BOUNDS).sort())
  })

  test(`in as many that nobody has seen`, { timeout: LIMIT_MS }, () => {
    const first = Math.floor(Date.now() / 1_000)
    for (let seed = first; seed < first + SEEDS; seed++) holds(seed)
  })

  test('by thousands of members and sessions that it makes up', { timeout: LIMIT_MS }, () => {
    const tally = newTally()
    // (How many a history gets to depends on the shape of each frame.)
    for (let seed = 7; seed <= 15 && tally.maxima.members !== BOUNDS.members; seed++) holds(seed, tally, true)
    expect(tally.maxima.members).toBe(BOUNDS.members)
  })
})

test('a seed replays to the same frame', { timeout: LIMIT_MS }, () => {
  for (let seed = 1; seed <= 4; seed++) {
    const [first, again] = [runHistory({ seed, frames: 1_000 }), runHistory({ seed, frames: 1_000 })]
    expect([again.counts, again.maxima]).toEqual([first.counts, first.maxima])
  }
})
