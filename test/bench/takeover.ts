/** How long after a member is killed, or freezes, the survivors answer for its sessions. */

import { defaults } from '@sessionmesh/core'
import type { MemberProcess } from '../support/member-process.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { frozenPeer } from './frozen-peer.js'
import type { BenchOptions, PartResult } from './part.js'
import { spreadOf } from './statistics.js'

const SESSIONS_OF_THE_VICTIM = 100
const KILL_GOAL_MS = 150
const FREEZE_GOAL_MS = defaults.deadAfterMs + 250

export async function takeover({ quick }: BenchOptions): Promise<PartResult> {
  const cluster = await ProcessCluster.start({ members: ['a', 'b', 'c'] })
  const kills: number[] = []
  for (let i = 0; i < (quick ? 3 : 50); i++) {
    kills.push(
      ...(await oneDeath(
        cluster,
        i,
        (victim) => victim.kill(),
        async (victim) => void (await victim.start()),
      )),
    )
  }
  const freezes: number[] = []
  for (let i = 0; i < (quick ? 1 : 10); i++) {
    freezes.push(
      ...(await oneDeath(
        cluster,
        i,
        (victim) => victim.freeze(),
        (victim) => victim.thaw(),
      )),
    )
  }

  const heldUp = await frozenPeer(cluster, { quick })
  const figures = {
    heldUp: heldUp.figures,
    killsMs: spreadOf(kills),
    freezesMs: spreadOf(freezes),
    killGoalMs: KILL_GOAL_MS,
    freezeGoalMs: FREEZE_GOAL_MS,
  }
  return {
    figures,
    rows: [
      {
        what: `kill -9 to takeover, ${kills.length / 2} kills, both survivors`,
        ...describe(figures.killsMs),
        goal: { says: `p99 < ${KILL_GOAL_MS} ms`, isMet: figures.killsMs.p99 < KILL_GOAL_MS },
      },
      {
        what: `freeze to takeover, ${freezes.length / 2} freezes, both survivors`,
        ...describe(figures.freezesMs),
        goal: { says: `max < ${FREEZE_GOAL_MS} ms`, isMet: figures.freezesMs.max < FREEZE_GOAL_MS },
      },
      ...heldUp.rows,
    ],
  }
}

let deaths = 0

/** Milliseconds from the blow to each survivor's takeover. */
async function oneDeath(
  cluster: ProcessCluster,
  round: number,
  strike: (victim: MemberProcess) => number | Promise<number>,
  revive: (victim: MemberProcess) => void | Promise<void>,
): Promise<number[]> {
  const all = cluster.all()
  const victim = all[round % all.length]!
  const survivors = all.filter((member) => member !== victim)
  // Without sessions to answer for there would be nothing to take over.
  await victim.ask('writeMany', `victim${deaths++}-`, SESSIONS_OF_THE_VICTIM, 200)
  await cluster.converged(all)
  const since = survivors.map(({ events }) => events.length)
  const struckAt = await strike(victim)
  const times: number[] = []
  for (const [i, survivor] of survivors.entries()) {
    const event = await survivor.event('takeover', ({ member }) => member.name === victim.name, {
      since: since[i]!,
    })
    times.push(event.at - struckAt)
  }
  await revive(victim)
  await cluster.linked(all)
  return times
}

function describe({ p50, p99, max }: { p50: number; p99: number; max: number }): { measured: string } {
  return { measured: `p50 ${p50} ms, p99 ${p99} ms, max ${max} ms` }
}
