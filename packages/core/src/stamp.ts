/**
 * Hybrid logical clock stamps: they order all writes of all members, agree with causality, and stay close to
 * wall time. (Kulkarni et al., "Logical Physical Clocks", 2014.) Wall time alone loses causally later writes
 * as soon as two clocks differ.
 */

/** The moment of an input. The core never asks a clock; it is told. */
export interface Instant {
  /** Wall clock, ms since the epoch. May jump; used for stamps alone. */
  readonly wallMs: number
  /** Monotonic clock, ms since any fixed moment of this process. Every timeout and idle time is on it. */
  readonly monoMs: number
}

/** A member's run (incarnation) as the author of writes: its member id. */
export type Origin = string

export interface Stamp {
  /** ms since the epoch, as far as the clocks of the cluster agree. */
  readonly time: number
  /** Orders stamps of the same `time`. */
  readonly counter: number
  readonly origin: Origin
}

/** Total order: time, counter, then origin, so that no two writes are ever equal. */
export function compareStamps(a: Stamp, b: Stamp): number {
  return a.time - b.time || a.counter - b.counter || (a.origin < b.origin ? -1 : a.origin > b.origin ? 1 : 0)
}

export function laterStamp(a: Stamp, b: Stamp): Stamp {
  return compareStamps(a, b) >= 0 ? a : b
}

/** `time.counter@origin`, for logs and status. */
export function formatStamp(stamp: Stamp): string {
  return `${stamp.time}.${stamp.counter}@${stamp.origin}`
}

/** Far above the writes that a millisecond can see; a clock that comes to it goes on with the next one. */
export const MAX_COUNTER = 2 ** 31

/** The clock of one member. Every stamp it issues is above all that it issued or observed before. */
export class HybridClock {
  readonly #origin: Origin
  #time = 0
  #counter = 0

  constructor(origin: Origin) {
    this.#origin = origin
  }

  /** The highest time issued or observed, or that of the wall clock: what is written next is not below it. */
  timeAt(now: Instant): number {
    return Math.max(this.#time, now.wallMs)
  }

  issue(now: Instant): Stamp {
    if (now.wallMs > this.#time) {
      this.#time = now.wallMs
      this.#counter = 0
    } else if (this.#counter < MAX_COUNTER) {
      this.#counter++
    } else {
      this.#time++
      this.#counter = 0
    }
    return { time: this.#time, counter: this.#counter, origin: this.#origin }
  }

  /** Must see every stamp that is merged or shown to a user, so that what is written next comes after it. */
  observe(stamp: Stamp): void {
    if (stamp.time > this.#time) {
      this.#time = stamp.time
      this.#counter = stamp.counter
    } else if (stamp.time === this.#time && stamp.counter > this.#counter) {
      this.#counter = stamp.counter
    }
  }
}
