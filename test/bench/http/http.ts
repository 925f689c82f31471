/**
 * What a request costs, and how long it takes, beside what people use instead: README.md says how and why so. The
 * contenders alternate in small slices, because machines are noisy; a ratio is that of two slices of one round.
 */

import { Random } from '../../sim/random.js'
import type { BenchOptions, PartResult } from '../part.js'
import { candidates } from './candidates.js'
import { Contender, SERVERS, USERS } from './contender.js'
import { figuresOf } from './figures.js'
import { arrivals, closedLoop, openLoop } from './load.js'
import type { Plan, Round } from './round.js'
import { rowsOf } from './rows.js'
import { KINDS, PAYLOAD_BYTES } from './user.js'

const PLAN: Plan = {
  users: USERS,
  servers: SERVERS,
  payloadBytes: PAYLOAD_BYTES,
  rounds: 15,
  requests: 3_000,
  // Far from what two cores can do, or the answers would wait for each other more than for their servers.
  perSecond: 400,
  timedRequests: 600,
  // The first thousands of requests of a process cost several times as much as the later ones.
  warmUpMs: 10_000,
  warmUpRequests: 20_000,
}
const QUICK: Plan = { ...PLAN, rounds: 2, requests: 200, timedRequests: 60, warmUpMs: 0, warmUpRequests: 0 }
const MAX_WARM_UP_MS = 60_000

export async function http({ quick }: BenchOptions): Promise<PartResult> {
  const plan = quick ? QUICK : PLAN
  const contenders: Contender[] = []
  const skipped: Record<string, string> = {}
  for (const { name, whyNot, start } of candidates) {
    if (whyNot !== undefined) skipped[name] = whyNot
    else contenders.push(await begun(new Contender(name, await start())))
  }
  for (const contender of contenders) await warmUp(contender, plan)

  const random = new Random(1)
  const rounds: Round[] = []
  for (let i = 0; i < plan.rounds; i++) rounds.push(await oneRound(contenders, plan, random))
  const figures = figuresOf(rounds)
  const versions = Object.fromEntries(contenders.map(({ name, servers }) => [name, servers.version]))
  return { rows: rowsOf(figures, skipped, plan), figures: { plan, versions, skipped, ...figures, rounds } }
}

async function begun(contender: Contender): Promise<Contender> {
  const { name, servers, users } = contender
  await Promise.all(
    users.map((user, i) => user.begin(servers.isSticky ? [contender.url(i, 0)] : servers.urls)),
  )
  console.log(`  … ${name} serves`)
  return contender
}

async function warmUp(contender: Contender, { warmUpMs, warmUpRequests }: Plan): Promise<void> {
  const start = performance.now()
  const spentMs = () => performance.now() - start
  const chunk = 500
  for (let requests = 0; spentMs() < warmUpMs || requests < warmUpRequests; requests += 2 * chunk) {
    for (const kind of KINDS) await closedLoop(contender, kind, chunk)
    if (spentMs() > MAX_WARM_UP_MS) break
  }
}

/** One kind after the other, the contenders in an order that is drawn anew; all of them get the same arrivals. */
async function oneRound(contenders: readonly Contender[], plan: Plan, random: Random): Promise<Round> {
  const round: Round = { write: {}, read: {} }
  for (const kind of KINDS) {
    const atMs = arrivals(plan.timedRequests, plan.perSecond, random)
    for (const contender of shuffled(contenders, random)) {
      const saturated = await closedLoop(contender, kind, plan.requests)
      round[kind][contender.name] = { saturated, atRate: await openLoop(contender, kind, atMs) }
    }
  }
  return round
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, key: random.next() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item)
}
