/**
 * Translates moments on a peer's monotonic clock to our own. Ages are what travels, since no two clocks can be
 * compared; but a frame may have waited, on a clogged wire or before a process that stood still, and an age that
 * is taken for fresh then would keep a session alive beyond its time. So each frame tells when it was sent, and
 * the quickest one of its link tells how far the two clocks are apart.
 */

import type { Instant } from './stamp.js'

/** What was learnt fades by so much: clocks stop while a host is suspended, and do not run quite alike. */
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
