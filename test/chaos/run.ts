/** Many rounds on one cluster, for the command (main.ts) and for the test. */

import type { Counters } from 'sessionmesh'
import { Random } from '../sim/random.js'
import { account } from '../support/faults/account.js'
import { Balancer } from '../support/faults/balancer.js'
import { describeFault, drawFaults, type Fault, type Kind } from '../support/faults/faults.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { Client } from './client.js'
import { Chaos, type Outcome } from './round.js'
import { add, describeTally, emptyTally, type Tally } from './tally.js'

export interface ChaosOptions {
  seed: number
  /** Their numbers: each is drawn by itself. */
  rounds: readonly number[]
  members: number
  clients: number
  kinds: readonly Kind[]
  print: (line: string) => void
}

export interface Totals {
  rounds: number
  tally: Tally
  /** What died with the server that alone had it, as it may. */
  lost: number
  /** Sessions that ended, and never came back. */
  ended: number
  counters: Partial<Record<keyof Counters, number>>
  linkedMs: number[]
  sameMs: number[]
}

/**
 * Runs the rounds. They can be drawn again, but real processes do not replay: a violation is found again by
 * many rounds of its kind, if at all.
 *
 * @throws Error that tells the round, what the client saw, and what the members reported.
 */
export async function runChaos(options: ChaosOptions): Promise<Totals> {
  const names = memberNames(options.members)
  const cluster = await ProcessCluster.start({
    members: names,
    http: true,
    wired: true,
    tellsExceptions: true,
  })
  const balancer = new Balancer(cluster.all())
  const clients = Array.from({ length: options.clients }, (_, i) => {
    return new Client(`user${i}`, balancer, new Random(options.seed * 1_000 + i))
  })
  const chaos = new Chaos(cluster, clients)
  const tally = emptyTally()
  const totals: Totals = { rounds: 0, tally, lost: 0, ended: 0, counters: {}, linkedMs: [], sameMs: [] }
  for (const round of options.rounds) {
    const faults = drawRound(options, round, names)
    const startMs = Date.now()
    try {
      const outcome = await chaos.round(faults)
      options.print(describeRound(round, faults, outcome, Date.now() - startMs))
      addUp(totals, outcome)
    } catch (error) {
      const where = `seed ${options.seed}, round ${round}`
      throw new Error(await account(where, faults, cluster, startMs, error))
    }
  }
  return { ...totals, ended: chaos.ended, counters: chaos.counters() }
}

/** The faults of the round of that number: always the same. */
export function drawRound(
  { seed, kinds }: Pick<ChaosOptions, 'seed' | 'kinds'>,
  round: number,
  names: readonly string[],
): Fault[] {
  return drawFaults(new Random(seed * 100_003 + round), names, kinds)
}

/** a, b, c, … */
export function memberNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String.fromCharCode(97 + i))
}

function addUp(totals: Totals, { tally, lost, linkedMs, sameMs }: Outcome): void {
  totals.rounds++
  add(totals.tally, tally)
  totals.lost += lost.length
  totals.linkedMs.push(linkedMs)
  totals.sameMs.push(sameMs)
}

function describeRound(round: number, faults: readonly Fault[], outcome: Outcome, wallMs: number): string {
  const { tally, lost, took, linkedMs, sameMs } = outcome
  return [
    `${String(round).padStart(3)} ${(wallMs / 1_000).toFixed(1)}s`,
    faults.map(describeFault).join(' + '),
    describeTally(tally),
    ...took,
    `linked ${linkedMs.toFixed(0)} ms, same ${sameMs.toFixed(0)} ms`,
    ...(lost.length > 0 ? [`with its only holder: ${lost.join('; ')}`] : []),
  ].join(' | ')
}
