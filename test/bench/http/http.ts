/**
 * What a request costs, and how long it takes, beside what people use instead: README.md says how and why so. The
 * contenders alternate in small slices, because machines are noisy; a ratio is that of two slices of one round.
 */

import { Random } from '../../sim/random.js'
import type { BenchOptions, PartResult } from '../part.js'
import { candidates } from './candidates.js'
import { Contender } from './contender.js'
import { closedLoop } from './load.js'
import { resultOf } from './result.js'
import { oneRound, type Plan, type Round } from './round.js'
import { rowsOf } from './rows.js'
import { KINDS, TIMED_KINDS } from './user.js'

const PLAN: Plan = {
  rounds: 11,
  warmUpRounds: 1,
  timed: { leadIn: 1_000, requests: 4_500 },
  timedRequests: 600,
  // Far from what two cores can do, or the answers would wait for each other more than for their servers.
  perSecond: 400,
  shop: { leadIn: 500, requests: 2_250 },
  // The first thousands of requests of a process cost several times as much as the later ones.
  warmUpMs: 10_000,
  warmUpRequests: 20_000,
}
const QUICK: Plan = {
  ...PLAN,
  rounds: 2,
  warmUpRounds: 0,
  timed: { leadIn: 40, requests: 100 },
  timedRequests: 40,
  shop: { leadIn: 40, requests: 100 },
  warmUpMs: 0,
  warmUpRequests: 0,
}
const MAX_WARM_UP_MS = 60_000

export async function http({ quick }: BenchOptions): Promise<PartResult> {
  const plan = quick ? QUICK : PLAN
  const contenders: Contender[] = []
  const skipped: Record<string, string> = {}
  for (const { name, whyNot, whyNoShop, start } of candidates) {
    const kinds = whyNoShop === undefined ? KINDS : TIMED_KINDS
    if (whyNot !== undefined) skipped[name] = whyNot
    else contenders.push(await begun(new Contender(name, await start(), kinds)))
  }
  for (const contender of contenders) await warmUp(contender, plan)

  const random = new Random(1)
  const rounds: Round[] = []
  for (let i = 0; i < plan.warmUpRounds; i++) await oneRound(contenders, plan, random)
  for (let i = 0; i < plan.rounds; i++) rounds.push(await oneRound(contenders, plan, random))
  const result = resultOf(rounds)
  const versions = Object.fromEntries(contenders.map(({ name, servers }) => [name, servers.version]))
  const counters = await contenders[0]!.servers.counters?.()
  return {
    rows: rowsOf(result, skipped, plan),
    figures: { plan, versions, skipped, ...result, counters, rounds },
  }
}

async function begun(contender: Contender): Promise<Contender> {
  const { name, servers, users, kinds } = contender
  await Promise.all(
    users.map((user, i) => user.begin(servers.isSticky ? [contender.url(i, 0)] : servers.urls, kinds)),
  )
  console.log(`  … ${name} serves`)
  return contender
}

async function warmUp(contender: Contender, { warmUpMs, warmUpRequests }: Plan): Promise<void> {
  const start = performance.now()
  const spentMs = () => performance.now() - start
  const chunk = { leadIn: 0, requests: 500 }
  for (let asked = 0; spentMs() < warmUpMs || asked < warmUpRequests; ) {
    for (const kind of contender.kinds) asked += (await closedLoop(contender, kind, chunk)).asked
    if (spentMs() > MAX_WARM_UP_MS) break
  }
}
