/** What members cost a machine while nothing happens: the CPU of each of ten linked processes. */

import { ProcessCluster } from '../support/process-cluster.js'
import { pause } from '../support/wait.js'
import type { BenchOptions, PartResult } from './part.js'
import { median } from './statistics.js'

const MEMBERS = 10
const FOR_MS = 30_000
/** Until what a start leaves behind (dials, collections of garbage) is over. */
const SETTLED_MS = 3_000
const GOAL_PERCENT = 1

export async function idle({ quick }: BenchOptions): Promise<PartResult> {
  const cluster = await ProcessCluster.start({
    members: Array.from({ length: MEMBERS }, (_, i) => `m${i + 1}`),
  })
  await pause(quick ? 0 : SETTLED_MS)
  const shares = await cpuShares(cluster, quick ? 2_000 : FOR_MS)
  const figures = { members: MEMBERS, medianPercent: median(shares), maxPercent: Math.max(...shares), shares }
  return {
    figures: { ...figures, goalPercent: GOAL_PERCENT },
    rows: [
      {
        what: `CPU of a member in an idle cluster of ${MEMBERS}, median and most`,
        measured: `${percent(figures.medianPercent)}, ${percent(figures.maxPercent)} of a core`,
        goal: { says: `below ${GOAL_PERCENT} %`, isMet: figures.maxPercent < GOAL_PERCENT },
      },
    ],
  }
}

/** Of each member, in percent of a core. */
export async function cpuShares(cluster: ProcessCluster, forMs: number): Promise<number[]> {
  const cpuMs = () =>
    Promise.all(
      cluster.all().map(async (member) => {
        const { user, system } = await member.ask('cpuUsage')
        return (user + system) / 1_000
      }),
    )
  const before = await cpuMs()
  const start = performance.now()
  await pause(forMs)
  const after = await cpuMs()
  const spentMs = performance.now() - start
  return after.map((each, i) => ((each - before[i]!) / spentMs) * 100)
}

function percent(value: number): string {
  return `${value.toFixed(2)} %`
}
