/**
 * What one socket brings, in its order, and in one turn of the event loop no more of it than a few milliseconds allow: all that
 * was read with one chunk is told at once, and thousands of small frames may be in it. Between turns other links, timers
 * and the requests of the application have theirs.
 */

/** Far more than honest frames of a turn take, and far less than anybody notices. */
const TURN_MS = 20

export interface TurnsEvents {
  /** Something waits: no more need be read. */
  wait(): void
  /** Nothing waits any more. */
  goOn(): void
}

export class Turns {
  readonly #events: TurnsEvents
  #waiting: (() => void)[] = []
  /** In this turn; `undefined` before the first of it. */
  #untilMs: number | undefined

  constructor(events: TurnsEvents) {
    this.#events = events
  }

  /** At once, or in a later turn after what came before. */
  run(step: () => void): void {
    if (this.#waiting.length === 0 && this.#hasTime()) return step()
    this.#waiting.push(step)
    if (this.#waiting.length === 1) this.#events.wait()
  }

  #hasTime(): boolean {
    const nowMs = performance.now()
    if (this.#untilMs === undefined) {
      this.#untilMs = nowMs + TURN_MS
      setImmediate(() => this.#turn())
    }
    return nowMs < this.#untilMs
  }

  #turn(): void {
    this.#untilMs = undefined
    if (this.#waiting.length === 0) return
    while (this.#hasTime()) {
      this.#waiting.shift()?.()
      if (this.#waiting.length === 0) return this.#events.goOn()
    }
  }
}
