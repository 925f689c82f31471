/**
 * Sessions that end by time: not before their time and not long after it, on any member; their end is told at
 * least once; and a session in use is neither lost nor split, however long its members were apart.
 */

import type { CoreEvent } from '@sessionmesh/core'
import type { Cluster, Observer } from './cluster.js'
import type { History, Use } from './history.js'
import { RECOVERY_MS } from './reach.js'
import type { Run } from './run.js'
import { covers } from './stamps.js'

/** Touches are told at most once per tenth of the ttl. */
const TOUCH_SHARE = 0.1
/** Uses that are looked at: the latest. */
const LOOKS_BACK = 10
/** What the network and the end of a turn take. */
const SLACK_MS = 200

export class Expiry implements Observer {
  readonly #cluster: Cluster
  readonly #history: History
  readonly #ttlMs: number
  readonly #told = new Map<string, number>()

  constructor(cluster: Cluster, history: History) {
    this.#cluster = cluster
    this.#history = history
    this.#ttlMs = cluster.scenario.ttlMs
  }

  event(run: Run, event: CoreEvent): void {
    if (event.type !== 'session' || event.change !== 'expired') return
    if (!run.replica.isReady)
      this.#cluster.world.fail(
        'expiryEvents',
        `${run.id} tells the end of ${event.sid}, and nobody listens yet`,
      )
    this.#told.set(event.sid, (this.#told.get(event.sid) ?? 0) + 1)
    this.#checkNotEarly(run, event.sid, 'tells that it has expired')
  }

  /** What a request found. */
  shown(run: Run, sid: string, isThere: boolean): void {
    if (!isThere && this.#isHeld(run, sid)) this.#checkNotEarly(run, sid, 'does not show it')
    if (isThere) this.#checkNotLate(run, sid)
  }

  /** Nothing but its time can be the reason that it is hidden. */
  #isHeld(run: Run, sid: string): boolean {
    const record = run.replica.record(sid)
    if (record === undefined || !record.whole || this.#history.isDestroyed(sid)) return false
    return covers(this.#cluster.claim(run), record.created)
  }

  /** A use that the member could not have heard of in time is none of its business. */
  #checkNotEarly(run: Run, sid: string, what: string): void {
    const { world } = this.#cluster
    const uses = this.#history.uses.get(sid) ?? []
    for (const use of uses) {
      const idleMs = world.nowMs - use.atMs
      const isOwn = use.run === run
      const leastMs = isOwn
        ? this.#ttlMs
        : this.#ttlMs * (1 - TOUCH_SHARE) - SLACK_MS - this.#datedLaterMs(use)
      const isKnown = isOwn || this.#wasTold(run, use)
      if (idleMs >= leastMs || !isKnown) continue
      world.fail('expiry', `${run.id} ${what}: ${sid}, which ${use.run.id} used ${idleMs.toFixed(0)} ms ago`)
    }
  }

  #wasTold(run: Run, use: Use): boolean {
    const beforeMs = use.atMs - RECOVERY_MS
    const agoMs = this.#cluster.world.nowMs - use.atMs
    // (What was used right now is still on its way to the others.)
    if (this.#couldTell(use.run, run, beforeMs)) return agoMs > SLACK_MS
    if (agoMs <= this.#passedOnMs()) return false
    // Parted for good, and both in touch with a third that passes it on.
    if (this.#cluster.network.cutSinceMs(run.host, use.run.host) >= beforeMs) return false
    return this.#cluster.running.some(
      (third) => this.#couldTell(third, run, beforeMs) && this.#couldTell(use.run, third, beforeMs),
    )
  }

  /** In touch, and one knew that there is the other. (Who looks for names looks now and then; whom others call dead nobody dials.) */
  #couldTell(a: Run, b: Run, beforeMs: number): boolean {
    const haveMet = this.#cluster.reach.hasMet(a, b, beforeMs) || this.#cluster.reach.hasMet(b, a, beforeMs)
    return haveMet && this.#cluster.reach.areInTouch(a, b, beforeMs)
  }

  /**
   * Nobody takes a session for idle for much longer than the last use of which he could hear, nor for used when nobody has
   * used it.
   */
  checkIdle(): void {
    for (const [sid, uses] of this.#history.uses)
      for (const run of this.#cluster.serving)
        if (run.replica.has(sid, run.now)) this.#checkIdleOn(run, sid, uses)
  }

  #checkIdleOn(run: Run, sid: string, uses: readonly Use[]): void {
    const { world } = this.#cluster
    const record = run.replica.record(sid)
    const last = uses.at(-1)
    // (Idle is what it is since its creation, whoever tells of that.)
    if (record === undefined || !record.whole || last === undefined) return
    const idleMs = record.idleMs(run.now)
    const passedOnMs = this.#passedOnMs()
    const isKnown = (use: Use) =>
      use.run === run || (world.nowMs - use.atMs > passedOnMs && this.#wasTold(run, use))
    const use = uses.slice(-LOOKS_BACK).findLast(isKnown)
    if (use === undefined) return
    const leastMs = world.nowMs - use.atMs
    const intervalMs = use.run === run ? 0 : this.#ttlMs * TOUCH_SHARE + this.#datedLaterMs(use)
    if (idleMs <= leastMs + intervalMs + SLACK_MS) return
    world.fail(
      'expiry',
      `${run.id} holds ${sid} for idle for ${idleMs.toFixed(0)} ms, which ${use.run.id} used ${(world.nowMs - use.atMs).toFixed(0)} ms ago`,
    )
  }

  #datedLaterMs({ run, atMs }: Use): number {
    return this.#cluster.reach.datedLaterMs(run, atMs - this.#ttlMs * TOUCH_SHARE)
  }

  /**
   * Until a use has come by a third: he has merged it and says so with a heartbeat; where there is a link to the user too,
   * cut or not, it may be on its way there, and he is asked for it by the first heartbeat after the patience for that. (A user
   * may count on one before him that was told, and that came here no sooner.)
   */
  #passedOnMs(): number {
    const { gapPatienceMs, heartbeatMs } = this.#cluster.config
    return gapPatienceMs + 2 * heartbeatMs + SLACK_MS
  }

  /** Whoever may be asked for it next. */
  checkShown(): void {
    for (const sid of this.#history.uses.keys())
      for (const run of this.#cluster.serving) if (run.replica.has(sid, run.now)) this.#checkNotLate(run, sid)
  }

  #checkNotLate(run: Run, sid: string): void {
    const { world, config } = this.#cluster
    const last = this.#history.uses.get(sid)?.at(-1)
    if (last === undefined) return
    const idleMs = world.nowMs - last.atMs
    // (What it was given may have died with who wrote it; then it has what all have.)
    const isLost = run.replica.record(sid)?.lifetime === undefined
    const ttlMs = isLost ? Math.max(this.#ttlMs, config.ttlMs) : this.#ttlMs
    if (idleMs > ttlMs * (1 + TOUCH_SHARE) + config.deadAfterMs)
      world.fail('expiry', `${run.id} shows ${sid}, which was last used ${idleMs.toFixed(0)} ms ago`)
  }

  /** Sessions that were used until now on members that still run, so that each is known to one that lives. */
  checkInUse(): void {
    const { world, running } = this.#cluster
    for (const [sid, uses] of this.#history.uses) {
      if (!this.#wasAlwaysInUse(uses) || this.#history.isDestroyed(sid)) continue
      for (const run of running)
        if (!run.replica.has(sid, run.now))
          world.fail('expiry', `${sid} is in use, and not to be had on ${run.id}`)
    }
  }

  /** All have expired: every session's end was told, and nothing is left. */
  checkOver(): void {
    const { world, running, scenario } = this.#cluster
    for (const [sid, uses] of this.#history.uses) {
      const wasHeld = uses.some(({ run, isHeld }) => isHeld && run.isRunning)
      const times = this.#told.get(sid) ?? 0
      if (this.#history.isDestroyed(sid)) continue
      if (wasHeld && times === 0) world.fail('expiryEvents', `the end of ${sid} was told by nobody`)
      if (this.#cluster.isOrderly && times > 1)
        world.fail('expiryEvents', `the end of ${sid} was told ${times} times, and nothing was wrong`)
    }
    if (scenario.hasGrace || this.#cluster.awaitsTheDead) return
    for (const run of running) {
      const sids = [...run.replica.records()].map(({ sid }) => sid)
      if (sids.length > 0) world.fail('expiry', `${run.id} still holds ${sids}, long after the last use`)
    }
  }

  #wasAlwaysInUse(uses: readonly Use[]): boolean {
    let lastMs = this.#cluster.world.nowMs
    for (const { atMs, run, isHeld } of [...uses].reverse()) {
      if (!isHeld || !run.isRunning || lastMs - atMs > this.#ttlMs / 3) return false
      lastMs = atMs
    }
    return true
  }
}
