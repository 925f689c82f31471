/**
 * Who is in the cluster, and in what state. The rules:
 *
 *     alive    a link is established and the member was heard within suspectAfterMs
 *     suspect  its link closed, or it is silent, or it is only known from others
 *     dead     silent for deadAfterMs, or nobody listens at its address any more, and no living member that
 *              we hear vouches for it ("I have a link to it and hear it"); for a suspect that counts as heard
 *     left     said goodbye, or was replaced by a new run at the same name and address: it is not expected back
 *
 * A verdict is cheap and reversible: a dead member that is heard again is alive, and resumes by digest.
 */

import { dropOldest } from './bounded.js'
import { type Config, MAX_MEMBERS, MAX_TOLD_ORIGINS } from './config.js'
import { Digest, type DigestEntries } from './digest.js'
import { SessionMeshError } from './errors.js'
import type { MemberState, RosterEntry } from './messages.js'
import { compareStamps, type Instant, type Origin, type Stamp } from './stamp.js'

export type LinkId = number

/** A member's name for itself. */
export interface Self {
  readonly id: Origin
  readonly name: string
  /** `host:port`; an empty host when it listens everywhere: peers fill in the address they see. */
  readonly address: string
  /** Where peers may see it then: the addresses of its host. A former run was seen at one of them. */
  readonly seenAt?: readonly string[] | undefined
}

export interface Peer {
  readonly id: Origin
  name: string
  address: string
  state: MemberState
  /** It said goodbye: whatever of it comes after that was on its way. */
  hasSaidGoodbye: boolean
  /** Since when it is in that state. */
  stateMs: number
  /** The user was told that it is alive: only then the rest is news. */
  announced: boolean
  /** The established link. */
  link: LinkId | undefined
  /** Last time that anything of it was read, or that it became known. */
  heardMs: number
  /** Last time that, found suspect, it was vouched for. */
  vouchedMs: number
  /** Its own period, as it said; 0 until then. */
  heartbeatMs: number
  /** It said that it joins: it does not hold yet what others have. */
  isJoining: boolean
  /** When it became known. */
  readonly learntMs: number
  /** It lived then, on our clock: when the latest of its frames that tell it was sent. */
  livedMs: number
  /** Its last heartbeat did not say that it does not hear us. */
  hearsUs: boolean
  /** Redials in a row that were refused. */
  refusals: number
  /** Since when it refuses what is here for want of room, on our clock; `undefined`: it does not. */
  overfullMs: number | undefined
  /** The highest digest that it ever told. */
  readonly digest: Digest
  /** When it last told all of it, on our clock. */
  digestMs: number
  /** When it was last found gone, dead or left; on the wall clock the later of both. */
  goneMs: number
  goneWallMs: number
  /** Those whom it told of last as alive, … */
  vouchesFor: ReadonlySet<Origin>
  /** … and as suspect: it may have a link to them yet, on which more comes. */
  doubts: ReadonlySet<Origin>
}

export type MemberChange = { readonly peer: Peer; readonly from: MemberState; readonly to: MemberState }

/** A bound for a cluster that restarts for years. */
const MAX_FORGOTTEN = 10_000

export class Members {
  readonly #config: Config
  readonly #peers = new Map<Origin, Peer>()
  readonly #onChange: (change: MemberChange, now: Instant) => void
  readonly #onForgotten: (id: Origin) => void
  #living: Set<Origin>
  /** Those that are alive, and those that have a link: few, however many are known. */
  readonly #alive = new Set<Peer>()
  readonly #linked = new Set<Peer>()
  #linkChanges = 0
  /** The last tick, and the one before it. */
  #tickedMs = Number.NEGATIVE_INFINITY
  #readUpToMs = Number.NEGATIVE_INFINITY
  #isFull = false
  #wokeMs = Number.NEGATIVE_INFINITY
  /** Those that were dead for too long: who has not forgotten them yet may tell of them, unless they are back. */
  readonly #forgotten = new Set<Origin>()
  readonly #self: Self

  constructor(
    self: Self,
    config: Config,
    onChange: (change: MemberChange, now: Instant) => void,
    onForgotten: (id: Origin) => void,
  ) {
    this.#onForgotten = onForgotten
    this.#self = self
    this.#config = config
    this.#onChange = onChange
    this.#living = new Set([self.id])
  }

  get(id: Origin): Peer | undefined {
    return this.#peers.get(id)
  }

