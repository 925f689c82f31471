/**
 * What members cost a machine while nothing happens: the CPU of each of ten linked processes; beside ten that send each
 * other as many messages of the same size over bare WebSockets on the same TLS, and do nothing with them.
 */

import type { MemberProcess } from '../support/member-process.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { pause } from '../support/wait.js'
import { startBareMesh } from './bare.js'
import type { BenchOptions, PartResult } from './part.js'
import { median } from './statistics.js'

const MEMBERS = 10
const FOR_MS = 30_000
/** Until what a start leaves behind (dials, collections of garbage) is over. */
const SETTLED_MS = 3_000
const GOAL_PERCENT = 1
/** The default of `heartbeatMs`. */
const HEARTBEAT_MS = 250

export async function idle({ quick }: BenchOptions): Promise<PartResult> {
  const forMs = quick ? 2_000 : FOR_MS
  const settledMs = quick ? 0 : SETTLED_MS
  const names = Array.from({ length: MEMBERS }, (_, i) => `m${i + 1}`)
  const cluster = await ProcessCluster.start({ members: names })
  const members = cluster.all()
  await pause(settledMs)
  const before = await sent(members[0]!)
  const ours = await cpuShares(members, () => pause(forMs))
  const after = await sent(members[0]!)
  await Promise.all(members.map((member) => member.end()))

  const bytes = Math.round((after.bytes - before.bytes) / (after.frames - before.frames))
  const processes = await startBareMesh(MEMBERS)
  const beat = (ms: number) => () =>
    Promise.all(processes.map((each) => each.ask('bareBeat', { everyMs: HEARTBEAT_MS, bytes, forMs: ms })))
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
  const cpuMs = () =>
    Promise.all(
      processes.map(async (process) => {
        const { user, system } = await process.ask('cpuUsage')
        return (user + system) / 1_000
      }),
    )
  const before = await cpuMs()
  const start = performance.now()
  await work()
  const after = await cpuMs()
  const spentMs = performance.now() - start
  return after.map((each, i) => ((each - before[i]!) / spentMs) * 100)
}

async function sent(member: MemberProcess): Promise<{ frames: number; bytes: number }> {
  const { links } = await member.ask('status')
  const sum = (figure: 'sentFrames' | 'sentBytes') => links.reduce((total, link) => total + link[figure], 0)
  return { frames: sum('sentFrames'), bytes: sum('sentBytes') }
}

function percent(value: number): string {
  return `${value.toFixed(2)} %`
}
