/**
 * What was removed here and is not kept any more, since all who were known had merged it: ended sessions, and attributes
 * that were removed. Whoever was with us once and was not told of it can never be told: he may hold what was removed, so
 * his state and ours must not be mixed. (As with a log that is compacted: who asks from before its beginning has to
 * begin anew.)
 */

import type { Digest } from './digest.js'
import { compareStamps, type Origin, type Stamp } from './stamp.js'

/** What travels. */
export interface Purges {
  /** Of each origin the latest of its writes that are not kept. */
  readonly removals: readonly Stamp[]
  /**
   * Whose writes were here at any of the removals: who has some of theirs, and not each of the removals, was with us before.
   * (Whose writes were here at which one is not told apart: each of a thousand runs has removed something, and each would
   * name a thousand.)
   */
  readonly writers: readonly Origin[]
}

export const NO_PURGES: Purges = { removals: [], writers: [] }

/** Beside those of our own digest. */
const MAX_OTHER_WRITERS = 1_000

export class Purged {
  readonly #removals = new Map<Origin, Stamp>()
  readonly #writers = new Set<Origin>()

  static of(purges: Purges): Purged {
    const purged = new Purged()
    purged.join(purges)
    return purged
  }

  get isEmpty(): boolean {
    return this.#removals.size === 0
  }

  /** @param writers whose writes are here */
  add(removal: Stamp, writers: Iterable<Origin>): void {
    this.join({ removals: [removal], writers })
  }

  join({ removals, writers }: { removals: Iterable<Stamp>; writers: Iterable<Origin> }): void {
    for (const removal of removals) {
      const known = this.#removals.get(removal.origin)
      // (Whoever lacks the earlier one lacks the later one.)
      if (known === undefined || compareStamps(removal, known) > 0)
        this.#removals.set(removal.origin, removal)
    }
    for (const writer of writers) this.#writers.add(writer)
  }

  /**
   * Whose removals are missed by one who has merged just this, and may hold what was removed. (Two clusters that never
   * met miss nothing.)
   */
  missedBy(digest: Digest): Origin[] {
    const missed = [...this.#removals.values()].filter((removal) => !digest.covers(removal))
    if (missed.length === 0) return []
    const wasWithUs = [...this.#writers].some((writer) => digest.get(writer) !== undefined)
    return wasWithUs ? missed.map(({ origin }) => origin) : []
  }

  /**
   * Forgets the removals of all other origins: digests forget those too, some sooner than ours, and could not be
   * compared. Writers that our own digest does not name stay, as long as they are few: it may be another one's that names
   * them.
   */
  keep(origins: ReadonlySet<Origin>): void {
    for (const origin of this.#removals.keys()) if (!origins.has(origin)) this.#removals.delete(origin)
    const others = [...this.#writers].filter((writer) => !origins.has(writer))
    const tooMany = this.isEmpty ? others.length : Math.max(0, others.length - MAX_OTHER_WRITERS)
    for (const oldest of others.slice(0, tooMany)) this.#writers.delete(oldest)
  }

  told(): Purges {
    return { removals: [...this.#removals.values()], writers: [...this.#writers] }
  }
}
