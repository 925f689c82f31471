/**
 * A session as a member holds it. Replicated state changes in one way only: `merge`, which is commutative,
 * associative and idempotent, and serves local writes, live deltas, repair and state transfer alike.
 *
 * Nobody looks into a value here, from the write that made it to the read that needs it.
 */

import type { Digest } from './digest.js'
import { compareStamps, type Instant, laterStamp, type Origin, type Stamp } from './stamp.js'
import { sameValue, sizeOf, type Value } from './value.js'

/** One attribute as it travels and as it is held. `value: undefined` means removed: removal is a value too. */
export interface Attribute {
  readonly name: string
  readonly value: Value | undefined
  readonly stamp: Stamp
}

/** How long a session lives without use. The last writer wins. */
export interface Lifetime {
  readonly ttlMs: number
  readonly stamp: Stamp
}

/** A partial record to merge. Empty but for `sid`, `created` and `usedMs`, it is a touch. */
export interface Delta {
  readonly sid: string
  /** The stamp of the write that created the session: tells a forgotten session from a new one. */
  readonly created: Stamp
  readonly attributes: readonly Attribute[]
  readonly lifetime?: Lifetime | undefined
  readonly destroyed?: Stamp | undefined
  /** Last use, on this member's monotonic clock. It travels as an age: no two members' clocks are compared. */
  readonly usedMs?: number | undefined
  /** Not all that there is of the session: who does not hold it has forgotten it, and asks for the whole. */
  readonly isPartial?: boolean | undefined
  /** It is over, and `session:expired` has been told of it, somewhere. */
  readonly isEndTold?: boolean | undefined
}

/** The stamps of what a delta would write. A delta without any is a touch. */
export function writeStamps({ attributes, lifetime, destroyed }: Delta): Stamp[] {
  const stamps = attributes.map(({ stamp }) => stamp)
  if (lifetime !== undefined) stamps.push(lifetime.stamp)
  if (destroyed !== undefined) stamps.push(destroyed)
  return stamps
}

/** What a merge did. */
export interface Merged {
  /** Attributes whose value is another now. */
  readonly changed: string[]
  /** The session ended by this merge. */
  readonly destroyed: boolean
}

const NOTHING: Merged = { changed: [], destroyed: false }

/** Who has to tell that a session is over. */
export interface Teller {
  readonly owner: Origin | undefined
  /** Since when this member has held that one for the owner, on its monotonic clock. */
  readonly sinceMs: number
}

export class SessionRecord {
  readonly sid: string
  created: Stamp
  /** The highest stamp of all that is merged: its origin is the last writer. */
  lastStamp: Stamp
  lifetime: Lifetime | undefined
  destroyed: Stamp | undefined
  /** Last use, on this member's monotonic clock. Only grows. */
  accessedMs: number
  /** Last use that the peers know of too: what touches are coalesced against. */
  toldMs: number
  /**
   * False for a session that was forgotten here as expired and turns out to be alive elsewhere: what came
   * since is merged, but it may not be read until its whole has been fetched.
   */
  whole = true
  /** Set while its time and the grace are over. */
  teller: Teller | undefined
  /** `session:expired` has been told of it, here or elsewhere. */
  isEndTold = false
  /** It had ended and been forgotten here, and came back from elsewhere: nobody here waits for its end again. */
  hadEnded = false
  /** The user knows of it: `session:created` has been told, or it was here before this member was ready. */
  announced = false
  /** Bytes of names and values, for the limit on a session's size. */
  bytes = 0
  #attributes = new Map<string, Attribute>()

  constructor(sid: string, created: Stamp, accessedMs: number) {
    this.sid = sid
    this.created = created
    this.lastStamp = created
    this.accessedMs = accessedMs
    this.toldMs = accessedMs
  }

  /** `isMerged` tells which stamps are contained in this member's state already: they are skipped. */
  merge(delta: Delta, isMerged: (stamp: Stamp) => boolean): Merged {
    if (compareStamps(delta.created, this.created) < 0) this.created = delta.created
    if (delta.usedMs !== undefined) this.#accessed(delta.usedMs)
    if (delta.isEndTold) this.isEndTold = true
    if (delta.destroyed !== undefined && !isMerged(delta.destroyed)) return this.#destroy(delta.destroyed)
    // Destroyed is absorbing, whatever the stamps: session ids are never used again.
    if (this.destroyed !== undefined) return NOTHING
    const changed: string[] = []
    for (const attribute of delta.attributes) {
      if (isMerged(attribute.stamp)) continue
      const held = this.#attributes.get(attribute.name)
      if (held !== undefined && compareStamps(held.stamp, attribute.stamp) >= 0) continue
      this.#put(attribute, held)
      if (!sameValue(held?.value, attribute.value)) changed.push(attribute.name)
    }
    const { lifetime } = delta
    if (lifetime !== undefined && !isMerged(lifetime.stamp)) {
      if (this.lifetime === undefined || compareStamps(lifetime.stamp, this.lifetime.stamp) > 0) {
        this.lifetime = lifetime
        this.lastStamp = laterStamp(this.lastStamp, lifetime.stamp)
      }
    }
    return { changed, destroyed: false }
  }