  all(): IterableIterator<Peer> {
    return this.#peers.values()
  }

  /** The established links. */
  links(): LinkId[] {
    return this.linked().map(({ link }) => link as LinkId)
  }

  linked(): Peer[] {
    return [...this.#linked]
  }

  /** Peers that are neither dead nor left. */
  livingPeers(): Peer[] {
    return [...this.#peers.values()].filter(isLiving)
  }

  /** Self and all peers that are neither dead nor left: those among whom ownership is shared. */
  get living(): ReadonlySet<Origin> {
    return this.#living
  }

  isGone(id: Origin): boolean {
    return !this.#living.has(id)
  }

  /** Those that are known, and were met here. */
  met(): Peer[] {
    return [...this.#peers.values()].filter((peer) => !isHearsay(peer))
  }

  /** Everybody known who has not left has merged this stamp. */
  isSettled(stamp: Stamp): boolean {
    for (const peer of this.#peers.values())
      if (peer.state !== 'left' && !peer.digest.covers(stamp) && !this.#isGivenUp(peer)) return false
    return true
  }

  /** Everybody who lives has. */
  isKnownToLiving(stamp: Stamp): boolean {
    for (const peer of this.#peers.values())
      if (isLiving(peer) && !peer.digest.covers(stamp) && !this.#isGivenUp(peer)) return false
    return true
  }

  /** Neither has room: what waits here for one that cannot take it would keep everybody's writes out for good. */
  #isGivenUp({ overfullMs = Number.POSITIVE_INFINITY }: Peer): boolean {
    return this.#isFull && this.#tickedMs - overfullMs > this.#config.tombstoneGraceMs
  }

  /**
   * Nobody who may come back, or has told since that member went, has more of its writes than `latest`. (Who is not linked
   * may have, and so may who has not told; more may come to who joins, and to who does not hold that member for gone.)
   */
  hasNobodyMoreOf(id: Origin, latest: Stamp | undefined): boolean {
    const goneMs = this.#peers.get(id)?.goneMs ?? Number.NEGATIVE_INFINITY
    for (const peer of this.#peers.values()) {
      if (peer.id === id || peer.state === 'left') continue
      if (peer.link === undefined || peer.state !== 'alive' || peer.digestMs <= goneMs) return false
      if (peer.isJoining || peer.vouchesFor.has(id) || peer.doubts.has(id)) return false
      const told = peer.digest.get(id)
      if (told !== undefined && (latest === undefined || compareStamps(told, latest) > 0)) return false
    }
    return true
  }

  /** Gone, as far as we know, and nobody who lives says that it hears it: our verdict may be wrong, and last a moment. */
  isGoneForAll(id: Origin): boolean {
    return this.isGone(id) && !this.livingPeers().some(({ vouchesFor }) => vouchesFor.has(id))
  }

  /** Of those that live nobody has told of having merged this, since its origin went: nobody will ever send it. */
  isNowhere(stamp: Stamp): boolean {
    const goneMs = this.#peers.get(stamp.origin)?.goneMs ?? Number.NEGATIVE_INFINITY
    const lacks = (peer: Peer) => peer.digestMs > goneMs && !peer.digest.covers(stamp)
    return this.isGone(stamp.origin) && this.livingPeers().every(lacks)
  }

  /** Grows whenever `isLinked` may answer otherwise than before. */
  get linkChanges(): number {
    return this.#linkChanges
  }

  /** The last tick, on the monotonic clock; `-Infinity` before the first. */
  get tickedMs(): number {
    return this.#tickedMs
  }

  /** Is there a link to that address, or to that member? (The way that is right for most comes first.) */
  isLinked(address: string, id: Origin | undefined): boolean {
    if (id !== undefined && this.#peers.get(id)?.link !== undefined) return true
    for (const peer of this.#linked) if (peer.address === address) return true
    return false
  }

  /** @throws SessionMeshError when so many are here that there is no room for another one. */
  established(entry: Self, link: LinkId, now: Instant): Peer {
    if (!this.#peers.has(entry.id) && !this.#makeRoom(() => this.#firstToGo()))
      throw new SessionMeshError(
        'SESSIONMESH_TOO_MANY_MEMBERS',
        `A member is refused: ${MAX_MEMBERS} are here already`,
      )
    const peer = this.#peers.get(entry.id) ?? this.#add(entry, now)
    peer.name = entry.name
    peer.address = entry.address
    peer.hasSaidGoodbye = false
    peer.hearsUs = true
    peer.link = link
    this.#linked.add(peer)
    this.#linkChanges++
    // In this order: who lists members sees one of the name go, and then one come.
    this.#replaceFormerRuns(peer, now)
    this.#becomeAlive(peer, now)
    return peer
  }

  /** @param sentMs when what was heard was sent, if it tells. */
  heard(peer: Peer, now: Instant, sentMs = Number.NEGATIVE_INFINITY): void {
    peer.heardMs = now.monoMs
    peer.livedMs = Math.max(peer.livedMs, sentMs)
    // Found dead as silent, it may be heard before its link is dropped.
    if ((peer.state === 'suspect' || peer.state === 'dead') && peer.link !== undefined)
      this.#becomeAlive(peer, now)
  }

  /** A link that was one too many is no sign of anything. */
  linkLost(peer: Peer, now: Instant, wasDuplicate = false): void {
    peer.link = undefined
    this.#linked.delete(peer)
    // (It may be ready before we hear of it.)
    peer.isJoining = false
    this.#linkChanges++
    peer.refusals = 0
    if (peer.state === 'alive' && !wasDuplicate) this.#become(peer, 'suspect', now)
    for (const other of this.#linked) if (this.#isFormerRun(peer, other)) this.left(peer, now)
  }

  refused(address: string, now: Instant): void {
    for (const peer of this.#peers.values()) {
      if (peer.address !== address || peer.link !== undefined) continue
      peer.refusals++
      // (Its last link may have been closed as one too many, and then the other one broke.)
      if (peer.state === 'alive') this.#become(peer, 'suspect', now)
      this.#judge(peer, now)
    }
  }

  saidGoodbye(peer: Peer, now: Instant): void {
    peer.hasSaidGoodbye = true
    this.left(peer, now)
  }

  /**
   * What comes of it now was dialled before it left, over another way perhaps. Whoever is still there well after a goodbye
   * has not said it: somebody has in its name.
   */
  isLeaving({ hasSaidGoodbye, stateMs }: Peer, now: Instant): boolean {
    return hasSaidGoodbye && now.monoMs - stateMs <= 2 * this.#config.deadAfterMs
  }

  left(peer: Peer, now: Instant): void {
    if (peer.state !== 'left') this.#become(peer, 'left', now)
  }

  /** @param saidMs when it said so, on our clock, if all of its digest is told, and it is known when: it may have waited on its way */
  toldDigest(peer: Peer, digest: DigestEntries, saidMs = Number.NEGATIVE_INFINITY): void {
    peer.digest.join(digest)
    peer.digestMs = Math.max(peer.digestMs, saidMs)
    this.#boundDigests()
  }

  /** Too much of them together, and of those that are not linked nothing is kept: tombstones wait for them then. */
  #boundDigests(): void {
    let told = 0
    for (const each of this.#peers.values()) told += each.digest.size
    if (told <= MAX_TOLD_ORIGINS) return
    for (const each of this.#peers.values()) if (each.link === undefined) each.digest.clear()
  }

  /**
   * What a heartbeat says of this member. True if that is news. (A hello was written before its sender could hear us; and
   * nobody heard us while we stood still.)
   */
  toldOfUs(peer: Peer, roster: readonly RosterEntry[], sentMs: number): boolean {
    const before = peer.hearsUs
    const told = roster.find(({ id }) => id === this.#self.id)
    peer.hearsUs = told === undefined || told.state === 'alive' || sentMs <= this.#wokeMs
    return peer.hearsUs !== before
  }

  /** It has more than we may heed yet: until it tells again, nothing is known to be lacking there. */
  toldEarly(peer: Peer): void {
    peer.digestMs = Number.NEGATIVE_INFINITY
  }

  /** @param sentMs when the teller said so, on our clock. */
  toldRoster(teller: Peer, roster: readonly RosterEntry[], sentMs: number, now: Instant): void {
    const told = (as: MemberState) => new Set(roster.filter(({ state }) => state === as).map(({ id }) => id))
    teller.vouchesFor = told('alive')
    teller.doubts = told('suspect')
    // (Decided once for all of them: of those that this roster adds none makes room for the next.)
    const gone = [...this.#peers.values()].filter(isGoneHearsay)
    for (const entry of roster)
      if (entry.id !== this.#self.id) this.#learn(entry, () => gone.shift(), sentMs, now)
    this.#boundDigests()
    for (const peer of this.#peers.values()) this.#judge(peer, now)
  }

  /**
   * Time passed. Returns the links that have to go because they are silent.
   *
   * @param isFull there is no room for what is kept for those who are gone
   */
  tick(now: Instant, isFull = false): LinkId[] {
    const { forgetDeadAfterMs, tombstoneGraceMs } = this.#config
    const forgetAfterMs = isFull ? Math.min(forgetDeadAfterMs, tombstoneGraceMs) : forgetDeadAfterMs
    this.#isFull = isFull
    this.#readUpToMs = this.#tickedMs
    this.#tickedMs = now.monoMs
    const silent: LinkId[] = []
    for (const peer of this.#peers.values()) {
      if (this.#isOver(this.#suspectAtMs(peer))) this.#become(peer, 'suspect', now)
      this.#judge(peer, now)
      if (peer.link !== undefined && this.#isOver(this.#dropAtMs(peer))) silent.push(peer.link)
      const goneMs = now.monoMs - peer.goneMs
      if (!isLiving(peer) && peer.link === undefined && goneMs > forgetAfterMs) this.#drop(peer)
    }
    return silent
  }

  /**
   * When the next `tick` is due to find a silence too long, on the monotonic clock, if nobody is heard before. One that was
   * found, and has no verdict as others vouch for that member, is looked at with every heartbeat.
   */
  nextVerdictMs(): number {
    let nextMs = Number.POSITIVE_INFINITY
    for (const peer of this.#peers.values())
      for (const atMs of [this.#suspectAtMs(peer), this.#deadAtMs(peer), this.#dropAtMs(peer)])
        if (!this.#isOver(atMs)) nextMs = Math.min(nextMs, Math.max(atMs, this.#tickedMs) + 1)
    return nextMs
  }

  /** Our own loop stood still: nobody could be heard meanwhile, and nobody is to blame for it. */
  creditStall(lateMs: number, now: Instant): void {
    // What came meanwhile is still to be read: a peer that was silent before the stall gets time for that too.
    const { deadAfterMs, heartbeatMs } = this.#config
    for (const peer of this.#peers.values()) {
      const atLeastMs = now.monoMs - (deadAfterMs - 2 * heartbeatMs) * this.#slowness(peer)
      peer.heardMs = Math.min(now.monoMs, Math.max(peer.heardMs + lateMs, atLeastMs))
    }
  }

  /** We stood still for longer than silence takes to be suspect; on a host that was suspended our clock did too. */
  woke(now: Instant): void {
    this.#wokeMs = now.monoMs
  }

  /**
   * What others are told. Heartbeats, which are many, leave out who is long gone: who missed a goodbye hears of it
   * with the next hello. Digests go with the end of a transfer alone.
   */
  roster(on: 'hello' | 'heartbeat' | 'transfer', now: Instant): RosterEntry[] {
    const roster: RosterEntry[] = []
    let told = 0
    for (const peer of this.#peers.values()) {
      const { id, name, address } = peer
      const state = this.#toldState(peer, now)
      const isOld = state === 'left' && now.monoMs - peer.stateMs > 10 * this.#config.deadAfterMs
      if (isOld && on === 'heartbeat') continue
      const isTold = on === 'transfer' && state !== 'left' && told + peer.digest.size <= MAX_TOLD_ORIGINS
      if (isTold) told += peer.digest.size
      roster.push({ id, name, address, state, digest: isTold ? peer.digest.entries() : undefined })
    }
    return roster
  }

  /** Who stood still for long has not found the others silent yet, and cannot say that they live. */
  #toldState(peer: Peer, now: Instant): MemberState {
    const { state, stateMs, livedMs } = peer
    // (As many beats of its own, be they quicker than ours: those who beat as quickly listen to us.)
    const sinceMs = Math.max(now.monoMs - this.#config.deadAfterMs * this.#pace(peer), this.#wokeMs)
    return state === 'alive' && Math.max(stateMs, livedMs) < sinceMs ? 'suspect' : state
  }

  #drop({ id }: Peer): void {
    this.#peers.delete(id)
    this.#living.delete(id)
    this.#forget(id)
    this.#onForgotten(id)
  }

  /** For one more, in the place of one that may go. */
  #makeRoom(nextToGo: () => Peer | undefined): boolean {
    if (this.#peers.size < MAX_MEMBERS) return true
    const gone = nextToGo()
    if (gone !== undefined) this.#drop(gone)
    return gone !== undefined
  }

  /**
   * Of those that were only heard of one that is gone, else one that is gone, else one that was only heard of; of each the
   * first that became known. Whoever tells of thousands that are not there keeps nobody out who is.
   */
  #firstToGo(): Peer | undefined {
    const others = [...this.#peers.values()].filter(({ link }) => link === undefined)
    return others.find(isGoneHearsay) ?? others.find((peer) => !isLiving(peer)) ?? others.find(isHearsay)
  }

  #forget(id: Origin): void {
    this.#forgotten.add(id)
    // In the order of their being added: what is dropped is long past.
    dropOldest(this.#forgotten, MAX_FORGOTTEN)
  }

  /** After that it is silent for too long to be alive, … */
  #suspectAtMs(peer: Peer): number {
    if (peer.state !== 'alive') return Number.POSITIVE_INFINITY
    return peer.heardMs + this.#config.suspectAfterMs * this.#slowness(peer)
  }

  /** … to live, by what we and those who vouch for it hear, … */
  #deadAtMs(peer: Peer): number {
    if (peer.state !== 'suspect') return Number.POSITIVE_INFINITY
    return Math.max(peer.heardMs, peer.vouchedMs) + this.#config.deadAfterMs * this.#slowness(peer)
  }

  /** … and to keep its link. */
  #dropAtMs(peer: Peer): number {
    if (peer.link === undefined) return Number.POSITIVE_INFINITY
    return peer.heardMs + this.#config.deadAfterMs * this.#slowness(peer)
  }

  /** A tick came after it, and another one: what lay on a link at the first, while this member was busy, has been read since. */
  #isOver(silentMs: number): boolean {
    return silentMs < this.#readUpToMs
  }

  /** Whoever was given a longer period than this member is given as many beats. */
  #slowness(peer: Peer): number {
    return Math.max(1, this.#pace(peer))
  }

  /** Its period in periods of this member. */
  #pace({ heartbeatMs }: Peer): number {
    return heartbeatMs === 0 ? 1 : heartbeatMs / this.#config.heartbeatMs
  }

  /**
   * Finds a suspect dead when its time is over or its port is closed, unless somebody vouches for it. One that is
   * only learnt of when its successor is here already, or when we are that successor, has left.
   */
  #judge(peer: Peer, now: Instant): void {
    if (peer.state === 'alive' || peer.state === 'left') return
    if (this.#isReplaced(peer) && !this.#isVouchedFor(peer, now)) return this.left(peer, now)
    if (peer.state === 'dead') return
    const isSilent = this.#isOver(this.#deadAtMs(peer))
    const isRefused = peer.link === undefined && peer.refusals >= 2
    if ((isSilent || isRefused) && !this.#isVouchedFor(peer, now)) this.#become(peer, 'dead', now)
  }

  #isReplaced(peer: Peer): boolean {
    if (peer.link !== undefined) return false
    // (Whoever was heard lives beside us.)
    if (peer.livedMs === Number.NEGATIVE_INFINITY && isNamesake(peer, this.#self)) return true
    // Of two runs the one that lives well after the other was known is not the one that was replaced: a link to a run
    // that is gone may seem whole for a while.
    const provenMs = peer.learntMs + 2 * this.#config.heartbeatMs
    for (const other of this.#linked)
      if (this.#isFormerRun(peer, other) && other.livedMs > provenMs) return true
    return false
  }

  /**
   * Two runs of one name cannot listen at one address, unless two servers were given the same ones by mistake: then both
   * live.
   */
  #isFormerRun(former: Peer, peer: Peer): boolean {
    return isNamesake(former, peer) && former.livedMs <= peer.learntMs + 2 * this.#config.heartbeatMs
  }

  #isVouchedFor(peer: Peer, now: Instant): boolean {
    const { suspectAfterMs, heartbeatMs } = this.#config
    for (const teller of this.#alive) {
      // Until it should have said so again.
      const validMs = Math.max(suspectAfterMs, teller.heartbeatMs + heartbeatMs)
      if (now.monoMs - teller.heardMs > validMs) continue
      if (teller.vouchesFor.has(peer.id)) return true
    }
    return false
  }

  /** What others tell counts for those that we have no link to: a link of our own knows better. */
  #learn(entry: RosterEntry, nextToGo: () => Peer | undefined, sentMs: number, now: Instant): void {
    const peer = this.#peers.get(entry.id)
    if (peer === undefined) {
      const isOver = this.#forgotten.has(entry.id) && entry.state !== 'alive'
      // (Who is really there comes himself.)
      if (entry.state === 'left' || isOver || !this.#makeRoom(nextToGo)) return
      const added = this.#add(entry, now)
      // Tombstones wait for the dead as well, so they must be known; but nobody here ever met them.
      if (entry.state === 'dead') this.#become(added, 'dead', now)
      if (entry.digest !== undefined) added.digest.join(entry.digest)
      return
    }
    if (entry.state === 'alive') this.#heardOf(peer, sentMs, now)
    if (peer.link !== undefined) return
    if (entry.digest !== undefined) peer.digest.join(entry.digest)
    if (entry.state === 'left') this.left(peer, now)
  }

  /**
   * Whoever has a link to it knows better than we, unless he had not noticed yet what we saw. So its silence begins
   * anew: when nobody vouches for it any more, it has as long as others to be heard.
   */
  #heardOf(peer: Peer, sentMs: number, now: Instant): void {
    const isDoubted = peer.state === 'suspect' || peer.state === 'dead'
    if (!isDoubted || sentMs - peer.stateMs <= this.#config.suspectAfterMs) return
    peer.vouchedMs = sentMs
    peer.refusals = 0
    if (peer.state === 'dead') this.#become(peer, 'suspect', now)
  }

  #add({ id, name, address }: Self, now: Instant): Peer {
    const peer: Peer = {
      id,
      name,
      address,
      state: 'suspect',
      hasSaidGoodbye: false,
      stateMs: now.monoMs,
      announced: false,
      link: undefined,
      heardMs: now.monoMs,
      vouchedMs: Number.NEGATIVE_INFINITY,
      heartbeatMs: 0,
      isJoining: false,
      learntMs: now.monoMs,
      livedMs: Number.NEGATIVE_INFINITY,
      hearsUs: true,
      refusals: 0,
      overfullMs: undefined,
      digest: new Digest(),
      digestMs: Number.NEGATIVE_INFINITY,
      goneMs: 0,
      goneWallMs: 0,
      vouchesFor: new Set(),
      doubts: new Set(),
    }
    this.#peers.set(id, peer)
    this.#living.add(id)
    this.#forgotten.delete(id)
    return peer
  }

  /** The former run's memory is gone for good. */
  #replaceFormerRuns(peer: Peer, now: Instant): void {
    for (const former of this.#peers.values()) {
      if (former.link === undefined && this.#isFormerRun(former, peer)) this.left(former, now)
    }
  }

  #becomeAlive(peer: Peer, now: Instant): void {
    peer.heardMs = now.monoMs
    peer.refusals = 0
    if (peer.state !== 'alive' || !peer.announced) this.#become(peer, 'alive', now)
  }

  #become(peer: Peer, state: MemberState, now: Instant): void {
    const from = peer.state
    peer.state = state
    peer.stateMs = now.monoMs
    if (state === 'alive') this.#alive.add(peer)
    else this.#alive.delete(peer)
    switch (state) {
      case 'alive':
      case 'suspect':
        this.#living.add(peer.id)
        break
      case 'dead':
      case 'left':
        this.#living.delete(peer.id)
        // That the dead will not come back changes nothing of what the living have told since it died.
        if (from !== 'dead') peer.goneMs = now.monoMs
        peer.goneWallMs = now.wallMs
        peer.vouchesFor = new Set()
        break
    }
    if (state === 'alive') peer.announced = true
    this.#onChange({ peer, from, to: state }, now)
  }
}

function isNamesake(peer: Peer, { id, name, address, seenAt = [] }: Self): boolean {
  const isThere = peer.address === address || seenAt.includes(peer.address)
  return peer.id !== id && peer.name === name && isThere
}

/** Nobody here ever met it. */
function isHearsay({ announced }: Peer): boolean {
  return !announced
}

function isGoneHearsay(peer: Peer): boolean {
  return isHearsay(peer) && !isLiving(peer)
}

function isLiving(peer: Peer): boolean {
  return peer.state === 'alive' || peer.state === 'suspect'
}
