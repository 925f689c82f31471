/** How long five hosts that are told nothing but a secret take to become one cluster. */

import { allSeeAll, memberOn, whyNotHere } from '../hosts/members.js'
import { cleanUp } from '../support/cleanup.js'
import { Lan } from '../support/lan.js'
import { pause } from '../support/wait.js'
import type { BenchOptions, PartResult } from './part.js'
import { type Spread, spreadOf } from './statistics.js'

const HOSTS = 5
const GOAL_MS = 2_000

export async function finding({ quick }: BenchOptions): Promise<PartResult> {
  const what = `${HOSTS} hosts, zero configuration: last start to full mesh`
  if (whyNotHere !== undefined) return { figures: {}, rows: [{ what, measured: `skipped: ${whyNotHere}` }] }
  const [meshMs, joinMs]: [number[], number[]] = [[], []]
  for (let i = 0; i < (quick ? 2 : 20); i++) {
    const { mesh, join } = await oneCluster()
    meshMs.push(mesh)
    joinMs.push(join)
    await cleanUp()
  }
  const figures = { meshMs: spreadOf(meshMs), joinMs: spreadOf(joinMs), goalMs: GOAL_MS }
  return {
    figures,
    rows: [
      {
        what: `${what}, ${meshMs.length} times`,
        measured: described(figures.meshMs),
        goal: `max < ${GOAL_MS} ms`,
      },
      {
        what: 'of that the last one joining, the start of its process aside',
        measured: described(figures.joinMs),
      },
    ],
  }
}

/** One after the other at any time within half a second, in any order. */
async function oneCluster(): Promise<{ mesh: number; join: number }> {
  const members = new Lan().hosts(HOSTS).map((host, i) => memberOn(host, `m${i + 1}`))
  const order = [...members].sort(() => Math.random() - 0.5)
  const [last] = order.splice(-1)
  const starting = []
  for (const member of order) {
    starting.push(member.start())
    await pause(Math.random() * 500)
  }
  const since = performance.now()
  const { joinedMs } = await last!.start()
  await Promise.all(starting)
  await allSeeAll(members)
  return { mesh: performance.now() - since, join: joinedMs }
}

function described({ p50, max }: Spread): string {
  return `p50 ${p50.toFixed(0)} ms, max ${max.toFixed(0)} ms`
}
