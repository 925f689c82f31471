/** The simulation has to find each deliberate fault in the core. A mutant that survives is a hole in the suite. */

import { describe, expect, test } from 'vitest'
import { editsOf, firstSeedOf, mutants } from './mutants.js'
import { findFault, timeoutMs } from './mutate.js'

/** To compile, and a moment to end. */
const MORE_MS = 180_000

// (One after the other: the other core has the tests that measure time.)
describe('a fault in the core is found by the simulation', () => {
  for (const mutant of mutants) {
    const { name, seeds, by } = mutant
    test(name, { timeout: timeoutMs(seeds) + MORE_MS }, async ({ signal }) => {
      const from = firstSeedOf(mutant)
      const found = await findFault(editsOf(mutant), { from, seeds }, signal)
      expect(found, `survived ${seeds} seeds from ${from}: a hole in the suite`).toBeDefined()
      expect(by, `seed ${found?.seed}: ${found?.text}`).toContain(found?.by)
    })
  }

  test('in a core without any it finds none', { timeout: timeoutMs(60) + MORE_MS }, async ({ signal }) => {
    expect(await findFault([], { from: 1, seeds: 60 }, signal)).toBeUndefined()
  })
})

describe('the mutants', () => {
  test('are many, and no two are the same', () => {
    const texts = mutants.map((mutant) => JSON.stringify(editsOf(mutant)))
    expect([new Set(texts).size, new Set(mutants.map(({ name }) => name)).size]).toEqual([
      mutants.length,
      mutants.length,
    ])
    expect(mutants.length).toBeGreaterThanOrEqual(20)
  })

  test('that no longer fit the source say so', async () => {
    const edit = { file: 'stamp.ts', find: 'no such line', replace: '' }
    await expect(findFault([edit], { from: 1, seeds: 1 })).rejects.toThrow(/stamp.ts has 0 of/)
  })
})
