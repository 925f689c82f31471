/**
 * What was removed here and is not kept any more, since all who were known had merged it: ended sessions, and attributes
 * that were removed. Whoever was with us once and was not told of it can never be told: he may hold what was removed, so
 * his state and ours must not be mixed. (As with a log that is compacted: who asks from before its beginning has to
 * begin anew.)
 *
 * Two clusters that never met miss nothing of each other. So what was removed is known by circles: all whose writes were
 * together at any removal are one. (Whose writes were together at which removal is not told apart: each of a thousand
 * runs has removed something, and each would name a thousand.)
 */

import type { Digest } from './digest.js'
import { compareStamps, type Origin, type Stamp } from './stamp.js'

/** What travels of a circle. */
export interface Purge {
  /** Of each origin the latest of its writes that are not kept. */
  readonly removals: readonly Stamp[]
  /** Whose writes were here then: who has some of theirs, and not each of the removals, was with us before. */
  readonly writers: readonly Origin[]
}

interface Circle {
  readonly removals: Map<Origin, Stamp>
  readonly writers: Set<Origin>
}

/** In each circle, beside those of our own digest. */
const MAX_OTHER_WRITERS = 1_000

export class Purged {
  readonly #circles = new Set<Circle>()
  /** Each writer is in one. */
  readonly #circleOf = new Map<Origin, Circle>()

  static of(purges: Iterable<Purge>): Purged {
    const purged = new Purged()
    purged.join(purges)
    return purged
  }

  get isEmpty(): boolean {
    return this.#circles.size === 0
  }

  /** @param writers whose writes are here */
  add(removal: Stamp, writers: readonly Origin[]): void {
    this.join([{ removals: [removal], writers }])
  }

  join(purges: Iterable<Purge>): void {
    for (const { removals, writers } of purges) {
      const circle = this.#circleOfAll([...removals.map(({ origin }) => origin), ...writers])
      for (const removal of removals) raise(circle.removals, removal)
    }
  }

  /** Whose removals are missed by one who has merged just this, and may hold what was removed. */
  missedBy(digest: Digest): Origin[] {
    return [...this.#circles].flatMap(({ removals, writers }) => {
      const missed = [...removals.values()].filter((removal) => !digest.covers(removal))
      if (missed.length === 0) return []
      const wasWithUs = [...writers].some((writer) => digest.get(writer) !== undefined)
      return wasWithUs ? missed.map(({ origin }) => origin) : []
    })
  }

  /**
   * Forgets the removals of all other origins: digests forget those too, some sooner than ours, and could not be
   * compared. Writers that our own digest does not name stay, as long as they are few: it may be another one's that names
   * them.
   */
  keep(origins: ReadonlySet<Origin>): void {
    for (const circle of this.#circles) {
      for (const origin of circle.removals.keys()) if (!origins.has(origin)) circle.removals.delete(origin)
      if (circle.removals.size === 0) this.#forget(circle)
      const others = [...circle.writers].filter((writer) => !origins.has(writer))
      for (const oldest of others.slice(0, Math.max(0, others.length - MAX_OTHER_WRITERS))) {
        circle.writers.delete(oldest)
        this.#circleOf.delete(oldest)
      }
    }
  }

  told(): Purge[] {
    return [...this.#circles].map(({ removals, writers }) => ({
      removals: [...removals.values()],
      writers: [...writers],
    }))
  }

  /** Those in which any of them is become one. */
  #circleOfAll(writers: readonly Origin[]): Circle {
    const met = new Set<Circle>()
    for (const writer of writers) {
      const circle = this.#circleOf.get(writer)
      if (circle !== undefined) met.add(circle)
    }
    // (Into the largest: of many that are told none is copied often.)
    const [circle = newCircle(), ...others] = [...met].sort((a, b) => b.writers.size - a.writers.size)
    this.#circles.add(circle)
    for (const other of others) {
      for (const removal of other.removals.values()) raise(circle.removals, removal)
      this.#enter(circle, other.writers)
      this.#circles.delete(other)
    }
    this.#enter(circle, writers)
    return circle
  }

  #enter(circle: Circle, writers: Iterable<Origin>): void {
    for (const writer of writers) {
      circle.writers.add(writer)
      this.#circleOf.set(writer, circle)
    }
  }

  #forget(circle: Circle): void {
    this.#circles.delete(circle)
    for (const writer of circle.writers) this.#circleOf.delete(writer)
    circle.writers.clear()
  }
}

function newCircle(): Circle {
  return { removals: new Map(), writers: new Set() }
}

/** Whoever lacks the earlier one of two lacks the later one. */
function raise(removals: Map<Origin, Stamp>, removal: Stamp): void {
  const known = removals.get(removal.origin)
  if (known === undefined || compareStamps(removal, known) > 0) removals.set(removal.origin, removal)
}
