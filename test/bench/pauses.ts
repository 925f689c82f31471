/**
 * The longest time in which a member did not come round to its event loop, holding a hundred thousand sessions and under
 * writes; beside that of a process that runs the same timers and nothing else, since a shared machine gives its time to
 * others: what both have is the machine's. What collections of garbage took is told apart.
 */

import { onCleanUp } from '../support/cleanup.js'
import type { LoopReport, Pace } from '../support/measuring/protocol.js'
import { MemberProcess } from '../support/member-process.js'
import { ProcessCluster } from '../support/process-cluster.js'
import type { BenchOptions, PartResult } from './part.js'

const MEMBERS = ['a', 'b', 'c']
const SESSIONS = 100_000
/** Of all members together. */
const WRITES_PER_SECOND = 2_000
const FOR_MS = 25_000
const GOAL_MS = 20
/** A member that is given up because the machine did not run it is repaired afterwards: that is another measurement. */
const PATIENT = { suspectAfterMs: 10_000, deadAfterMs: 20_000 }

export async function pauses({ quick }: BenchOptions): Promise<PartResult> {
  const sessions = quick ? 3_000 : SESSIONS
  const cluster = await ProcessCluster.start({ members: MEMBERS, cluster: { config: PATIENT } })
  const plain = new MemberProcess({ name: 'plain' })
  onCleanUp(() => plain.end())
  await plain.start()
  const each = Math.ceil(sessions / MEMBERS.length)
  for (const [i, member] of cluster.all().entries()) {
    await member.ask('openWriter', { sessions: each, first: i * each })
    await cluster.converged(undefined, { deadlineMs: 60_000 })
  }
  const processes = [...cluster.all(), plain]
  // What the filling left is not the writes'.
  for (const process of processes) await process.ask('memoryUse')

  const rate: Pace = { perSecond: WRITES_PER_SECOND / MEMBERS.length, forMs: quick ? 1_000 : FOR_MS }
  const since = cluster.all().map(({ events }) => events.length)
  const [reports, plainReport] = await watched(cluster.all(), plain, rate)
  const repairs = cluster
    .all()
    .flatMap(({ events }, i) => events.slice(since[i]).filter(({ name }) => name === 'sync:start'))
  const longest = worst(reports, 'longestMs')
  const figures = {
    sessions: each * MEMBERS.length,
    writesPerSecond: WRITES_PER_SECOND,
    reports,
    plain: plainReport,
  }
  return {
    figures: { ...figures, repairs: repairs.length, goalMs: GOAL_MS },
    rows: [
      {
        what: `longest pause of a member's event loop, ${sessions} sessions, ${WRITES_PER_SECOND} writes/s, ${rate.forMs / 1_000} s`,
        measured:
          `${ms(longest)} (${ms(worst(reports, 'longestCpuMs'))} of CPU; the longest collection of garbage ` +
          `${ms(worst(reports, 'longestGcMs'))}${repairs.length > 0 ? `; ${repairs.length} repairs fell into it` : ''})`,
        beside: `a process with the same timers alone: ${ms(plainReport.longestMs)}`,
        goal: { says: `below ${GOAL_MS} ms`, isMet: longest < GOAL_MS },
      },
    ],
  }
}

async function watched(
  members: readonly MemberProcess[],
  plain: MemberProcess,
  rate: Pace,
): Promise<[LoopReport[], LoopReport]> {
  const processes = [...members, plain]
  await Promise.all(processes.map((process) => process.ask('watchLoop')))
  await Promise.all([
    ...members.map((member) => member.ask('writePaced', rate)),
    plain.ask('idlePaced', rate),
  ])
  const reports = await Promise.all(processes.map((process) => process.ask('loopReport')))
  return [reports.slice(0, -1), reports.at(-1)!]
}

function worst(reports: readonly LoopReport[], figure: keyof LoopReport): number {
  return Math.max(...reports.map((report) => report[figure]))
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`
}
