/**
 * What the parts of the machine share: the replicated state, the members, and the list of effects that the
 * present input has caused. The one place where replicated state changes is `absorb`.
 */

import type { Config } from './config.js'
import { Dialer } from './dialer.js'
import { Digest } from './digest.js'
import type { ErrorCode } from './errors.js'
import type { CoreEvent, Effect } from './events.js'
import { type LinkId, type MemberChange, Members, type Self } from './members.js'
import type { Message } from './messages.js'
import { ownerOf } from './owner.js'
import { Purged } from './purged.js'
import { type RecordObserver, Records } from './records.js'
import { type Delta, isTouch, type SessionRecord, stampsOf } from './session.js'
import { HybridClock, type Instant, type Origin, type Stamp } from './stamp.js'
import type { Transfer } from './transfer.js'

/** What happened here so far, for status and metrics. Each only grows. */
const noneYet = {
  /** Writes made here that created or changed a session. A destroy is not counted. */
  writes: 0,
  /** Writes made here that came too late: their session was destroyed or had expired. */
  writesDropped: 0,
  /** Writes asked for here that a limit refused: of one session's size, or of how many there are. */
  writesRefused: 0,
  /** Uses here that changed nothing and renewed the idle time. */
  touches: 0,
  /** Own writes and destroys sent, once for each peer that they went to. */
  deltasSent: 0,
  /** Changes of sessions that came from peers as they were made (not with transfers). */
  deltasMerged: 0,
  /**
   * Uses, and ends by time, that peers were told of, once for each peer; few of the `touches`, and some that others had
   * told.
   */
  touchesSent: 0,
  /** Times that a peer's heartbeat named writes that did not come by themselves; each is followed by a pull. */
  gaps: 0,
  /** Times that a peer was asked for all that is lacking here: for each new link, after a stall, and for a gap. */
  pulls: 0,
  /** Answers to pulls of peers, sent whole. */
  transfersSent: 0,
  /** Answers to own pulls, received whole. */
  transfersReceived: 0,
  /** Answers to own pulls that broke off with their link. Nothing of them is kept; the next link asks anew. */
  transfersAbandoned: 0,
  /** Sessions that were asked for by id: a read waited for too long, or one was in use that is forgotten here. */
  fetches: 0,
  /** Reads that had to wait for what their client had seen elsewhere. Most of them end well, in a moment. */
  waitedReads: 0,
  /** Reads that were served without all of that, since nobody that has it could be reached in time. */
  staleReads: 0,
  /**
   * Times that a read stopped waiting for a write since its writer is dead, as far as this member can tell, and no
   * member that lives here has it; and times that a session which had been asked for, and may have been shown with such a
   * write, is shown so no more. Of a writer that was cut off it comes back with it. It counts waits, not writes: one write
   * that ten reads wait for may count ten times, and one that nobody asks for does not count.
   */
  lostWrites: 0,
  /** Writes whose acks did not come in time, or that had no peer to come from. */
  missedAcks: 0,
  /** Sessions that ended here by time, whoever told of it. One that comes back, and ends again, counts again. */
  expired: 0,
  /** Members that died or left, each of which made others answer for its sessions. */
  takeovers: 0,
  /** Times that this process stood still: a blocked event loop, a freeze, a suspended host. */
  stalls: 0,
  /** Links that were cut here for what came on them: a hello that is refused, or a frame that is none. */
  linksRefused: 0,
}

export type Counters = typeof noneYet

/** How a batch of deltas is merged. */
export interface Absorption {
  /** The writes are this member's own. */
  readonly isLocal?: boolean
  /** Wholes of sessions that were forgotten here: what the digest covers is just what is wanted. */
  readonly isWhole?: boolean
}

export class Context {
  readonly self: Self
  readonly cluster: string
  readonly config: Config
  readonly clock: HybridClock
  readonly digest = new Digest()
  readonly records: Records
  readonly purged = new Purged()
  readonly members: Members
  readonly dialer: Dialer
  /** Transfers that this member is sending, by link. */
  readonly transfers = new Map<LinkId, Transfer>()
  readonly counters: Counters = { ...noneYet }
  isReady = false
  /** Another run of a process that serves already: it is read and written while it joins. */
  readonly isRejoining: boolean
  #effects: Effect[] = []

