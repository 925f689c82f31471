/** Silent by default; and warnings that repeat are told once, with how often they came. */

import type { Logger } from './types.js'

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

const firstQuietMs = 10_000
const maxQuietMs = 600_000
const maxKeys = 1_000

/** Lets one occurrence per key and ten seconds through; of what goes on and on, in ever longer intervals. */
export class RateLimit {
  readonly #seen = new Map<string, { untilMs: number; quietMs: number; suppressed: number }>()

  /** How many were held back since the last one, or `undefined` when this one is to be held back. */
  pass(key: string, nowMs: number): number | undefined {
    const seen = this.#seen.get(key)
    if (seen !== undefined && nowMs < seen.untilMs) {
      seen.suppressed++
      return undefined
    }
    const goesOn = seen !== undefined && nowMs - seen.untilMs < seen.quietMs
    const quietMs = goesOn ? Math.min(2 * seen.quietMs, maxQuietMs) : firstQuietMs
    // (Last in the order: the first was told of longest ago.)
    this.#seen.delete(key)
    this.#seen.set(key, { untilMs: nowMs + quietMs, quietMs, suppressed: 0 })
    // Keys hold addresses: they must not add up.
    const [oldest] = this.#seen.keys()
    if (oldest !== undefined && this.#seen.size > maxKeys) this.#seen.delete(oldest)
    return seen?.suppressed ?? 0
  }
}
