/** A fixed set of histories. More: `npx -y pnpm@10 sim --seeds 10000 --from 1000`. */

import { describe, expect, test } from 'vitest'
import { simulate } from './simulation.js'

const SEEDS = 400
const PARTS = 8

describe('every promise holds in histories full of faults', () => {
  for (let part = 0; part < PARTS; part++) {
    const from = 1 + (part * SEEDS) / PARTS
    const to = from + SEEDS / PARTS - 1
    test(`seeds ${from} to ${to}`, { timeout: 120_000 }, () => {
      for (let seed = from; seed <= to; seed++) {
        const { violation } = simulate({ seed })
        if (violation === undefined) continue
        const { transcript, scenario } = simulate({ seed, isTracing: true })
        const replay = `npx -y pnpm@10 sim --seeds 1 --from ${seed} --transcript`
        expect.fail(
          `seed ${seed}: ${violation.text}\n${scenario}\nreplay: ${replay}\n${transcript.slice(-60).join('\n')}`,
        )
      }
    })
  }
})
