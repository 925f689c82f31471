/**
 * Who could have heard of whom: what nearly all that the checks excuse is made of.
 *
 *     isLinkedBothWays  now, each has a link to the other
 *     lastTroubleMs     when the network or a clock last kept two hosts apart
 *     areInTouch        both have been well since, and nothing has kept them apart: what one says the other hears
 *     couldReach        the other is well, and what kept the two apart was over, and made good, at that time
 *     isQuiet           nothing at all has been wrong since, but for one run that has ended
 *     hasKnown          since then a run has known of the other, be it by hearsay: it dials it
 *     hasMet            the same, and not by the word alone that it is dead, whom nobody dials
 *     datedLaterMs      by how much what it heard of may seem to it to have been used later than it was
 *     unknownTo         those that run, and of whom a run has never heard, or whom it has forgotten
 */

import type { Cluster } from './cluster.js'
import type { Host } from './host.js'
import { SLOWEST_MS } from './network.js'
import type { Run } from './run.js'

export class Reach {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  isLinkedBothWays(a: Run, b: Run): boolean {
    const sees = (run: Run, other: Run) =>
      run.replica.peers().some(({ id, link }) => id === other.id && link !== undefined)
    return sees(a, b) && sees(b, a)
  }

  /** When a clock last kept the two from accepting each other. */
  lastLeapMs(a: number, b: number): number {
    const leapMs = ({ hasLeapt, leaptMs }: Host) => (hasLeapt ? this.#cluster.world.nowMs : leaptMs)
    return Math.max(leapMs(this.#cluster.hosts[a] as Host), leapMs(this.#cluster.hosts[b] as Host))
  }

  /** When anything last kept the two from hearing each other at once. */
  lastTroubleMs(a: number, b: number): number {
    return Math.max(this.#cluster.network.lastTroubleMs(a, b), this.lastLeapMs(a, b))
  }

  /** Both are well, and nothing has kept them from hearing each other since then, and until now or `untilMs`. */
  areInTouch(a: Run, b: Run, sinceMs: number, untilMs = Number.POSITIVE_INFINITY): boolean {
    const isWell = (run: Run) => isUpSince(run, sinceMs, untilMs) && run.startedMs < sinceMs
    return a !== b && isWell(a) && isWell(b) && this.lastTroubleMs(a.host, b.host) < sinceMs
  }

  /** The other one is well, and what kept the two from hearing each other was over, and made good, at that time. */
  couldReach(run: Run, other: Run, atMs: number): boolean {
    const sinceMs = atMs - RECOVERY_MS
    return isUpSince(other, sinceMs) && this.lastTroubleMs(run.host, other.host) < sinceMs
  }

  /** All is well, and has been since then, but for one run that has ended. */
  isQuiet(sinceMs: number, ended: Run): boolean {
    const isLate = (atMs: number) => atMs > sinceMs
    const isStill = (run: Run) =>
      run === ended || !(run.isFrozen || isLate(run.startedMs) || isLate(run.endedMs) || isLate(run.thawedMs))
    const { running, runs } = this.#cluster
    const isSound = (a: Run) => running.every((b) => !isLate(this.lastTroubleMs(a.host, b.host)))
    return !ended.isRunning && runs.every(isStill) && running.every(isSound)
  }

  /** The run has known the other since then: it dials it, and tells others of it. */
  hasKnown(run: Run, other: Run, sinceMs: number): boolean {
    const learntMs = run.now.monoMs - (this.#cluster.world.nowMs - sinceMs)
    return run.replica.peers().some((peer) => peer.id === other.id && peer.learntMs < learntMs)
  }

  /** As `hasKnown`, and not by the word alone that it is dead. */
  hasMet(run: Run, other: Run, sinceMs: number): boolean {
    const isHearsay = run.replica
      .peers()
      .some(({ id, state, announced }) => id === other.id && state === 'dead' && !announced)
    return this.hasKnown(run, other, sinceMs) && !isHearsay
  }

  /**
   * Of what came since then, while the run stood still or by a slow link, it counts a part of the time on its way for none. What
   * was used seems to it to have been used later by as much: it tells that it uses it itself later, too.
   */
  datedLaterMs(run: Run, sinceMs: number): number {
    const { scenario, config } = this.#cluster
    if (run.thawedMs > sinceMs - config.deadAfterMs) return config.deadAfterMs
    return scenario.faults.includes('slow') ? SLOWEST_MS : 0
  }

  /** Those of whom it has never heard, or whom it has forgotten. */
  unknownTo(run: Run): Run[] {
    const known = new Set(run.replica.peers().map(({ id }) => id))
    return this.#cluster.running.filter(({ id }) => id !== run.id && !known.has(id))
  }
}

/** It has not stood still since then, and runs now, or did at `untilMs`. */
function isUpSince(run: Run, sinceMs: number, untilMs = Number.POSITIVE_INFINITY): boolean {
  // (One that stood still may have died so.)
  const stoodMs = Math.max(run.frozeMs, run.thawedMs)
  return (run.isRunning || run.endedMs > untilMs) && !run.isFrozen && stoodMs < sinceMs
}

/** After trouble: until links are up, transfers are over and no frame is late any more. */
export const RECOVERY_MS = 2_000
