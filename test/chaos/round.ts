/** One round: faults while clients use their sessions, all made good, and then the promises are checked. */

import type { Counters } from 'sessionmesh'
import type { Fault } from '../support/faults/faults.js'
import { type Death, Nemesis } from '../support/faults/nemesis.js'
import { Violation } from '../support/faults/violation.js'
import type { ProcessCluster } from '../support/process-cluster.js'
import { pause } from '../support/wait.js'
import type { Client, Rules } from './client.js'
import { emptyTally, type Tally } from './tally.js'

/** Clients go on for so long on the cluster that is whole again. */
const AFTERMATH_MS = 700
/** Promised are 2 s; the machine may be busy. The measured time is printed. */
const SAME_STATE_DEADLINE_MS = 10_000

export interface Outcome {
  tally: Tally
  /** What died with the server that alone had it, as it may. */
  lost: string[]
  /** How long leaves and joins took. */
  took: string[]
  /** From the last repair until all see all alive. */
  linkedMs: number
  /** From then on, and the last answer to a client, until all hold the same. */
  sameMs: number
}

export class Chaos {
  readonly #cluster: ProcessCluster
  readonly #clients: readonly Client[]
  /** Of every round. None may ever be seen again. */
  readonly #ended = new Set<string>()
  /** Of each run of a member, as last asked. */
  readonly #counters = new Map<string, Counters>()

  constructor(cluster: ProcessCluster, clients: readonly Client[]) {
    this.#cluster = cluster
    this.#clients = clients
  }

  /** @throws Violation, or another Error when something did not come in time. */
  async round(faults: readonly Fault[]): Promise<Outcome> {
    const tally = emptyTally()
    const nemesis = new Nemesis(this.#cluster, faults)
    const rules = { tally, mayLose: nemesis.mayLose, mayBeStale: true }
    const linkedMs = await this.#useWhile(nemesis, rules)
    const quietMs = performance.now()
    await this.#cluster.converged(this.#cluster.all(), { deadlineMs: SAME_STATE_DEADLINE_MS })
    const sameMs = performance.now() - quietMs
    const lost = await this.#checkState(nemesis.deaths)
    await Promise.all(this.#clients.map((client) => client.lookEverywhere({ ...rules, mayBeStale: false })))
    for (const client of this.#clients) for (const sid of client.takeEnded()) this.#ended.add(sid)
    await this.#count()
    return { tally, lost, took: nemesis.took, linkedMs, sameMs }
  }

  /** What the members themselves counted, as far as they lived to tell it. */
  counters(): Record<string, number> {
    const totals: Record<string, number> = {}
    for (const counters of this.#counters.values()) {
      for (const [name, count] of Object.entries(counters)) totals[name] = (totals[name] ?? 0) + count
    }
    return totals
  }

  get ended(): number {
    return this.#ended.size
  }

  /** Gives how long it took until all were linked again. The clients go on a little longer. */
  async #useWhile(nemesis: Nemesis, rules: Rules): Promise<number> {
    let isOver = false
    const failures: unknown[] = []
    const fail = (error: unknown) => {
      isOver = true
      failures.push(error)
      return Number.NaN
    }
    const use = this.#clients.map((client) => client.use(() => isOver, rules).catch(fail))
    const linkedMs = await nemesis
      .run()
      .then(() => this.#linked())
      .catch(fail)
    isOver = true
    await Promise.all(use)
    if (failures.length > 0) throw failures[0]
    return linkedMs
  }

  async #linked(): Promise<number> {
    const wholeMs = performance.now()
    const aftermath = pause(AFTERMATH_MS)
    await this.#cluster.linked(this.#cluster.all())
    const linkedMs = performance.now() - wholeMs
    await aftermath
    return linkedMs
  }

  async #checkState(deaths: readonly Death[]): Promise<string[]> {
    const [first] = this.#cluster.all()
    const state = (await first?.ask('snapshot')) ?? {}
    for (const sid of this.#ended)
      if (state[sid] !== undefined) throw new Violation(`${sid} had ended in an earlier round, and is back`)
    return this.#clients.flatMap((client) => client.settle(state, deaths))
  }

  async #count(): Promise<void> {
    for (const member of this.#cluster.running()) {
      const { self, counters } = await member.ask('status')
      this.#counters.set(self.id, counters)
    }
  }
}
