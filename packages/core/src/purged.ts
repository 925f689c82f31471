/**
 * What was removed here and is not kept any more, since all who were known had merged it: ended sessions, and attributes
 * that were removed. Whoever was with us once and was not told of it can never be told: he may hold what was removed, so
 * his state and ours must not be mixed. (As with a log that is compacted: who asks from before its beginning has to
 * begin anew.)
 *
 * Two clusters that never met miss nothing of each other, so it is known of removals whose writes were there. What one
 * sweep removes is one purge, and purges become one as soon as all who are known have merged both: of a thousand runs
 * that have removed something each would name a thousand.
 */

import type { Digest } from './digest.js'
import { compareStamps, type Origin, type Stamp } from './stamp.js'

/** What travels. */
export interface Purge {
  /** Of each origin the latest of its writes that are not kept. */
  readonly removals: readonly Stamp[]
  /** Whose writes were here then: who has some of theirs, and not each of the removals, was with us before. */
  readonly writers: readonly Origin[]
}

interface KnownPurge {
  readonly removals: Map<Origin, Stamp>
  readonly writers: Set<Origin>
}

/** In each purge, beside those of our own digest. */
const MAX_OTHER_WRITERS = 1_000
/** More than can be waited for at once: then all are one, which errs on the safe side. */
const MAX_PURGES = 64

export class Purged {
  #purges: KnownPurge[] = []

  static of(purges: Iterable<Purge>): Purged {
    const purged = new Purged()
    purged.join(purges)
    return purged
  }

  get isEmpty(): boolean {
    return this.#purges.length === 0
  }

  join(purges: Iterable<Purge>): void {
    for (const purge of purges) {
      if (purge.removals.length > 0 && !this.#purges.some((known) => isPartOf(purge, known)))
        this.#purges.push(added(purge, { removals: new Map(), writers: new Set() }))
      if (this.#purges.length > MAX_PURGES) this.unite(() => true)
    }
  }

  /** Those of which all removals are `isEverywhere` become one: who has merged one of them has merged all. */
  unite(isEverywhere: (removal: Stamp) => boolean): void {
    if (this.#purges.length < 2) return
    const isInStep = ({ removals }: KnownPurge) => [...removals.values()].every(isEverywhere)
    const [one, ...others] = this.#purges.filter(isInStep).sort((a, b) => b.writers.size - a.writers.size)
    if (one === undefined) return
    for (const other of others) added(told(other), one)
    this.#purges = this.#purges.filter((purge) => !others.includes(purge))
  }

  /** Whose removals are missed by one who has merged just this, and may hold what was removed. */
  missedBy(digest: Digest): Origin[] {
    const missed = this.#purges.flatMap(({ removals, writers }) => {
      const lacking = [...removals.values()].filter((removal) => !digest.covers(removal))
      if (lacking.length === 0) return []
      const wasWithUs = [...writers].some((writer) => digest.get(writer) !== undefined)
      return wasWithUs ? lacking.map(({ origin }) => origin) : []
    })
    return [...new Set(missed)]
  }

  /**
   * Forgets the removals of all other origins: digests forget those too, some sooner than ours, and could not be
   * compared. Writers that our own digest does not name stay, as long as they are few: it may be another one's that names
   * them.
   */
  keep(origins: ReadonlySet<Origin>): void {
    for (const { removals, writers } of this.#purges) {
      for (const origin of removals.keys()) if (!origins.has(origin)) removals.delete(origin)
      const others = [...writers].filter((writer) => !origins.has(writer))
      for (const oldest of others.slice(0, Math.max(0, others.length - MAX_OTHER_WRITERS)))
        writers.delete(oldest)
    }
    this.#purges = this.#purges.filter(({ removals }) => removals.size > 0)
  }

  told(): Purge[] {
    return this.#purges.map(told)
  }
}

function added({ removals, writers }: Purge, to: KnownPurge): KnownPurge {
  for (const writer of writers) to.writers.add(writer)
  for (const removal of removals) {
    if (!isKnown(removal, to)) to.removals.set(removal.origin, removal)
    to.writers.add(removal.origin)
  }
  return to
}

function isPartOf({ removals, writers }: Purge, known: KnownPurge): boolean {
  return (
    removals.every((removal) => isKnown(removal, known)) &&
    writers.every((writer) => known.writers.has(writer))
  )
}

/** This one or a later one: whoever lacks the earlier one lacks the later one. */
function isKnown(removal: Stamp, { removals }: KnownPurge): boolean {
  const latest = removals.get(removal.origin)
  return latest !== undefined && compareStamps(removal, latest) <= 0
}

function told({ removals, writers }: KnownPurge): Purge {
  return { removals: [...removals.values()], writers: [...writers] }
}
