/** A short run of `test/chaos`: every kind of fault once, while clients check what they are answered. */

import { expect, test } from 'vitest'
import { drawRound, memberNames, runChaos } from '../chaos/run.js'
import { KINDS } from '../support/faults/faults.js'
import { leaveNothingBehind } from '../support/leaks.js'

leaveNothingBehind()

const SEED = 1
/** Chosen: together they have every kind of fault, and none of them is long. */
const ROUNDS = [396, 2311, 803, 192, 158]
const MEMBERS = 5

test('random faults on five processes: no answer is wrong, nothing confirmed is lost, nothing ended comes back', async () => {
  const drawn = ROUNDS.flatMap((round) =>
    drawRound({ seed: SEED, kinds: KINDS }, round, memberNames(MEMBERS)).map(({ kind }) => kind),
  )
  expect([...new Set(drawn)].sort(), 'the kinds of the rounds chosen').toEqual([...KINDS].sort())

  const lines: string[] = []
  const totals = await runChaos({
    seed: SEED,
    rounds: ROUNDS,
    members: MEMBERS,
    clients: 6,
    kinds: KINDS,
    print: (line) => lines.push(line),
  })
  expect(totals.rounds).toBe(ROUNDS.length)
  // A run in which nobody asked or ended anything would prove nothing.
  expect(totals.tally.requests, lines.join('\n')).toBeGreaterThan(100)
  expect(totals.ended, lines.join('\n')).toBeGreaterThan(0)
})
