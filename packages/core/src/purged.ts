/**
 * What was removed here and is not kept any more, since all who were known had merged it: ended sessions, and attributes
 * that were removed. Whoever was with us once and was not told of it can never be told: he may hold what was removed, so
 * his state and ours must not be mixed. (As with a log that is compacted: who asks from before its beginning has to
 * begin anew.)
 */

import type { Digest } from './digest.js'
import { compareStamps, type Origin, type Stamp } from './stamp.js'

export interface Purge {
  /** The latest write by its origin that is not kept. */
  readonly removal: Stamp
  /** Whose writes were here then: who has some of theirs, and not the removal, was with us before it. */
  readonly writers: ReadonlySet<Origin>
}

/** About as many as a digest remembers. */
const MAX_WRITERS = 500

export class Purged {
  readonly #purges = new Map<Origin, { removal: Stamp; readonly writers: Set<Origin> }>()

  static of(purges: Iterable<Purge>): Purged {
    const purged = new Purged()
    purged.join(purges)
    return purged
  }

  get isEmpty(): boolean {
    return this.#purges.size === 0
  }

  add(removal: Stamp, writers: Iterable<Origin>): void {
    const known = this.#purges.get(removal.origin)
    if (known === undefined) {
      this.#purges.set(removal.origin, { removal, writers: new Set(writers) })
      return
    }
    if (compareStamps(removal, known.removal) > 0) known.removal = removal
    for (const writer of writers) known.writers.add(writer)
  }

  /** A later one is known: who lacks this one lacks that. */
  has(removal: Stamp): boolean {
    const known = this.#purges.get(removal.origin)
    return known !== undefined && compareStamps(removal, known.removal) <= 0
  }

  join(purges: Iterable<Purge>): void {
    for (const { removal, writers } of purges) this.add(removal, writers)
  }

  /**
   * Whose removals are missed by one who has merged just this, and may hold what was removed. (Two clusters that never
   * met miss nothing.)
   */
  missedBy(digest: Digest): Origin[] {
    const missed: Origin[] = []
    for (const [origin, { removal, writers }] of this.#purges) {
      if (digest.covers(removal)) continue
      if ([...writers].some((writer) => digest.get(writer) !== undefined)) missed.push(origin)
    }
    return missed
  }

  /**
   * Forgets the removals of all other origins: digests forget those too, some sooner than ours, and could not be
   * compared. Writers that our own digest does not name stay, as long as they are few: it may be another one's that names
   * them.
   */
  keep(origins: ReadonlySet<Origin>): void {
    for (const [origin, { writers }] of this.#purges) {
      if (!origins.has(origin)) this.#purges.delete(origin)
      for (const writer of writers) {
        if (writers.size <= MAX_WRITERS) break
        if (!origins.has(writer)) writers.delete(writer)
      }
    }
  }

  entries(): Purge[] {
    return [...this.#purges.values()].map(({ removal, writers }) => ({ removal, writers: new Set(writers) }))
  }
}
