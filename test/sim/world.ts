/** Virtual time: it jumps from event to event, so that minutes of a cluster's life take milliseconds. */

import type { Invariant } from './invariants.js'
import { Random } from './random.js'

interface Timed {
  readonly atMs: number
  readonly order: number
  readonly action: () => void
}

/** Something that is not as it should be, yet or for good. */
export interface Problem {
  readonly invariant: Invariant
  readonly text: string
}

/** A promise of the design is broken. */
export class Violation extends Error {
  constructor(
    readonly invariant: Invariant,
    text: string,
  ) {
    super(text)
  }
}

export class World {
  readonly random: Random
  /** For the checks: another look at things must not make another history. */
  readonly checking: Random
  readonly transcript: string[] = []
  readonly isTracing: boolean
  #nowMs = 0
  #order = 0
  readonly #heap: Timed[] = []
  events = 0

  constructor(seed: number, isTracing: boolean) {
    this.random = new Random(seed)
    this.checking = new Random(-seed - 1)
    this.isTracing = isTracing
  }

  get nowMs(): number {
    return this.#nowMs
  }

  trace(text: () => string): void {
    if (this.isTracing) this.transcript.push(`${this.#nowMs.toFixed(1).padStart(9)}  ${text()}`)
  }

  fail(invariant: Invariant, text: string): never {
    throw new Violation(invariant, `${invariant}: at ${this.#nowMs.toFixed(1)} ms: ${text}`)
  }

  after(delayMs: number, action: () => void): void {
    const timed = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, action }
    const heap = this.#heap
    let at = heap.push(timed) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (isBefore(heap[above] as Timed, timed)) break
      heap[at] = heap[above] as Timed
      at = above
    }
    heap[at] = timed
  }

  /** Lets `durationMs` of virtual time pass. */
  run(durationMs: number): void {
    const untilMs = this.#nowMs + durationMs
    for (let first = this.#heap[0]; first !== undefined && first.atMs <= untilMs; first = this.#heap[0]) {
      this.#takeFirst()
      if (first.atMs > this.#nowMs) this.#nowMs = first.atMs
      if (++this.events > MAX_EVENTS)
        this.fail('liveness', 'the history has no end: the members keep each other busy')
      first.action()
    }
    this.#nowMs = untilMs
  }

  #takeFirst(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && isBefore(heap[below + 1] as Timed, heap[below] as Timed)) below++
      if (isBefore(last, heap[below] as Timed)) break
      heap[at] = heap[below] as Timed
      at = below
    }
    heap[at] = last
  }
}

/** Far more than any history that comes to an end. */
const MAX_EVENTS = 2_000_000

function isBefore(a: Timed, b: Timed): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
