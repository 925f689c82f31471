/**
 * A session as a member holds it. Replicated state changes in one way only: `merge`, which is commutative,
 * associative and idempotent, and serves local writes, live deltas, repair and state transfer alike.
 *
 * Nobody looks into a value here, from the write that made it to the read that needs it.
 */

import {
  type Attribute,
  BYTES_EACH,
  countOf,
  find,
  NO_ATTRIBUTES,
  nameAt,
  stampAt,
  valueAt,
  WIDTH,
  withAttribute,
  withoutThose,
} from './attributes.js'
import type { Digest } from './digest.js'
import { compareStamps, type Instant, laterStamp, type Origin, type Stamp } from './stamp.js'
import { sameValue, sizeOf, type Value } from './value.js'

/** How long a session lives without use. The last writer wins. */
export interface Lifetime {
  readonly ttlMs: number
  readonly stamp: Stamp
}

/** A use of which all members are told. It has a stamp as a write has: who missed it pulls it, whoever has it. */
export interface Use {
  /** On this member's monotonic clock. It travels as an age: no two members' clocks are compared. */
  readonly atMs: number
  readonly stamp: Stamp
}

/** A partial record to merge. Empty but for `sid`, `created` and `used`, it is a touch. */
export interface Delta {
  readonly sid: string
  /** The stamp of the write that created the session: tells a forgotten session from a new one. */
  readonly created: Stamp
  readonly attributes: readonly Attribute[]
  readonly lifetime?: Lifetime | undefined
  readonly destroyed?: Stamp | undefined
  /** The last one. That of a write bears its stamp. */
  readonly used?: Use | undefined
  /** Not all that there is of the session: who does not hold it has forgotten it, and asks for the whole. */
  readonly isPartial?: boolean | undefined
  /** It is over, and `session:expired` has been told of it, somewhere. */
  readonly isEndTold?: boolean | undefined
}

/** What counts for chunks, batches and answers, and for what waits: a text as in `sizeOf`, and what each part takes beside it. */
export function bytesOf(deltas: readonly Delta[]): number {
  let bytes = 0
  for (const { sid, attributes } of deltas) {
    bytes += BYTES_OF_DELTA + sid.length
    for (const attribute of attributes) bytes += bytesOfAttribute(attribute)
  }
  return bytes
}

export function bytesOfAttribute({ name, value }: Attribute): number {
  return BYTES_EACH + name.length + sizeOf(value)
}

const BYTES_OF_DELTA = 128

/** It tells of a use, or an end, and writes nothing. */
export function isTouch({ attributes, lifetime, destroyed }: Delta): boolean {
  return attributes.length === 0 && lifetime === undefined && destroyed === undefined
}

/** The stamps of what a delta would write: of a touch none. */
export function writeStamps({ attributes, lifetime, destroyed }: Delta): Stamp[] {
  const stamps: Stamp[] = []
  // (Most deltas are of one write.)
  for (const { stamp } of attributes) if (stamp !== stamps.at(-1)) stamps.push(stamp)
  if (lifetime !== undefined) stamps.push(lifetime.stamp)
  if (destroyed !== undefined) stamps.push(destroyed)
  return stamps
}

