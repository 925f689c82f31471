/** Those that began to serve without word of all that run, until they have caught up with these. */

import type { Cluster } from './cluster.js'
import type { Run } from './run.js'
import { covers } from './stamps.js'

export class Islands {
  readonly #cluster: Cluster
  readonly #islands = new Set<Run>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** It serves from now on. */
  ready(run: Run): void {
    if (this.#isApart(run)) this.#islands.add(run)
  }

  /**
   * It began while others, or word of them, could not be reached, and has not caught up yet: it serves what it has. (One
   * that begins anew was sent away by somebody, whom it asks.)
   */
  has(run: Run): boolean {
    return this.#islands.has(run) || (!run.isRejoining && !this.#knowsAll(run))
  }

  /** Looks which of them have caught up. */
  look(): void {
    for (const run of this.#islands) {
      const claims = this.#cluster.claim(run)
      const hasAll = this.#cluster.running.every((other) =>
        [...this.#cluster.claim(other).values()].every((s) => covers(claims, s)),
      )
      if (hasAll && this.#knowsAll(run)) this.#islands.delete(run)
    }
  }

  /** It serves, or has what others had, and waits for more. */
  #counts(run: Run): boolean {
    return Number.isFinite(run.readyMs) || this.#cluster.claim(run).size > 0
  }

  #knowsAll(run: Run): boolean {
    return !this.#cluster.reach.unknownTo(run).some((each) => this.#counts(each))
  }

  /** It is ready, and lacks word of somebody, or has heard of none but such as lack it too. */
  #isApart(run: Run): boolean {
    if (run.isRejoining) return false
    if (!this.#knowsAll(run)) return true
    // (Those who are about to leave included.)
    const isMainland = (each: Run) => each !== run && !this.#islands.has(each) && this.#hasOfOthers(each)
    const mainland = this.#cluster.running.filter(isMainland)
    return mainland.length > 0 && !mainland.some((each) => this.#cluster.reach.isLinkedBothWays(run, each))
  }

  /** It serves; or it joins, and what it has so far is not only of such as began apart. */
  #hasOfOthers(run: Run): boolean {
    // (Of one that stands still nobody knows what lies on its links: it may have come from who is gone by now.)
    if (Number.isFinite(run.readyMs) || run.isFrozen) return true
    const apart = new Set([...this.#islands].map(({ id }) => id))
    return [...this.#cluster.claim(run).keys()].some((origin) => !apart.has(origin))
  }
}
