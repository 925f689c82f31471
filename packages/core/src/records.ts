/**
 * All sessions that this member holds, tombstones included, and the rules by which they may be read, merged
 * and forgotten.
 */

import { BYTES_EACH } from './attributes.js'
import { dropOldest } from './bounded.js'
import { type Config, graceMs } from './config.js'
import type { Digest } from './digest.js'
import { type Delta, type Merged, SessionRecord } from './session.js'
import type { Instant, Origin, Stamp } from './stamp.js'
import { type Slot, TombstoneTable } from './tombstone-table.js'

/** What the sweep needs to know of the rest of the world. */
export interface SweepRules {
  /** Every member that is known and has not left has merged this stamp. */
  isSettled(stamp: Stamp): boolean
  /** Every member that lives has merged this stamp. */
  isKnownToLiving(stamp: Stamp): boolean
  /** Called for each write that is forgotten, of which nobody can be told any more, with that which created the session. */
  purged(removal: Stamp, created: Stamp): void
  /** Whether what is over is: not while a transfer is due, which may tell of a later use. */
  readonly mayJudge: boolean
  /** Called for a session that is shown by now, and was not when it was merged: its creation is found lost. */
  appeared(record: SessionRecord): void
  /** Called for a session whose time and grace are over, as long as it is kept. False while its end is yet to be told. */
  tellEnd(record: SessionRecord): boolean
}

/**
 * Told of what the records hold as it changes, within the input that changes it: what an index lives by. It looks, and
 * calls nothing of the machine.
 */
export interface RecordObserver {
  /** These attributes have another value now, or none any more. Also of a session that may not be read yet. */
  changed(record: Pick<SessionRecord, 'sid' | 'get'>, names: readonly string[]): void
  /** Nothing of the session is held any more: it is destroyed, or forgotten. It may come back, if it was not destroyed. */
  ended(sid: string): void
}

type Held = SessionRecord | Slot

export class Records {
  readonly #config: Config
  readonly #digest: Digest
  readonly #isNowhere: (stamp: Stamp) => boolean
  readonly #observer: RecordObserver | undefined
  readonly #records = new Map<string, Held>()
  #tombstones = new TombstoneTable()
  /** Side by side: the pairs of a Map would each be an array, and the collector come by for them again and again. */
  #sweep: { sids: MapIterator<string>; held: MapIterator<Held> } | undefined
  #sweptMs = 0
  /** Records that should have been looked at by now. */
  #owed = 0
  /** The most that there were since the sweep began: with what is left the shares would shrink as records go. */
  #toSweep = 0
  /** Origins whose stamps were met since the sweep began; all of them once it ends. */
  #origins = new Set<Origin>()
  readonly #strangers = new Set<Origin>()

  /** @param isNowhere the write is lost, with its origin and all who had it. */
  constructor(
    config: Config,
    digest: Digest,
    isNowhere: (stamp: Stamp) => boolean,
    observer?: RecordObserver,
  ) {
    this.#config = config
    this.#digest = digest
    this.#isNowhere = isNowhere
    this.#observer = observer
  }

  /** Sessions held; those that expired count until they are forgotten. O(1). */
  get size(): number {
    return this.#records.size - this.#tombstones.size
  }

  get tombstones(): number {
    return this.#tombstones.size
  }

  /**
   * Who created sessions that were destroyed, or may have, and had nothing merged here by then: one of theirs was shown as a
   * peer told it, or its end came first.
   */
  get strangers(): Iterable<Origin> {
    return this.#strangers
  }

  /** Of attributes. */
  #bytes = 0
  /** There is no memory for more, whatever the limits say. */
  isShortOfMemory = false