/** The same, and that of the use. */
export function stampsOf(delta: Delta): Stamp[] {
  const stamps = writeStamps(delta)
  const use = delta.used?.stamp
  if (use !== undefined && use !== stamps.at(-1)) stamps.push(use)
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
  destroyed: Stamp | undefined
  /** Last use, on this member's monotonic clock. Only grows. In whole ms: a fraction would be an object of its own. */
  accessedMs: number
  /** Last use of which all are told: what touches are coalesced against. */
  toldMs: number
  toldStamp: Stamp
  /** Set while its time and the grace are over. */
  teller: Teller | undefined
  /** Bytes of names and values, for the limit on a session's size. */
  bytes = 0
  #ttlMs = 0
  #ttlStamp: Stamp | undefined
  #marks = WHOLE
  #attributes = NO_ATTRIBUTES

  constructor(sid: string, created: Stamp, accessedMs: number) {
    this.sid = sid
    this.created = created
    this.lastStamp = created
    this.accessedMs = Math.ceil(accessedMs)
    this.toldMs = NEVER_MS
    this.toldStamp = created
  }

  /** A session that is over, as it is shown: all that is kept of it is its id and this stamp. */
  static tombstone(sid: string, destroyed: Stamp): SessionRecord {
    const record = new SessionRecord(sid, destroyed, 0)
    record.destroyed = destroyed
    return record
  }

  get lifetime(): Lifetime | undefined {
    return this.#ttlStamp === undefined ? undefined : { ttlMs: this.#ttlMs, stamp: this.#ttlStamp }
  }

  /** How long it lives without use, where that was said of it. */
  get ttlMs(): number | undefined {
    return this.#ttlStamp === undefined ? undefined : this.#ttlMs
  }

  /**
   * False for a session that was forgotten here as expired and turns out to be alive elsewhere: what came
   * since is merged, but it may not be read until its whole has been fetched.
   */
  get whole(): boolean {
    return this.#has(WHOLE)
  }

  set whole(is: boolean) {
    this.#mark(WHOLE, is)
  }

  /** `session:expired` has been told of it, here or elsewhere. */
  get isEndTold(): boolean {
    return this.#has(END_TOLD)
  }

  set isEndTold(is: boolean) {
    this.#mark(END_TOLD, is)
  }

  /** It had ended and been forgotten here, and came back from elsewhere: nobody here waits for its end again. */
  get hadEnded(): boolean {
    return this.#has(HAD_ENDED)
  }

  set hadEnded(is: boolean) {
    this.#mark(HAD_ENDED, is)
  }

  /** The user knows of it: `session:created` has been told, or it was here before this member was ready. */
  get announced(): boolean {
    return this.#has(ANNOUNCED)
  }

  set announced(is: boolean) {
    this.#mark(ANNOUNCED, is)
  }

  /**
   * @param isMerged which stamps are contained in this member's state already: they are skipped
   */
  merge(delta: Delta, isMerged: (stamp: Stamp) => boolean): Merged {
    if (compareStamps(delta.created, this.created) < 0) {
      this.#bears(delta.created)
      this.created = delta.created
    }
    // (Or each hop would make it later by what no clock of a link can see, for ever where they go in a circle. But where it came
    // before the session, and nothing was kept of it, it comes with the session.)
    const { used } = delta
    if (used !== undefined && (this.toldMs === NEVER_MS || !isMerged(used.stamp))) this.#tellUse(used)
    if (delta.isEndTold) this.isEndTold = true
    if (delta.destroyed !== undefined && !isMerged(delta.destroyed)) return this.#destroy(delta.destroyed)
    // Destroyed is absorbing, whatever the stamps: session ids are never used again.
    if (this.destroyed !== undefined) return NOTHING
    const changed: string[] = []
    for (const attribute of delta.attributes) {
      if (isMerged(attribute.stamp)) continue
      const at = find(this.#attributes, attribute.name)
      if (at >= 0 && compareStamps(stampAt(this.#attributes, at), attribute.stamp) >= 0) continue
      const held = at < 0 ? undefined : valueAt(this.#attributes, at)
      if (!sameValue(held, attribute.value)) changed.push(attribute.name)
      this.bytes += sizeOf(attribute.value) - sizeOf(held) + (at < 0 ? attribute.name.length : 0)
      this.#attributes = withAttribute(this.#attributes, attribute)
      this.#bears(attribute.stamp)
      if (attribute.value === undefined) this.#mark(REMOVED, true)
      this.lastStamp = laterStamp(this.lastStamp, attribute.stamp)
    }
    const { lifetime } = delta
    if (lifetime !== undefined && !isMerged(lifetime.stamp)) {
      if (this.#ttlStamp === undefined || compareStamps(lifetime.stamp, this.#ttlStamp) > 0) {
        this.#ttlMs = lifetime.ttlMs
        this.#ttlStamp = lifetime.stamp
        this.#bears(lifetime.stamp)
        this.lastStamp = laterStamp(this.lastStamp, lifetime.stamp)
      }
    }
    return { changed, destroyed: false }
  }

  get(name: string): Value | undefined {
    const at = find(this.#attributes, name)
    return at < 0 ? undefined : valueAt(this.#attributes, at)
  }

  /** How many attributes are held, markers of removed ones included. */
  get names(): number {
    return countOf(this.#attributes)
  }

  /** Whether an attribute of this name is held, be it as the marker of a removed one. */
  holds(name: string): boolean {
    return find(this.#attributes, name) >= 0
  }

  /** The attributes that have a value. */
  values(): Map<string, Value> {
    const values = new Map<string, Value>()
    for (let at = 0; at < this.#attributes.length; at += WIDTH) {
      const value = valueAt(this.#attributes, at)
      if (value !== undefined) values.set(nameAt(this.#attributes, at), value)
    }
    return values
  }

  /** Every stamp that the record bears. Of a destroyed session nothing counts but its end. */
  stamps(): Stamp[] {
    if (this.destroyed !== undefined) return [this.destroyed]
    const stamps = [this.created]
    if (this.#ttlStamp !== undefined) stamps.push(this.#ttlStamp)
    const attributes = this.#attributes
    for (let at = 0; at < attributes.length; at += WIDTH) stamps.push(stampAt(attributes, at))
    return stamps
  }

  /** All its stamps are of the one who created it: a look at one of them is enough. False for a few of which it has become true again. */
  get isOfOneOrigin(): boolean {
    return !this.#has(OF_OTHERS)
  }

  /** Nothing is known of it but that it was used: what was written has not come yet, or is lost. */
  get isBare(): boolean {
    return this.destroyed === undefined && this.#ttlStamp === undefined && this.names === 0
  }

  /** The last use of which all are told. */
  get used(): Use | undefined {
    return this.toldMs === NEVER_MS ? undefined : { atMs: this.toldMs, stamp: this.toldStamp }
  }

  /** What this record has above `digest`; with no digest, all of it. `undefined` when nothing. */
  above(digest: Digest | undefined): Delta | undefined {
    const lacks = (stamp: Stamp) => digest === undefined || !digest.covers(stamp)
    const attributes = this.#lacked(lacks)
    const lifetime = this.#ttlStamp !== undefined && lacks(this.#ttlStamp) ? this.lifetime : undefined
    const destroyed = this.destroyed !== undefined && lacks(this.destroyed) ? this.destroyed : undefined
    if (attributes.length === 0 && lifetime === undefined && destroyed === undefined) {
      // All that its first writer wrote may be overwritten, and the creation still be news.
      const isNews = this.destroyed === undefined && (lacks(this.created) || lacks(this.toldStamp))
      return isNews ? this.touch() : undefined
    }
    // Who was told the rest once may have forgotten it with the session, as expired.
    const isPart = attributes.length < this.names || (lifetime === undefined && this.#ttlStamp !== undefined)
    const { sid, created, used, isPartial, isEndTold } = this.touch()
    return {
      sid,
      created,
      attributes,
      lifetime,
      destroyed,
      used,
      isPartial: isPart || isPartial,
      isEndTold,
    }
  }

  /** A delta that tells of a use alone. */
  touch(used = this.used): Delta {
    return {
      sid: this.sid,
      created: this.created,
      attributes: [],
      used,
      isPartial: !this.whole || undefined,
      isEndTold: this.isEndTold || undefined,
    }
  }

  /** It was over, and is in use: its end is to come again. */
  usedAgain(): void {
    this.teller = undefined
    this.isEndTold = false
    this.hadEnded = false
  }

  use(now: Instant): void {
    this.accessedMs = Math.max(this.accessedMs, Math.ceil(now.monoMs))
  }

  idleMs(now: Instant): number {
    return Math.max(0, now.monoMs - this.accessedMs)
  }

  /** Forgets markers of removed attributes that no member can need any more, and returns their stamps. */
  dropRemoved(isSettled: (stamp: Stamp) => boolean): readonly Stamp[] {
    if (!this.#has(REMOVED)) return NO_STAMPS
    const dropped: Stamp[] = []
    const places = new Set<number>()
    const attributes = this.#attributes
    this.#mark(REMOVED, false)
    for (let at = 0; at < attributes.length; at += WIDTH) {
      if (valueAt(attributes, at) !== undefined) continue
      const stamp = stampAt(attributes, at)
      // The last write names the owner, which has to be the same one everywhere and for those who join.
      const isNeeded = compareStamps(stamp, this.lastStamp) >= 0
      if (isNeeded || !isSettled(stamp)) {
        this.#mark(REMOVED, true)
        continue
      }
      places.add(at)
      this.bytes -= nameAt(attributes, at).length
      dropped.push(stamp)
    }
    if (places.size > 0) this.#attributes = withoutThose(attributes, places)
    return dropped
  }

  #bears({ origin }: Stamp): void {
    if (origin !== this.created.origin) this.#mark(OF_OTHERS, true)
  }

  #lacked(lacks: (stamp: Stamp) => boolean): Attribute[] {
    const attributes = this.#attributes
    const lacked: Attribute[] = []
    for (let at = 0; at < attributes.length; at += WIDTH) {
      const stamp = stampAt(attributes, at)
      if (lacks(stamp)) lacked.push({ name: nameAt(attributes, at), value: valueAt(attributes, at), stamp })
    }
    return lacked
  }

  /** (The later one by the clock that all have in common, if it is none: stamps follow the clock that is the most ahead.) */
  #tellUse({ atMs, stamp }: Use): void {
    const wholeMs = Math.ceil(atMs)
    this.accessedMs = Math.max(this.accessedMs, wholeMs)
    if (wholeMs < this.toldMs) return
    if (wholeMs === this.toldMs && compareStamps(stamp, this.toldStamp) <= 0) return
    this.toldMs = wholeMs
    this.toldStamp = stamp
  }

  #destroy(stamp: Stamp): Merged {
    const first = this.destroyed === undefined
    this.destroyed = first ? stamp : laterStamp(this.destroyed as Stamp, stamp)
    this.lastStamp = laterStamp(this.lastStamp, stamp)
    this.#ttlStamp = undefined
    this.whole = true
    this.#attributes = NO_ATTRIBUTES
    this.bytes = 0
    return { changed: [], destroyed: first }
  }

  #has(mark: number): boolean {
    return (this.#marks & mark) !== 0
  }

  #mark(mark: number, is: boolean): void {
    this.#marks = is ? this.#marks | mark : this.#marks & ~mark
  }
}

/** Longer ago than any interval, and a small integer, which costs no object. */
const NEVER_MS = -(2 ** 30)

const WHOLE = 1
const END_TOLD = 2
const HAD_ENDED = 4
const ANNOUNCED = 8
/** Some of its stamps may be of others than the one who created it. */
const OF_OTHERS = 16
/** There may be markers of removed attributes. */
const REMOVED = 32

const NO_STAMPS: readonly Stamp[] = []

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
