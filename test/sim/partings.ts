/** Who begins anew loses what it alone has: so nobody may be sent away whom the others never had anything of. */

import type { Origin } from '@sessionmesh/core'
import type { Cluster, Observer } from './cluster.js'
import type { Run } from './run.js'

export class Partings implements Observer {
  readonly #cluster: Cluster
  /** Since when each run has had writes of each origin, as of the looks. */
  readonly #hadMs = new Map<Run, Map<Origin, number>>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** To be called often: what is had for long is known by it. */
  look(): void {
    const { running, world } = this.#cluster
    for (const run of running) {
      const had = this.#hadMs.get(run) ?? new Map<Origin, number>()
      this.#hadMs.set(run, had)
      for (const origin of this.#cluster.claim(run).keys()) if (!had.has(origin)) had.set(origin, world.nowMs)
    }
  }

  /** @param by who sent it away */
  partedWith(run: Run, by: Run | undefined): void {
    const { world } = this.#cluster
    const sinceMs = world.nowMs - this.#cluster.config.deadAfterMs
    const [ofRun, ofThem] = [run, by].map((each) => each && this.#hadMs.get(each))
    const isLong = (ms: number | undefined) => ms !== undefined && ms <= sinceMs
    const wereTogether = [...(ofRun ?? [])].some(([origin, ms]) => isLong(ms) && isLong(ofThem?.get(origin)))
    if (!wereTogether)
      world.fail('partings', `${run.id} begins anew by the word of ${by?.id}, with whom it never was`)
  }
}
