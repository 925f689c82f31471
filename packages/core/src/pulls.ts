/**
 * The receiver's side of repair: asking for what the digest lacks, and merging it whole or not at all.
 *
 * - Every link begins with a pull, and one pull is open at a time, so that nobody is sent everything twice.
 * - What comes is staged until the end comes, and merged together with the raise of the digest, in one step.
 *   Merged earlier it would be state that no digest speaks for, and would never reach the others.
 * - A joiner claims and serves nothing yet: its first transfer is built in place, and thrown away if the
 *   source dies.
 * - A live delta is merged when it follows on what the digest covers; else it is held until it does.
 */

import { MAX_ORIGINS } from './config.js'
import type { Context } from './context.js'
import { Digest } from './digest.js'
import { SessionMeshError } from './errors.js'
import type { LinkId, Peer } from './members.js'
import type { DeltaMessage, State } from './messages.js'
import { type Purge, Purged } from './purged.js'
import { bytesOf, type Delta, isTouch } from './session.js'
import type { Instant, Origin, Stamp } from './stamp.js'

interface OpenPull {
  readonly pull: number
  readonly peer: Peer
  readonly link: LinkId
  readonly inPlace: boolean
  readonly staged: Delta[]
  /** Of those that were not here when they came. */
  readonly unknown: Set<string>
  /** Of all that is staged, the same again and again included. */
  stagedBytes: number
  /** Of an open transfer in place: sessions of which the source has only a part. */
  readonly partial: string[]
  /** Sessions received, those of which only the idle time is told aside. */
  count: number
  begun: boolean
  heardMs: number
}

interface Held {
  readonly peer: Peer
  readonly messages: DeltaMessage[]
  bytes: number
  /** Some were dropped: what the link tells is ahead of what is here until a pull from it has ended. */
  isOverflowed: boolean
}

export class Pulls {
  readonly #context: Context
  readonly #nextPull: () => number
  readonly #wanted: { link: LinkId; peer: Peer }[] = []
  #open: OpenPull | undefined
  #hasJoined = false
  #brokenOffMs = Number.NEGATIVE_INFINITY
  #timesBrokenOff = 0
  /** Of those to whom the run before this one gave way: who misses none of it has their state. */
  #sought: Purged
  readonly #held = new Map<LinkId, Held>()
  /** Gaps about origins that we have a link to: in flight, until they are a second old. */
  readonly #gaps = new Map<Origin, { stamp: Stamp; sinceMs: number }>()

  constructor(context: Context, nextPull: () => number, sought: readonly Purge[]) {
    this.#context = context
    this.#nextPull = nextPull
    this.#sought = Purged.of(sought)
  }

  /** It has the state of somebody who had joined himself. (Two joiners that meet know nothing of who else is there.) */
  get hasJoined(): boolean {
    return this.#hasJoined
  }

  /**
   * When a first transfer last broke off under way: who has waited so long has something to wait for. (Not for ever: it may
   * break off each time.)
   */
  get brokenOffMs(): number {
    return this.#brokenOffMs
  }

  /** Sessions unknown here of which something waits for the end of the open transfer. */
  get staged(): number {
    return this.#open?.unknown.size ?? 0
  }

  get stagedBytes(): number {
    return this.#open?.stagedBytes ?? 0
  }

  get isIdle(): boolean {
    return this.#open === undefined && this.#wanted.length === 0
  }

  /** A first transfer is being merged in place: what is here is not yet what any digest says. */
  get isBuilding(): boolean {
    return this.#open?.inPlace === true && this.#open.begun
  }

  isHolding(link: LinkId): boolean {
    return this.#held.has(link)
  }

