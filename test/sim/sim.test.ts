/** A fixed set of histories. More: `node test/dist/sim/main.js --seeds 10000 --from 1000`. */

import { describe, expect, test } from 'vitest'
import { simulate } from './simulation.js'

const SEEDS = 120
const PARTS = 8

describe('every promise holds in histories full of faults', () => {
  for (let part = 0; part < PARTS; part++) {
    const from = 1 + (part * SEEDS) / PARTS
    const to = from + SEEDS / PARTS - 1
    test(`seeds ${from} to ${to}`, { timeout: 120_000 }, () => {
      for (let seed = from; seed <= to; seed++) {
        const { violation } = simulate({ seed })
        if (violation === undefined) continue
        const { transcript } = simulate({ seed, isTracing: true })
        const replay = `node test/dist/sim/main.js --seeds 1 --from ${seed} --transcript`
        expect.fail(`seed ${seed}: ${violation}\nreplay: ${replay}\n${transcript.slice(-60).join('\n')}`)
      }
    })
  }
})
