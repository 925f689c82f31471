/**
 * What is promised of sessions that end by time: their end is told at least once, not before its time, and a
 * session in use is neither lost nor split, however long its members were apart.
 */

import type { Cluster } from './cluster.js'
import type { History, Use } from './history.js'
import type { Run } from './run.js'

export class Expiry {
  readonly #cluster: Cluster
  readonly #history: History
  readonly #ttlMs: number
  readonly #expired = new Map<string, number>()

  constructor(cluster: Cluster, history: History, ttlMs: number) {
    this.#cluster = cluster
    this.#history = history
    this.#ttlMs = ttlMs
  }

  /** A use that the member could not have heard of in time is none of its business. */
  event(run: Run, sid: string): void {
    const { world, network } = this.#cluster
    this.#expired.set(sid, (this.#expired.get(sid) ?? 0) + 1)
    for (const use of this.#history.uses.get(sid) ?? []) {
      const idleMs = world.nowMs - use.atMs
      if (idleMs >= this.#ttlMs || run.thawedMs > use.atMs - RECOVERY_MS) continue
      const isOwn = use.run === run
      const wasTold =
        use.run.isRunning && network.lastTroubleMs(run.host, use.run.host) < use.atMs - RECOVERY_MS
      if (isOwn || (wasTold && idleMs < this.#ttlMs * (1 - TOUCH_SHARE)))
        world.fail(
          `${run.id} tells that ${sid} has expired, which ${use.run.id} used ${idleMs.toFixed(0)} ms ago`,
        )
    }
  }

  /** Sessions that were used until now on members that still run, so that each is known to one that lives. */
  checkInUse(): void {
    const { world, running } = this.#cluster
    for (const [sid, uses] of this.#history.uses) {
      if (!this.#wasAlwaysInUse(uses) || this.#isDestroyed(sid)) continue
      for (const run of running)
        if (!run.replica.has(sid, run.now)) world.fail(`${sid} is in use, and not to be had on ${run.id}`)
    }
  }

  /** All have expired: every session's end was told, and nothing is left. */
  checkOver(): void {
    const { world, running } = this.#cluster
    for (const [sid, uses] of this.#history.uses) {
      const wasHeld = uses.some(({ run }) => run.isRunning)
      if (wasHeld && !this.#isDestroyed(sid) && !this.#expired.has(sid))
        world.fail(`the end of ${sid} was told by nobody`)
    }
    for (const run of running) {
      const sids = [...run.replica.records()].map(({ sid }) => sid)
      if (sids.length > 0) world.fail(`${run.id} still holds ${sids}, long after the last use`)
    }
  }

  #wasAlwaysInUse(uses: readonly Use[]): boolean {
    const { world } = this.#cluster
    let lastMs = world.nowMs
    for (const { atMs, run } of [...uses].reverse()) {
      if (!run.isRunning || lastMs - atMs > this.#ttlMs / 3) return false
      lastMs = atMs
    }
    return true
  }

  #isDestroyed(sid: string): boolean {
    return this.#history.writesOf(sid).some(({ isDestroy }) => isDestroy)
  }
}

/** Until links are up and transfers are over after a fault. */
const RECOVERY_MS = 5_000
/** Touches are told at most once per tenth of the ttl. */
const TOUCH_SHARE = 0.1