  /**
   * Why there is no room for what is over and is kept for members that are gone, or that have no room themselves; `undefined`
   * when there is. (Of bytes a tenth is left: who writes much is refused before the last one is used.)
   */
  get fullOf(): string | undefined {
    const { maxSessions, maxTombstones, maxTotalBytes } = this.#config
    if (this.isShortOfMemory) return 'There is hardly any memory left: no session begins'
    if (this.size >= maxSessions)
      return `There are ${this.size} sessions, and config.maxSessions is ${maxSessions}: no other one begins`
    if (this.totalBytes >= NEARLY * maxTotalBytes)
      return `All sessions together take ${this.totalBytes} bytes, and config.maxTotalBytes is ${maxTotalBytes}: beyond it none grows`
    if (this.tombstones >= maxTombstones)
      return `There are ${this.tombstones} sessions that were destroyed lately, and config.maxTombstones is ${maxTombstones}`
    return undefined
  }

  /** As `maxTotalBytes` counts. */
  get totalBytes(): number {
    return this.#bytes + SESSION_BYTES * this.size
  }

  /** Whether so many records more, with so many bytes in them, may come from peers. */
  hasRoomFor(count: number, bytes: number): boolean {
    const { maxSessions, maxTombstones, maxTotalBytes } = this.#config
    const isRoom = this.#records.size + count <= TIMES_FULL * (maxSessions + maxTombstones)
    return isRoom && this.totalBytes + SESSION_BYTES * count + bytes <= TIMES_FULL_BYTES * maxTotalBytes
  }

  get(sid: string): SessionRecord | undefined {
    const held = this.#records.get(sid)
    return held === undefined ? undefined : this.#recordOf(sid, held)
  }

  /** Those that are added meanwhile come as well. */
  *all(): Generator<SessionRecord, undefined> {
    for (const [sid, held] of this.#records) yield this.#recordOf(sid, held)
  }

  ttlMs(record: SessionRecord): number {
    return record.ttlMs ?? this.#config.ttlMs
  }

  isExpired(record: SessionRecord, now: Instant): boolean {
    return record.idleMs(now) >= this.ttlMs(record)
  }

  /**
   * A record may be read when it is whole and the write that created it is merged: a delta of another origin
   * may arrive before the creation, and would show a session without its first attributes. If the creation died with
   * its writer, what others wrote later is shown without it, and stays shown whoever comes that may yet have it.
   */
  isReadable(record: SessionRecord, now: Instant): boolean {
    return (
      record.destroyed === undefined &&
      record.whole &&
      !record.isBare &&
      !this.lacksCreation(record) &&
      !this.isExpired(record, now)
    )
  }

  /** The write that created it may still come. */
  lacksCreation({ created, announced }: SessionRecord): boolean {
    return !this.#digest.covers(created) && !announced && !this.#isNowhere(created)
  }

  /** The only way into the records. `wasForgotten`: alive elsewhere, expired here; ask for the whole. */
  merge(
    delta: Delta,
    isMerged: (stamp: Stamp) => boolean,
    now: Instant,
  ): Merged & { record: SessionRecord; wasForgotten: boolean } {
    let record = this.get(delta.sid)
    let wasForgotten = false
    if (record === undefined) {
      record = new SessionRecord(delta.sid, delta.created, delta.used?.atMs ?? now.monoMs)
      // A destroyed session is ruled out here: its tombstone stays until every member has merged it.
      wasForgotten = delta.destroyed === undefined && (delta.isPartial === true || isMerged(delta.created))
      if (wasForgotten) record.whole = false
      // Nobody forgets it before its end is told. (Part of a session that never was here is no such thing.)
      if (wasForgotten) record.hadEnded = isMerged(delta.created)
      this.#records.set(delta.sid, record)
    }
    const before = attributeBytes(record)
    const merged = record.merge(delta, isMerged)
    this.#bytes += attributeBytes(record) - before
    if (record.destroyed !== undefined) this.#bury(record, record.destroyed)
    if (merged.destroyed) {
      this.#observer?.ended(delta.sid)
    } else if (merged.changed.length > 0) {
      this.#observer?.changed(record, merged.changed)
    }
    const isOver = record.isEndTold || record.hadEnded || record.teller !== undefined
    if (isOver && !this.isExpired(record, now)) record.usedAgain()
    // Whatever of it is kept, and wherever the sweep stands: no origin is retired that a record bears.
    this.#bears(delta)
    const { changed, destroyed } = merged
    return { changed, destroyed, record, wasForgotten }
  }

  #recordOf(sid: string, held: Held): SessionRecord {
    return typeof held === 'number' ? SessionRecord.tombstone(sid, this.#tombstones.get(held)) : held
  }

  /** Of a session that is over the stamp of its end is all that is kept. */
  #bury({ sid, created }: SessionRecord, destroyed: Stamp): void {
    this.addStranger(created.origin)
    const held = this.#records.get(sid)
    if (typeof held === 'number') this.#tombstones.remove(held)
    this.#records.set(sid, this.#tombstones.add(destroyed))
  }

