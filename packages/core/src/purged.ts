/**
 * What was removed and is not kept any more, since all who were known had merged its removal. Whoever was with us once
 * and was not told of a removal can never be told: he may hold what was removed, so his state and ours must not be
 * mixed. (As with a log that is compacted: who asks from before its beginning has to begin anew.)
 */

import type { Digest } from './digest.js'
import { laterStamp, type Origin, type Stamp } from './stamp.js'

export interface Purge {
  /** The latest removal by its origin that is not kept. */
  readonly removal: Stamp
  /** Whose writes were here then: who has some of theirs, and not the removal, was with us before it. */
  readonly writers: ReadonlySet<Origin>
}

export class Purged {
  readonly #purges = new Map<Origin, Purge>()

  get isEmpty(): boolean {
    return this.#purges.size === 0
  }

  add(removal: Stamp, writers: Iterable<Origin>): void {
    const known = this.#purges.get(removal.origin)
    this.#purges.set(removal.origin, {
      removal: known === undefined ? removal : laterStamp(removal, known.removal),
      writers: new Set([...(known?.writers ?? []), ...writers]),
    })
  }

  join(purges: Iterable<Purge>): void {
    for (const { removal, writers } of purges) this.add(removal, writers)
  }

  /** Whether who has merged just this may hold what was removed. (Two clusters that never met lack nothing.) */
  isMissedBy(digest: Digest): boolean {
    for (const { removal, writers } of this.#purges.values()) {
      if (digest.covers(removal)) continue
      for (const writer of writers) if (digest.get(writer) !== undefined) return true
    }
    return false
  }

  /** Forgets the rest: digests forget those origins too, some sooner than ours, and could not be compared. */
  keep(origins: ReadonlySet<Origin>): void {
    for (const [origin, { removal, writers }] of this.#purges) {
      if (!origins.has(origin)) this.#purges.delete(origin)
      else {
        const kept = [...writers].filter((writer) => origins.has(writer))
        if (kept.length < writers.size) this.#purges.set(origin, { removal, writers: new Set(kept) })
      }
    }
  }

  entries(): Purge[] {
    return [...this.#purges.values()]
  }
}
