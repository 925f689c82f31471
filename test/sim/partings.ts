/** Who begins anew loses what it alone has: so nobody may be sent away by others with whom it never was. */

import type { Origin } from '@sessionmesh/core'
import type { Cluster, Observer } from './cluster.js'
import type { Run } from './run.js'

export class Partings implements Observer {
  readonly #cluster: Cluster
  /** Since when each run has known each other one, or had writes of it, as of the looks. */
  readonly #metMs = new Map<Run, Map<Origin, number>>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** To be called often: who was met long ago is known by it. */
  look(): void {
    const { running, world } = this.#cluster
    for (const run of running) {
      const met = this.#metMs.get(run) ?? new Map<Origin, number>()
      this.#metMs.set(run, met)
      for (const id of [run.id, ...run.livingPeers(), ...this.#cluster.claim(run).keys()])
        if (!met.has(id)) met.set(id, world.nowMs)
    }
  }

  /** @param by who sent it away */
  partedWith(run: Run, by: Run | undefined): void {
    const { world } = this.#cluster
    const sinceMs = world.nowMs - this.#cluster.config.deadAfterMs
    // (Who has just begun has from others what these had for long.)
    if (run.startedMs > sinceMs || by === undefined || by.startedMs > sinceMs) return
    this.look()
    const isLong = (ms: number | undefined) => ms !== undefined && ms <= sinceMs
    const metOf = (each: Run) => this.#metMs.get(each) ?? new Map<Origin, number>()
    const wereTogether = (a: Run, b: Run) =>
      a !== b && [...metOf(a)].some(([id, ms]) => isLong(ms) && isLong(metOf(b).get(id)))
    const isLinked = (a: Run, b: Run) => this.#cluster.isLinkedBothWays(a, b)
    const { running, runs } = this.#cluster
    const isThird = (each: Run) => each !== run && each !== by
    // What keeps the two apart, each may have from others: `run` from any whom it has met, be he sent away by now.
    const ours = runs.filter((each) => isThird(each) && metOf(run).has(each.id) && !isLinked(each, by))
    const theirs = running.filter((each) => isThird(each) && isLinked(each, by) && !isLinked(each, run))
    if (![run, ...ours].some((a) => [by, ...theirs].some((b) => wereTogether(a, b))))
      world.fail('partings', `${run.id} begins anew by the word of ${by.id}, with whom it never was`)
  }
}
