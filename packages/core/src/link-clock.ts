/**
 * Translates moments on a peer's monotonic clock to our own. Ages are what travels, since no two clocks can be
 * compared; but a frame may have waited, on a clogged wire or before a process that stood still, and an age that
 * is taken for fresh then would keep a session alive beyond its time. So each frame tells when it was sent, and
 * the quickest one of its link tells how far the two clocks are apart.
 */

import type { Instant } from './stamp.js'

/**
 * What was learnt fades by so much: no two clocks run quite alike. (And of a host whose wall clock was set back while it was
 * suspended nothing shows that.)
 */
const FADE = 0.001

export class LinkClock {
  #offsetMs = Number.POSITIVE_INFINITY
  #learntMs = 0

  /** The moment here that is `sentMs` there, for a frame that is read now. Never after now. */
  toLocal(sentMs: number, now: Instant): number {
    const fadedMs = this.#offsetMs + FADE * (now.monoMs - this.#learntMs)
    this.#offsetMs = Math.min(now.monoMs - sentMs, fadedMs)
    this.#learntMs = now.monoMs
    return sentMs + this.#offsetMs
  }
}

/**
 * What a member tells for its monotonic clock: that one stands still while its host is suspended, and then all that is sent
 * would look as old as that was long. So as much is added as the wall clock has gone on by more. (One that is set forward
 * looks the same: who reads of a clock that runs ahead follows at once, as at the beginning of a link, and what waits on
 * its way just then looks younger by that. Nothing is taken away.)
 */
export class ToldClock {
  #beganAheadMs: number | undefined
  #aheadMs = 0

  /** By how much the clock that is told is ahead of the monotonic one. */
  get aheadMs(): number {
    return this.#aheadMs
  }

  follow({ wallMs, monoMs }: Instant): void {
    this.#beganAheadMs ??= wallMs - monoMs
    this.#aheadMs = Math.max(this.#aheadMs, wallMs - monoMs - this.#beganAheadMs)
  }
}