  /** Of deltas that wait for a gap to be closed. */
  get heldBytes(): number {
    let bytes = 0
    for (const held of this.#held.values()) bytes += held.bytes
    return bytes
  }

  /** @param asks 'again' when what a pull that is open already brings may be too old. */
  want(link: LinkId, peer: Peer, now: Instant, asks: 'once' | 'again' = 'once'): void {
    if (asks === 'once' && this.#open?.link === link) return
    this.#addWanted(link, peer)
    this.goOn(now)
  }

  /**
   * Somebody is wanted, or has become suspect, or alive again. Whoever is silent, or says that he does not hear us, may be
   * cut off, and what others have must not wait for him: his pull begins anew when that is over. (One in place has nobody to give way to: all of it
   * would be thrown away.)
   */
  goOn(now: Instant): void {
    const open = this.#open
    if (open === undefined) return this.#openNext(now)
    if (open.inPlace || mayAnswer(open) || !this.#wanted.some(mayAnswer)) return
    this.#addWanted(open.link, open.peer)
    this.#abandon(open, now)
  }

  linkGone(link: LinkId, now: Instant): void {
    this.#held.delete(link)
    const at = this.#wanted.findIndex((wanted) => wanted.link === link)
    if (at >= 0) this.#wanted.splice(at, 1)
    if (this.#open?.link === link) this.#abandon(this.#open, now)
  }

  /** Compares a peer's digest with ours. */
  compare(link: LinkId, peer: Peer, digest: readonly Stamp[], now: Instant): void {
    const { members, config, self } = this.#context
    for (const [origin, { stamp }] of this.#gaps)
      if (this.#context.digest.covers(stamp)) this.#gaps.delete(origin)
    for (const stamp of this.#context.digest.lacking(digest)) {
      if (stamp.origin === self.id) {
        // Somebody made it up, and this peer believed him: what we write next has to be news there. (To ask for it brings
        // nothing, however often.)
        this.#context.clock.observe(stamp)
        continue
      }
      const isLinked = members.get(stamp.origin)?.link !== undefined
      if (isLinked) {
        const gap = this.#gaps.get(stamp.origin) ?? { stamp, sinceMs: now.monoMs }
        this.#gaps.set(stamp.origin, gap)
        if (now.monoMs - gap.sinceMs < config.gapPatienceMs) continue
      }
      this.#context.counters.gaps++
      return this.want(link, peer, now)
    }
  }

  /** Merges a live message or holds it. Returns the sessions that had been forgotten here. */
  live(link: LinkId, peer: Peer, message: DeltaMessage, now: Instant): string[] {
    const held = this.#held.get(link)
    if (held === undefined && this.#mayMerge && this.#follows(message)) return this.#merge(peer, message, now)
    this.#hold(link, held ?? { peer, messages: [], bytes: 0, isOverflowed: false }, message)
    // A link is in order and complete from its hello on, so this is no data in flight: it has been lost.
    this.want(link, peer, now)
    return []
  }

  /** Merges held messages that follow on what the digest covers by now. */
  release(now: Instant): { link: LinkId; forgotten: string[] }[] {
    const released: { link: LinkId; forgotten: string[] }[] = []
    if (!this.#mayMerge) return released
    for (const [link, held] of this.#held) {
      let message = held.messages[0]
      while (message !== undefined && this.#follows(message)) {
        held.messages.shift()
        released.push({ link, forgotten: this.#merge(held.peer, message, now) })
        message = held.messages[0]
      }
      if (message === undefined && !held.isOverflowed) this.#held.delete(link)
    }
    return released
  }

  /** Those that are sought were waited for long enough. */
  takeAnybody(now: Instant): void {
    if (this.#sought.isEmpty) return
    this.#sought = new Purged()
    this.goOn(now)
  }

  /** A chunk of the open transfer. True when it ended and was merged. */
  receive(link: LinkId, message: State, now: Instant): { ended: boolean; forgotten: string[] } {
    const open = this.#open
    if (open === undefined || open.link !== link || open.pull !== message.pull)
      return { ended: false, forgotten: [] }
    open.heardMs = now.monoMs
    open.begun = true
    open.count += message.records.filter((record) => !isTouch(record)).length
    if (open.inPlace) open.partial.push(...this.#context.absorb(message.records, [], now))
    else for (const record of message.records) this.#stage(open, record)
    if (message.end === undefined) return { ended: false, forgotten: [] }
    this.#checkOrigins(message.end.digest)
    // (What this member wrote nobody knows better: taken for merged, what it has yet to write would be lost.)
    const raise = message.end.digest.filter(({ origin }) => origin !== this.#context.self.id)
    const forgotten = [...open.partial, ...this.#context.absorb(open.staged, raise, now)]
    this.#context.counters.transfersReceived++
    this.#context.purged.join(message.end.purged.map((purge) => this.#merged(purge)))
    if (message.end.isReady) this.#hasJoined = true
    const held = this.#held.get(link)
    if (held !== undefined) held.isOverflowed = false
    this.#close(open, true, now)
    return { ended: true, forgotten }
  }

  /** Of what it names the removals that are merged here now: who told of more would miss them himself. */
  #merged({ removals, writers }: Purge): Purge {
    return { removals: removals.filter((removal) => this.#context.digest.covers(removal)), writers }
  }

  #stage(open: OpenPull, record: Delta): void {
    open.staged.push(record)
    open.stagedBytes += bytesOf([record])
    if (this.#context.records.get(record.sid) === undefined) open.unknown.add(record.sid)
  }

  /** (Half of what others take of us: more come by themselves, and retired ones are told as well.) */
  #checkOrigins(digest: readonly Stamp[]): void {
    const { size } = Digest.of([...this.#context.digest.entries(), ...digest])
    if (size <= MAX_ORIGINS / 2) return
    throw new SessionMeshError(
      'SESSIONMESH_BAD_FRAME',
      `A transfer is refused: with what it tells ${size} members would have written what is here`,
    )
  }

  /** Returns the link of a transfer that stands still: it has to go. */
  stalled(now: Instant): LinkId | undefined {
    const open = this.#open
    return open !== undefined && now.monoMs - open.heardMs > this.#context.config.transferStallMs
      ? open.link
      : undefined
  }

  #addWanted(link: LinkId, peer: Peer): void {
    if (!this.#wanted.some((wanted) => wanted.link === link)) this.#wanted.push({ link, peer })
  }

  /**
   * While a first transfer is built in place, what is here may be thrown away: nothing more may be claimed. And who begins
   * anew does not know yet from whom it may take anything.
   */
  get #mayMerge(): boolean {
    const { isReady, isRejoining } = this.#context
    return this.#open?.inPlace !== true && (isReady || !isRejoining || this.#hasJoined)
  }

  #follows(message: DeltaMessage): boolean {
    return message.previous === undefined || this.#context.digest.covers(message.previous)
  }

  #merge(peer: Peer, message: DeltaMessage, now: Instant): string[] {
    const { digest, records, counters } = this.#context
    // Of what the digest covers as a whole, not even a touch may recreate a session forgotten since.
    const isNew = !digest.covers(message.upTo)
    const deltas = isNew ? message.deltas : message.deltas.filter(({ sid }) => records.get(sid) !== undefined)
    counters.deltasMerged += deltas.length
    const forgotten = this.#context.absorb(deltas, [message.upTo], now)
    if (message.wantsAck && peer.link !== undefined) {
      this.#context.send([peer.link], { kind: 'ack', upTo: message.upTo })
    }
    return forgotten
  }

  #hold(link: LinkId, held: Held, message: DeltaMessage): void {
    this.#held.set(link, held)
    held.messages.push(message)
    held.bytes += EACH_MESSAGE_BYTES + bytesOf(message.deltas)
    // Too much to hold: what is dropped here shows as a gap, and the pull that is due brings it.
    if (held.bytes > this.#context.config.maxLinkBufferBytes) {
      held.messages.splice(0)
      held.bytes = 0
      held.isOverflowed = true
    }
  }

  #openNext(now: Instant): void {
    if (this.#open !== undefined) return
    const { isReady, isRejoining, digest, records } = this.#context
    const isEmpty = digest.size === 0 && records.size + records.tombstones === 0
    const inPlace = !isReady && !isRejoining && isEmpty
    const sought = this.#wanted.filter(({ peer }) => this.#hasJoined || !isMissed(this.#sought, peer))
    // (While there is nobody else, also one that is heard and may not hear us: it gives way to whoever comes.)
    const isHeard = ({ peer }: { peer: Peer }) => peer.state === 'alive' && !inPlace
    const next = sought.find(mayAnswer) ?? sought.find(isHeard)
    if (next === undefined) return
    this.#wanted.splice(this.#wanted.indexOf(next), 1)
    const pull = this.#nextPull()
    this.#open = {
      pull,
      ...next,
      inPlace,
      staged: [],
      unknown: new Set(),
      stagedBytes: 0,
      partial: [],
      count: 0,
      begun: false,
      heardMs: now.monoMs,
    }
    this.#context.counters.pulls++
    this.#context.send([next.link], { kind: 'pull', pull, digest: digest.all() })
    this.#context.notify({ type: 'sync', phase: 'start', peer: next.peer })
  }

  #abandon(open: OpenPull, now: Instant): void {
    if (open.inPlace) {
      this.#context.records.clear()
      this.#context.digest.clear()
    }
    this.#context.counters.transfersAbandoned++
    if (open.begun && !this.#hasJoined && ++this.#timesBrokenOff <= MAX_BROKEN_OFF) {
      this.#brokenOffMs = now.monoMs
      this.#context.dialer.brokenOff(open.peer.address)
    }
    this.#close(open, false, now)
  }

  #close({ peer, count }: OpenPull, complete: boolean, now: Instant): void {
    this.#open = undefined
    this.#context.notify({ type: 'sync', phase: 'end', peer, complete, sessions: complete ? count : 0 })
    this.#openNext(now)
  }
}

const MAX_BROKEN_OFF = 10

function isMissed(purged: Purged, { digest }: Peer): boolean {
  return !purged.isEmpty && purged.missedBy(digest).length > 0
}

/** As it is held here: also of a message that brings nothing, which may be one of millions. */
const EACH_MESSAGE_BYTES = 256

function mayAnswer({ peer }: { peer: Peer }): boolean {
  return peer.state === 'alive' && peer.hearsUs
}
