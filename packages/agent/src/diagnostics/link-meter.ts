/** What went over one link, and how long the peer's writes took. */

import { type Instant, LinkClock } from '@sessionmesh/core'
import type { LinkReport } from './types.js'

/** Of the latest deltas. */
const KEPT = 512
const MAX_LAG_MS = 3_600_000

export class LinkMeter {
  sentBytes = 0
  receivedBytes = 0
  sentFrames = 0
  receivedFrames = 0
  readonly #clock = new LinkClock()
  readonly #lagsMs = new Float64Array(KEPT)
  readonly #atMs = new Float64Array(KEPT).fill(Number.NEGATIVE_INFINITY)
  #next = 0

  sent(bytes: number): void {
    this.sentBytes += bytes
    this.sentFrames++
  }

  received(bytes: number): void {
    this.receivedBytes += bytes
    this.receivedFrames++
  }

  /**
   * A frame that says when it was sent was read, and what it brought is merged.
   * @param sentMs on the peer's monotonic clock
   * @param readAt before it was merged; `doneMs` after, on the monotonic clock
   */
  arrived(sentMs: number, isDelta: boolean, readAt: Instant, doneMs: number): void {
    const leftMs = this.#clock.toLocal(sentMs, readAt)
    if (!isDelta) return
    const lagMs = Math.max(0, doneMs - leftMs)
    // What nobody waits for; a peer may say anything of its clock.
    if (!(lagMs < MAX_LAG_MS)) return
    this.#lagsMs[this.#next] = lagMs
    this.#atMs[this.#next] = doneMs
    this.#next = (this.#next + 1) % KEPT
  }

  /** @param sinceMs of which deltas the lag is told, on the monotonic clock: of the latest 512 at the most */
  report(peer: string, bufferedBytes: number, sinceMs: number): LinkReport {
    const { sentBytes, receivedBytes, sentFrames, receivedFrames } = this
    const traffic = { peer, sentBytes, receivedBytes, sentFrames, receivedFrames, bufferedBytes }
    // Nothing since: as in each sample of an idle member.
    if (this.#atMs[(this.#next + KEPT - 1) % KEPT]! < sinceMs) return traffic
    const lags = this.#lagsMs.filter((_, i) => this.#atMs[i]! >= sinceMs).sort()
    const at = (share: number) => round(lags[Math.min(lags.length - 1, Math.floor(lags.length * share))]!)
    return { ...traffic, lag: { p50Ms: at(0.5), p99Ms: at(0.99), deltas: lags.length } }
  }
}

/** To a microsecond: more is noise, and bytes. */
export function round(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