  constructor(
    self: Self,
    cluster: string,
    config: Config,
    random: () => number,
    isRejoining: boolean,
    onMemberChange: (change: MemberChange, now: Instant) => void,
    observer?: RecordObserver,
  ) {
    this.self = self
    this.cluster = cluster
    this.config = config
    this.isRejoining = isRejoining
    this.clock = new HybridClock(self.id)
    this.records = new Records(config, this.digest, (stamp) => this.members.isNowhere(stamp), observer)
    this.members = new Members(self, config, onMemberChange, (id) => this.dialer.memberGone(id))
    this.dialer = new Dialer(config, random, this.members)
  }

  takeEffects(): Effect[] {
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  effect(effect: Effect): void {
    this.#effects.push(effect)
  }

  send(links: readonly LinkId[], message: Message): void {
    if (links.length > 0) this.effect({ type: 'send', links, message })
  }

  notify(event: CoreEvent): void {
    this.effect({ type: 'notify', event })
  }

  warn(code: ErrorCode, message: string, address?: string): void {
    this.notify({ type: 'warning', code, message, ...(address !== undefined && { address }) })
  }

  /** Merged here, and on every member that is known and has not left. */
  isEverywhere(stamp: Stamp): boolean {
    return this.digest.covers(stamp) && this.members.isSettled(stamp)
  }

  ownerOf(record: SessionRecord): Origin | undefined {
    return ownerOf(record.sid, record.lastStamp, this.members.living)
  }

  /**
   * Merges deltas and raises the digest, as one step. Returns the ids of sessions that had been forgotten
   * here as expired and are alive elsewhere.
   */
  absorb(deltas: readonly Delta[], raise: Iterable<Stamp>, now: Instant, how: Absorption = {}): string[] {
    const isMerged = how.isWhole ? () => false : (stamp: Stamp) => this.digest.covers(stamp)
    const forgotten: string[] = []
    const news: { record: SessionRecord; changed: string[]; destroyed: boolean }[] = []
    for (const delta of deltas) {
      const stamps = stampsOf(delta)
      this.clock.observe(delta.created)
      for (const stamp of stamps) this.clock.observe(stamp)
      // Contained in the digest, and not here: it was destroyed and forgotten since. It must not come back.
      const isKnown = this.records.get(delta.sid) !== undefined
      if (!isKnown && stamps.length > 0 && stamps.every(isMerged)) continue
      // Forgotten here already.
      if (!isKnown && delta.isEndTold && isTouch(delta)) continue
      const merged = this.records.merge(delta, isMerged, now)
      if (how.isWhole) this.#nowWhole(merged.record)
      if (merged.wasForgotten) forgotten.push(delta.sid)
      // To a newcomer nothing is news but what it writes itself.
      if (this.isReady || how.isLocal) news.push(merged)
      for (const transfer of this.transfers.values()) transfer.changed(delta.sid)
    }
    // Not before all is merged: a session is readable from the moment the digest covers its creation.
    for (const stamp of raise) this.digest.raise(stamp)
    for (const { record, changed, destroyed } of news) this.#tell(record, changed, destroyed, how, now)
    return forgotten
  }

  /** It may bear stamps of origins that nothing bore any more. */
  #nowWhole(record: SessionRecord): void {
    record.whole = true
    for (const { origin } of record.stamps()) this.digest.revive(origin)
  }

  #tell(record: SessionRecord, changed: string[], destroyed: boolean, how: Absorption, now: Instant): void {
    const local = how.isLocal === true
    if (destroyed) {
      if (record.announced) this.#notifySession('destroyed', record, changed, local)
    } else if (this.records.isReadable(record, now)) {
      if (!record.announced) this.#notifySession('created', record, changed, local)
      else if (changed.length > 0) this.#notifySession('changed', record, changed, local)
      record.announced = true
    }
  }

  /** What is here by now the user finds here: it is not news. */
  becomeReady(now: Instant): void {
    this.isReady = true
    for (const record of this.records.all()) if (this.records.isReadable(record, now)) record.announced = true
    this.notify({ type: 'ready' })
  }

  /** It was hidden when it was merged. */
  tellAppeared(record: SessionRecord): void {
    if (!this.isReady) return
    this.#notifySession('created', record, [...record.values().keys()], false)
    record.announced = true
  }

  #notifySession(
    change: 'created' | 'changed' | 'destroyed',
    record: SessionRecord,
    changed: string[],
    local: boolean,
  ): void {
    const owned = this.ownerOf(record) === this.self.id
    this.notify({ type: 'session', change, sid: record.sid, changed, owned, local })
  }
}
