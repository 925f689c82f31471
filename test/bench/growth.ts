/**
 * How the costs grow with the cluster: CPU of all members together for one write, and of one member while nothing
 * happens, with what it sends then. Each member is a process of its own; with more of them than the machine has cores
 * their CPU time is still their own.
 */

import { defaults } from '@sessionmesh/core'
import type { MemberProcess } from '../support/member-process.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { pause } from '../support/wait.js'
import { caughtUp } from './caught-up.js'
import type { BenchOptions, PartResult } from './part.js'
import { cpuMicrosOf, sentBy } from './totals.js'

const SIZES = [2, 3, 5, 10, 20]
const IDLE_MS = 10_000
const SETTLED_MS = 3_000
/** By one member, one a turn of the loop and one after another: so few that no link is clogged. */
const WRITES = 3_000
const SESSIONS = 100
/** With so many processes on few cores; it costs nothing. */
const PATIENT = { suspectAfterMs: 5_000, deadAfterMs: 10_000 }
const HEARTBEATS_PER_SECOND = 1_000 / defaults.heartbeatMs

interface Costs {
  members: number
  /** Of all members; what they need while idle is taken off. */
  cpuMicrosPerWrite: number
  /** Of one member, with what it sends to all and hears from all. */
  cpuMicrosPerHeartbeat: number
  idlePercentOfCore: number
  sentFramesPerSecond: number
  sentBytesPerSecond: number
}

export async function growth({ quick }: BenchOptions): Promise<PartResult> {
  const curve: Costs[] = []
  for (const members of quick ? [2, 3] : SIZES) curve.push(await costsOf(members, quick))
  const sizes = curve.map(({ members }) => members).join(', ')
  const listed = (figure: (costs: Costs) => string) => curve.map(figure).join(', ')
  return {
    figures: { curve },
    rows: [
      {
        what: `CPU of all members for one write of 1 KB, one a turn of the loop, with ${sizes} members`,
        measured: `${listed(({ cpuMicrosPerWrite }) => cpuMicrosPerWrite.toFixed(0))} µs`,
      },
      {
        what: 'CPU of one member for a heartbeat to all and one from each; and what it sends while idle',
        measured:
          `${listed(({ cpuMicrosPerHeartbeat }) => cpuMicrosPerHeartbeat.toFixed(0))} µs; ` +
          `${listed(({ sentFramesPerSecond }) => sentFramesPerSecond.toFixed(0))} frames/s, ` +
          `${listed(({ sentBytesPerSecond }) => (sentBytesPerSecond / 1_000).toFixed(1))} kB/s`,
      },
    ],
  }
}

async function costsOf(size: number, quick: boolean): Promise<Costs> {
  const cluster = await startInTurn(Array.from({ length: size }, (_, i) => `m${i + 1}`))
  const members = cluster.all()
  const writer = members[0]!
  await writer.ask('openWriter', { sessions: SESSIONS })
  const turns = quick ? 100 : WRITES
  const write = async () => {
    await writer.ask('writeTurns', { turns, perTurn: 1, change: 'all' })
    for (const peer of members) await caughtUp(peer, writer)
  }
  // Until what runs for each write is compiled.
  await write()
  await pause(quick ? 0 : SETTLED_MS)
  const idle = await spent(members, () => pause(quick ? 1_000 : IDLE_MS))
  const busy = await spent(members, write)
  await Promise.all(members.map((member) => member.end()))

  const idleMicrosPerSecond = idle.cpuMicros / idle.seconds
  return {
    members: size,
    cpuMicrosPerWrite: (busy.cpuMicros - idleMicrosPerSecond * busy.seconds) / turns,
    cpuMicrosPerHeartbeat: idleMicrosPerSecond / size / HEARTBEATS_PER_SECOND,
    idlePercentOfCore: idleMicrosPerSecond / size / 10_000,
    sentFramesPerSecond: idle.frames / idle.seconds / size,
    sentBytesPerSecond: idle.bytes / idle.seconds / size,
  }
}

/** Twenty processes that start at once keep a small machine from anything else for longer than members are patient. */
async function startInTurn([first, ...later]: string[]): Promise<ProcessCluster> {
  const cluster = await ProcessCluster.start({ members: [first!], later, cluster: { config: PATIENT } })
  for (const name of later) await cluster.member(name).start()
  await cluster.linked()
  return cluster
}

interface Spent {
  seconds: number
  cpuMicros: number
  frames: number
  bytes: number
}

async function spent(members: readonly MemberProcess[], work: () => Promise<void>): Promise<Spent> {
  const before = await totals(members)
  const start = performance.now()
  await work()
  const seconds = (performance.now() - start) / 1_000
  const after = await totals(members)
  return {
    seconds,
    cpuMicros: after.cpuMicros - before.cpuMicros,
    frames: after.frames - before.frames,
    bytes: after.bytes - before.bytes,
  }
}

async function totals(members: readonly MemberProcess[]): Promise<Omit<Spent, 'seconds'>> {
  const [cpuMicros, sent] = await Promise.all([cpuMicrosOf(members), sentBy(members)])
  return { cpuMicros, ...sent }
}
