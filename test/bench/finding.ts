/** How long five hosts that are told nothing but a secret take to become one cluster. */

import { memberOn, startInTurn, whyNotHere } from '../hosts/members.js'
import { cleanUp } from '../support/cleanup.js'
import { Lan } from '../support/lan.js'
import type { BenchOptions, PartResult } from './part.js'
import { type Spread, spreadOf } from './statistics.js'

const HOSTS = 5
const GOAL_MS = 2_000

export async function finding({ quick }: BenchOptions): Promise<PartResult> {
  const what = `${HOSTS} hosts, zero configuration: last start to full mesh`
  if (whyNotHere !== undefined) return { figures: {}, rows: [{ what, measured: `skipped: ${whyNotHere}` }] }
  const [meshMs, joinMs]: [number[], number[]] = [[], []]
  for (let i = 0; i < (quick ? 2 : 20); i++) {
    const members = new Lan().hosts(HOSTS).map((host, i) => memberOn(host, `m${i + 1}`))
    const took = await startInTurn(members)
    meshMs.push(took.meshMs)
    joinMs.push(took.joinMs)
    await cleanUp()
  }
  const figures = { meshMs: spreadOf(meshMs), joinMs: spreadOf(joinMs), goalMs: GOAL_MS }
  return {
    figures,
    rows: [
      {
        what: `${what}, ${meshMs.length} times`,
        measured: described(figures.meshMs),
        goal: { says: `max < ${GOAL_MS} ms`, isMet: figures.meshMs.max < GOAL_MS },
      },
      {
        what: 'of that the last one joining, the start of its process aside',
        measured: described(figures.joinMs),
      },
    ],
  }
}

function described({ p50, max }: Spread): string {
  return `p50 ${p50.toFixed(0)} ms, max ${max.toFixed(0)} ms`
}