  get(name: string): Value | undefined {
    return this.#attributes.get(name)?.value
  }

  /** How many attributes are held, markers of removed ones included. */
  get names(): number {
    return this.#attributes.size
  }

  /** Whether an attribute of this name is held, be it as the marker of a removed one. */
  holds(name: string): boolean {
    return this.#attributes.has(name)
  }

  /** The attributes that have a value. */
  values(): Map<string, Value> {
    const values = new Map<string, Value>()
    for (const { name, value } of this.#attributes.values()) if (value !== undefined) values.set(name, value)
    return values
  }

  /** Every stamp that the record bears. Of a destroyed session nothing counts but its end. */
  *stamps(): Generator<Stamp> {
    if (this.destroyed !== undefined) return yield this.destroyed
    yield this.created
    if (this.lifetime !== undefined) yield this.lifetime.stamp
    for (const { stamp } of this.#attributes.values()) yield stamp
  }

  /** What this record has above `digest`; with no digest, all of it. `undefined` when nothing. */
  above(digest: Digest | undefined): Delta | undefined {
    const lacks = (stamp: Stamp) => digest === undefined || !digest.covers(stamp)
    const attributes: Attribute[] = []
    for (const attribute of this.#attributes.values()) if (lacks(attribute.stamp)) attributes.push(attribute)
    const lifetime = this.lifetime !== undefined && lacks(this.lifetime.stamp) ? this.lifetime : undefined
    const destroyed = this.destroyed !== undefined && lacks(this.destroyed) ? this.destroyed : undefined
    if (attributes.length === 0 && lifetime === undefined && destroyed === undefined) return undefined
    // Who was told the rest once may have forgotten it with the session, as expired.
    const isPart = attributes.length < this.#attributes.size || lifetime !== this.lifetime
    return { ...this.touch(), attributes, lifetime, destroyed, ...(isPart && { isPartial: true }) }
  }

  /** A delta that tells of the last use alone. */
  touch(): Delta {
    return {
      sid: this.sid,
      created: this.created,
      attributes: [],
      usedMs: this.accessedMs,
      ...(!this.whole && { isPartial: true }),
      ...(this.isEndTold && { isEndTold: true }),
    }
  }

  /** It was over, and is in use: its end is to come again. */
  usedAgain(): void {
    this.teller = undefined
    this.isEndTold = false
    this.hadEnded = false
  }

  use(now: Instant): void {
    this.accessedMs = Math.max(this.accessedMs, now.monoMs)
  }

  idleMs(now: Instant): number {
    return Math.max(0, now.monoMs - this.accessedMs)
  }

  /** Forgets markers of removed attributes that no member can need any more, and returns their stamps. */
  dropRemoved(isSettled: (stamp: Stamp) => boolean): Stamp[] {
    const dropped: Stamp[] = []
    for (const { name, value, stamp } of this.#attributes.values()) {
      // The last write names the owner, which has to be the same one everywhere and for those who join.
      if (value === undefined && compareStamps(stamp, this.lastStamp) < 0 && isSettled(stamp)) {
        this.#attributes.delete(name)
        this.bytes -= name.length
        dropped.push(stamp)
      }
    }
    return dropped
  }

  #put(attribute: Attribute, held: Attribute | undefined): void {
    this.#attributes.set(attribute.name, attribute)
    this.bytes += sizeOf(attribute.value) - sizeOf(held?.value)
    if (held === undefined) this.bytes += attribute.name.length
    this.lastStamp = laterStamp(this.lastStamp, attribute.stamp)
  }

  #accessed(atMs: number): void {
    this.accessedMs = Math.max(this.accessedMs, atMs)
    this.toldMs = Math.max(this.toldMs, atMs)
  }

  #destroy(stamp: Stamp): Merged {
    const first = this.destroyed === undefined
    this.destroyed = first ? stamp : laterStamp(this.destroyed as Stamp, stamp)
    this.lastStamp = laterStamp(this.lastStamp, stamp)
    this.lifetime = undefined
    this.whole = true
    this.#attributes = new Map()
    this.bytes = 0
    return { changed: [], destroyed: first }
  }
}

/** What a request changed: `next` against the `base` that it loaded. */
export function difference(
  base: ReadonlyMap<string, Value>,
  next: ReadonlyMap<string, Value>,
): { name: string; value: Value | undefined }[] {
  const changes: { name: string; value: Value | undefined }[] = []
  for (const [name, value] of next) if (!sameValue(base.get(name), value)) changes.push({ name, value })
  for (const name of base.keys()) if (!next.has(name)) changes.push({ name, value: undefined })
  return changes
}
