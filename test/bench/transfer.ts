/**
 * How long a member that joins takes until it has every session, and what that does to the one that gives them: nobody
 * of its users should notice. Two processes; from the call of `joinCluster` to its promise, with all sessions counted.
 */

import { freemem } from 'node:os'
import type { LoopReport } from '../support/measuring/protocol.js'
import type { MemberProcess } from '../support/member-process.js'
import { ProcessCluster } from '../support/process-cluster.js'
import type { BenchOptions, PartResult, Row } from './part.js'
import { medianOf } from './statistics.js'
import { cpuMicrosOf } from './totals.js'

const SESSIONS = 100_000
const GOAL_MS = 2_500
const GOAL_TURN_MS = 20
const JOINS = 5
const MANY_SESSIONS = 1_000_000
/** Of each of the two. V8's own limit depends on the machine. */
const MANY_OPTIONS = ['--max-old-space-size=8192']
/** What both need, and what the rest of the machine does. */
const MANY_FREE_BYTES = 14 * 1024 ** 3
/** A command has its deadline. */
const FILLED_AT_ONCE = 100_000
const START_DEADLINE_MS = 300_000

interface Join {
  joinedMs: number
  joinerCpuMs: number
  giverCpuMs: number
  giverLoop: LoopReport
  giverPeakBytes: number
  joinerPeakBytes: number
}

export async function transfer({ quick }: BenchOptions): Promise<PartResult> {
  const sessions = quick ? 2_000 : SESSIONS
  const joins = await joinAgain({ sessions, times: quick ? 2 : JOINS })
  const { joinedMs, joinerCpuMs, giverCpuMs, turnMs, turnCpuMs } = medianOf(
    joins.map(({ joinedMs, joinerCpuMs, giverCpuMs, giverLoop }) => {
      const { longestMs: turnMs, longestCpuMs: turnCpuMs } = giverLoop
      return { joinedMs, joinerCpuMs, giverCpuMs, turnMs, turnCpuMs }
    }),
  )
  const many = await joinMany({ quick, perSessionMs: joinedMs / sessions })
  return {
    figures: { sessions, joins, goalMs: GOAL_MS, goalTurnMs: GOAL_TURN_MS, many: many.figures },
    rows: [
      {
        what: `a member joins and has ${sessions} sessions of 1 KB, median of ${joins.length}`,
        measured: `${seconds(joinedMs)} (CPU of the joiner ${seconds(joinerCpuMs)}, of the giver ${seconds(giverCpuMs)})`,
        goal: { says: `below ${seconds(GOAL_MS)}`, isMet: joinedMs < GOAL_MS },
      },
      {
        what: "longest turn of the giving member's loop meanwhile, median",
        measured: `${turnMs.toFixed(0)} ms (${turnCpuMs.toFixed(0)} ms of CPU)`,
        goal: { says: `at most ${GOAL_TURN_MS} ms`, isMet: turnMs <= GOAL_TURN_MS },
      },
      many.row,
    ],
  }
}

async function joinMany({ quick, perSessionMs }: BenchOptions & { perSessionMs: number }): Promise<{
  row: Row
  figures: unknown
}> {
  const sessions = quick ? 10_000 : MANY_SESSIONS
  const what = `the same with ${sessions} sessions`
  const free = freemem()
  if (!quick && free < MANY_FREE_BYTES) {
    const measured = `skipped: ${gigabytes(free)} of memory are available, ${gigabytes(MANY_FREE_BYTES)} needed`
    return { row: { what, measured }, figures: undefined }
  }
  const [join] = await joinAgain({ sessions, times: 1, nodeOptions: MANY_OPTIONS })
  const { joinedMs, giverLoop, giverPeakBytes, joinerPeakBytes } = join!
  const times = joinedMs / sessions / perSessionMs
  const figures = { sessions, nodeOptions: MANY_OPTIONS, ...join }
  const measured =
    `${seconds(joinedMs)}, ${times.toFixed(2)} times as long for each; longest turn ${giverLoop.longestMs.toFixed(0)} ms; ` +
    `most memory of the giver ${gigabytes(giverPeakBytes)}, of the joiner ${gigabytes(joinerPeakBytes)}`
  return {
    figures,
    row: {
      what,
      measured,
      goal: { says: 'in proportion: at most 1.5 times as long for each', isMet: times <= 1.5 },
    },
  }
}

/** One member keeps all; another one joins it again and again, each time with nothing. */
async function joinAgain({
  sessions,
  times,
  nodeOptions = [],
}: {
  sessions: number
  times: number
  nodeOptions?: readonly string[]
}): Promise<Join[]> {
  const cluster = await ProcessCluster.start({ members: ['giver'], later: ['joiner'], nodeOptions })
  const [giver, joiner] = [cluster.member('giver'), cluster.member('joiner')]
  for (let first = 0; first < sessions; first += FILLED_AT_ONCE)
    await giver.ask('fillKilobytes', 'cluster', Math.min(FILLED_AT_ONCE, sessions - first), { first })
  const joins: Join[] = []
  for (let i = 0; i < times; i++) {
    // What the filling, or the join before, has left is not collected in the middle of this one.
    await giver.ask('memoryUse')
    joins.push(await oneJoin(giver, joiner, sessions))
    await joiner.kill()
  }
  await giver.end()
  return joins
}

async function oneJoin(giver: MemberProcess, joiner: MemberProcess, sessions: number): Promise<Join> {
  const before = await cpuMicrosOf([giver])
  await giver.ask('watchLoop')
  const { joinedMs, joinedCpuMs, sessionsAtJoin } = await joiner.start({ deadlineMs: START_DEADLINE_MS })
  const giverLoop = await giver.ask('loopReport')
  const giverCpuMs = ((await cpuMicrosOf([giver])) - before) / 1_000
  if (sessionsAtJoin !== sessions) throw new Error(`${sessionsAtJoin} of ${sessions} sessions were there`)
  const [giverPeakBytes, joinerPeakBytes] = [await giver.ask('peakBytes'), await joiner.ask('peakBytes')]
  return { joinedMs, joinerCpuMs: joinedCpuMs, giverCpuMs, giverLoop, giverPeakBytes, joinerPeakBytes }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GB`
}
