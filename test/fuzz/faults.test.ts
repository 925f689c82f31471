/** The fuzzer finds deliberate faults, each one a check that somebody could leave out. */

import { describe, expect, test } from 'vitest'
import { atMost } from '../mutants/at-most.js'
import { type Edit, fuzzFault } from '../mutants/mutate.js'

interface Fault extends Edit {
  readonly name: string
  readonly also?: readonly Edit[]
  /** The first one. */
  readonly seed?: number
  readonly frames: number
  /** Sends thousands at once. */
  readonly isHeavy?: boolean
  readonly says: RegExp
}

const faults: readonly Fault[] = [
  {
    name: 'an array is not looked at before it is read',
    file: 'wire.ts',
    find: ' is not an array`)\n  return value\n',
    replace: ' is not an array`)\n  return value as readonly unknown[]\n',
    also: [
      { file: 'wire.ts', find: 'if (!Array.isArray(value)) throw', replace: 'if (value === null) throw' },
    ],
    frames: 5_000,
    says: /TypeError/,
  },
  {
    name: 'a moment may be any number',
    file: 'wire.ts',
    find: 'const MAX_MOMENT_MS = 2 ** 50',
    replace: 'const MAX_MOMENT_MS = Number.MAX_VALUE',
    seed: 4000,
    frames: 100_000,
    says: /cut its link|used at/,
  },
  {
    name: 'a heartbeat that is refused was heard',
    file: 'heartbeats.ts',
    find: '    const before = this.#heard.get(link)\n',
    replace:
      '    const before = this.#heard.get(link)\n    if (roster?.[0] !== undefined) this.#context.members.toldRoster(this.#context.members.linked()[0]!, roster, 0, { wallMs: 0, monoMs: 0 })\n',
    frames: 50_000,
    says: /did harm/,
  },
  {
    name: 'who ends a transfer knows what we wrote',
    file: 'pulls.ts',
    find: '.filter(({ origin }) => origin !== this.#context.self.id)',
    replace: '',
    frames: 50_000,
    says: /left alone|instead of/,
  },
  {
    name: 'members are known without end',
    file: 'members.ts',
    find: '    if (this.#peers.size < MAX_MEMBERS) return true\n',
    replace: '    if (this.#peers.size < 100 * MAX_MEMBERS) return true\n',
    frames: 50_000,
    isHeavy: true,
    says: /members: \d+, and at most/,
  },
]

const LIMIT_MS = 300_000
const twoAtATime = atMost(2)

describe.concurrent('a fault in the core is found by the fuzzer', () => {
  test.for(faults)('$name', { timeout: LIMIT_MS }, async (fault, { signal }) => {
    const { also = [], seed = 1, frames, isHeavy = false, says } = fault
    const found = await twoAtATime(() => fuzzFault([fault, ...also], { seed, frames, isHeavy }, signal))
    expect(found, `survived ${frames} frames`).toMatch(says)
  })
})
