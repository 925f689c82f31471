/**
 * What members cost a machine while nothing happens: the CPU of each of ten linked processes; beside ten that send each
 * other as many messages of the same size over bare WebSockets on the same TLS, and do nothing with them.
 */

import { defaults } from '@sessionmesh/core'
import type { MemberProcess } from '../support/member-process.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { pause } from '../support/wait.js'
import { startBareMesh } from './bare.js'
import type { BenchOptions, PartResult } from './part.js'
import { median } from './statistics.js'
import { sentBy } from './totals.js'

const MEMBERS = 10
const FOR_MS = 30_000
/**
 * Until V8 has compiled what four beats a second do: an idle member is one that is up for long, and in its first seconds it
 * interprets most of it, for half as much CPU again.
 */
const SETTLED_MS = 60_000
const GOAL_PERCENT = 1

export async function idle({ quick }: BenchOptions): Promise<PartResult> {
  const forMs = quick ? 2_000 : FOR_MS
  const settledMs = quick ? 0 : SETTLED_MS
  const names = Array.from({ length: MEMBERS }, (_, i) => `m${i + 1}`)
  const cluster = await ProcessCluster.start({ members: names })
  const members = cluster.all()
  await pause(settledMs)
  const before = await sentBy(members.slice(0, 1))
  const ours = await cpuShares(members, () => pause(forMs))
  const after = await sentBy(members.slice(0, 1))
  await Promise.all(members.map((member) => member.end()))

  const bytes = Math.round((after.bytes - before.bytes) / (after.frames - before.frames))
  const processes = await startBareMesh(MEMBERS)
  const beat = (ms: number) => () =>
    Promise.all(
      processes.map((each) => each.ask('bareBeat', { everyMs: defaults.heartbeatMs, bytes, forMs: ms })),
    )
  await beat(settledMs)()
  const bare = await cpuShares(processes, beat(forMs))

  const [medianPercent, maxPercent] = [median(ours), Math.max(...ours)]
  const framesPerSecond = (after.frames - before.frames) / (forMs / 1_000)
  return {
    figures: { members: MEMBERS, percents: ours, barePercents: bare, framesPerSecond, frameBytes: bytes },
    rows: [
      {
        what: `CPU of a member in an idle cluster of ${MEMBERS}, median and most`,
        measured: `${percent(medianPercent)}, ${percent(maxPercent)} of a core`,
        beside: `the same messages over bare WebSockets: ${percent(median(bare))}, ${percent(Math.max(...bare))}`,
        goal: { says: `below ${GOAL_PERCENT} %`, isMet: maxPercent < GOAL_PERCENT },
      },
    ],
  }
}

/** Of each process, in percent of a core. */
async function cpuShares(
  processes: readonly MemberProcess[],
  work: () => Promise<unknown>,
): Promise<number[]> {
  const cpuMicros = () => Promise.all(processes.map((process) => process.ask('cpuMicros')))
  const before = await cpuMicros()
  const start = performance.now()
  await work()
  const after = await cpuMicros()
  const spentMicros = (performance.now() - start) * 1_000
  return after.map((each, i) => ((each - before[i]!) / spentMicros) * 100)
}

function percent(value: number): string {
  return `${value.toFixed(2)} %`
}
