/** Wrong reads and lost sessions behind plain round robin, first in peace, then with a server killed every 3 s. */

import type { MemberProcess } from '../support/member-process.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { CheckingUser, emptyTally, type Tally } from '../support/users.js'
import { pause } from '../support/wait.js'
import type { BenchOptions, PartResult, Row } from './part.js'

const USERS = 32
const REQUESTS = 20_000
const KILL_EVERY_MS = 3_000
const KILLS = 20

export async function consistency({ quick }: BenchOptions): Promise<PartResult> {
  const cluster = await ProcessCluster.start({ members: ['a', 'b', 'c'], http: true })
  const requests = quick ? 2_000 : REQUESTS
  const peace = emptyTally()
  await run(cluster, 'peace', peace, () => peace.requests < requests)

  const war = emptyTally()
  const killer = { kills: 0, isOver: false }
  await Promise.all([
    killByTurns(cluster.all(), killer, quick ? 2 : KILLS),
    run(cluster, 'war', war, () => war.requests < requests || !killer.isOver),
  ])
  const counters = await countersOf(cluster.all())

  return {
    figures: { users: USERS, peace, war: { ...war, kills: killer.kills }, counters },
    rows: [
      row(`${USERS} users, round robin`, peace),
      row(`the same, ${killer.kills} kills -9, one every ${KILL_EVERY_MS} ms`, war),
    ],
  }
}

async function run(
  cluster: ProcessCluster,
  name: string,
  tally: Tally,
  goesOn: () => boolean,
): Promise<void> {
  const urls = cluster.all().map((member) => member.url)
  let turn = 0
  const live = async (user: CheckingUser) => {
    while (goesOn()) {
      const first = turn++ % urls.length
      await user.act([...urls.slice(first), ...urls.slice(0, first)], turn)
    }
  }
  await Promise.all(Array.from({ length: USERS }, (_, i) => live(new CheckingUser(`${name}${i}`, tally))))
}

async function killByTurns(
  members: readonly MemberProcess[],
  killer: { kills: number; isOver: boolean },
  kills: number,
): Promise<void> {
  try {
    while (killer.kills < kills) {
      await pause(KILL_EVERY_MS)
      const victim = members[killer.kills % members.length]!
      await victim.kill()
      killer.kills++
      await victim.start()
    }
  } finally {
    killer.isOver = true
  }
}

async function countersOf(members: readonly MemberProcess[]): Promise<Record<string, unknown>> {
  const entries = members.map(async (member) => [member.name, (await member.ask('status')).counters] as const)
  return Object.fromEntries(await Promise.all(entries))
}

function row(what: string, tally: Tally): Row {
  const { requests, wrongReads, lostSessions, refused, ambiguous } = tally
  return {
    what,
    measured:
      `${requests} requests: ${wrongReads} wrong reads, ${lostSessions} lost sessions` +
      ` (${refused} refused and sent on, ${ambiguous} broken off)`,
    goal: { says: '0 and 0', isMet: wrongReads === 0 && lostSessions === 0 },
  }
}