  /** It may have created a session that was destroyed here, and nothing of it is merged. */
  addStranger(origin: Origin): void {
    if (this.#digest.get(origin) !== undefined) return
    this.#strangers.add(origin)
    dropOldest(this.#strangers, MAX_STRANGERS)
  }

  /** (That of a use keeps no origin: which of two at once is the later one each member may see in its own way.) */
  #bears({ created, attributes, lifetime, destroyed }: Delta): void {
    this.#origins.add(created.origin)
    for (const { stamp } of attributes) this.#origins.add(stamp.origin)
    if (lifetime !== undefined) this.#origins.add(lifetime.stamp.origin)
    if (destroyed !== undefined) this.#origins.add(destroyed.origin)
  }

  delete(sid: string): void {
    const held = this.#records.get(sid)
    if (held === undefined) return
    if (typeof held === 'number') this.#tombstones.remove(held)
    else {
      this.#bytes -= attributeBytes(held)
      this.#observer?.ended(sid)
    }
    this.#records.delete(sid)
  }

  clear(): void {
    for (const sid of this.#records.keys()) this.#observer?.ended(sid)
    this.#records.clear()
    this.#bytes = 0
    this.#tombstones = new TombstoneTable()
    this.#strangers.clear()
    this.#sweep = undefined
    this.#owed = 0
  }

  /**
   * Looks at a share of the records, so that all are seen once in `sweepMs` and no turn of the loop is long.
   * At the end of a round returns the origins of which some record bears a stamp.
   */
  sweep(now: Instant, rules: SweepRules): ReadonlySet<Origin> | undefined {
    const elapsedMs = Math.min(now.monoMs - this.#sweptMs, this.#config.sweepMs)
    this.#sweptMs = now.monoMs
    this.#sweep ??= this.#begin()
    this.#toSweep = Math.max(this.#toSweep, this.#records.size)
    this.#owed = Math.min(this.#toSweep, Math.max(0, this.#owed) + this.#perMs() * elapsedMs)
    const { sids, held } = this.#sweep
    // (One more than is owed, so that a round ends also when there is next to nothing.)
    for (let cost = 0; this.#owed > -1 && cost < SHARE; this.#owed--) {
      const sid = sids.next().value
      const next = held.next()
      if (next.done || sid === undefined) {
        this.#owed = 0
        this.#sweep = undefined
        return this.#origins
      }
      cost += this.#visit(sid, next.value, now, rules)
    }
    return undefined
  }

  /** When the next share is due, on the monotonic clock: of many records sooner than the next heartbeat. */
  nextSweepMs(): number {
    return this.#sweptMs + (this.#owed >= 1 ? BEHIND_MS : USUAL_SHARE / this.#perMs())
  }

  #perMs(): number {
    return Math.min(MOST_PER_MS, Math.max(this.#toSweep, this.#records.size) / this.#config.sweepMs)
  }

  #begin(): { sids: MapIterator<string>; held: MapIterator<Held> } {
    this.#origins = new Set()
    this.#toSweep = 0
    if (this.tombstones === 0) this.#strangers.clear()
    this.#tombstones.shrink()
    return { sids: this.#records.keys(), held: this.#records.values() }
  }

  /** Returns what it cost, in looks at records of which nothing is due. */
  #visit(sid: string, held: Held, now: Instant, rules: SweepRules): number {
    if (typeof held === 'number') return this.#visitTombstone(sid, held, rules)
    let cost = 1
    if (!held.announced && this.isReadable(held, now)) {
      rules.appeared(held)
      cost = TELLING
    }
    if (rules.mayJudge) {
      const ttlMs = this.ttlMs(held)
      if (held.idleMs(now) >= ttlMs + graceMs(ttlMs, this.#config)) {
        const isKnown = held.teller !== undefined
        if (this.#end(held, rules)) return TELLING
        cost = isKnown ? KEEPING : TELLING
      } else if (held.teller !== undefined) held.teller = undefined
    }
    // The whole that a partial record waits for may be older than the removal.
    if (held.whole) this.#dropRemoved(held, rules)
    if (held.isOfOneOrigin) this.#origins.add(held.created.origin)
    else for (const { origin } of held.stamps()) this.#origins.add(origin)
    return cost
  }

  #dropRemoved(record: SessionRecord, rules: SweepRules): void {
    const before = attributeBytes(record)
    for (const removal of record.dropRemoved(rules.isSettled)) rules.purged(removal, record.created)
    this.#bytes += attributeBytes(record) - before
  }

  #visitTombstone(sid: string, slot: Slot, rules: SweepRules): number {
    const destroyed = this.#tombstones.get(slot)
    if (rules.isSettled(destroyed)) {
      rules.purged(destroyed, destroyed)
      this.delete(sid)
      return 1
    }
    this.#origins.add(destroyed.origin)
    const moved = this.#tombstones.moved(slot)
    if (moved !== slot) this.#records.set(sid, moved)
    return 1
  }

  /** Its time and the grace are over. True when it is forgotten. */
  #end(record: SessionRecord, rules: SweepRules): boolean {
    if (record.whole && !record.isBare && !rules.tellEnd(record)) return false
    // Our digest speaks for it: a member that lacks some of it, and where it is in use, must get that here.
    // (Not for a creation that never came here, and may be lost with all who had it.)
    const covered = record.stamps().filter((stamp) => this.#digest.covers(stamp))
    if (!covered.every(rules.isSettled)) return false
    // (With the last use it is told that its end has been told. To who does not live now, that matters no more.)
    if (!record.isBare && !rules.isKnownToLiving(record.toldStamp)) return false
    for (const stamp of covered) rules.purged(stamp, record.created)
    this.delete(record.sid)
    return true
  }
}

function attributeBytes({ bytes, names }: SessionRecord): number {
  return bytes + BYTES_EACH * names
}

/** Each of several parts of a cluster may have as many as are allowed before they meet. */
export const TIMES_FULL = 4
/** The same of their bytes: the rest of the memory is for all else. */
const TIMES_FULL_BYTES = 2
const NEARLY = 0.9
/** Each takes part in each purge; who makes them up is to fill nothing. */
const MAX_STRANGERS = 1_000
/** Of a session beside its content, about. */
const SESSION_BYTES = 512
/** What one turn may cost, in looks at records of which nothing is due: some 2 ms with a million of them. */
const SHARE = 5_000
/** A tick comes late by a little, and should not leave a rest to another one. */
const USUAL_SHARE = 0.9 * SHARE
/** To tell of one, or to forget it, in such looks. */
const TELLING = 20
/** Of one that has ended, and is kept for who has not merged it yet: a member that crashed, perhaps, and for a day. */
const KEEPING = 4
/** However many there are: 100,000 a second. */
const MOST_PER_MS = 100
/** Until the next share when the one before was not enough. */
const BEHIND_MS = 2
