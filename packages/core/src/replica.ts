/**
 * One member of a cluster as a state machine. Inputs and `now` go in, effects come out; nothing in here
 * touches the world. The agent turns sockets and timers into inputs, the simulator does the same with a
 * virtual clock and a hostile network.
 */

import { PendingAcks } from './acks.js'
import { CatchUp, type Expected } from './catch-up.js'
import type { Config } from './config.js'
import { Context, type Counters } from './context.js'
import type { DialFailure } from './dialer.js'
import { Digest, type DigestEntries } from './digest.js'
import { isErrorCode, SessionMeshError } from './errors.js'
import type { Acks, Effect } from './events.js'
import { DUPLICATE, type Established, Handshake, LEFT, OTHER_PART, SILENT } from './handshake.js'
import { Heartbeats } from './heartbeats.js'
import { sweep } from './housekeeping.js'
import type { LinkId, MemberChange, Peer, Self } from './members.js'
import type { DeltaMessage, Heartbeat, Message, Pull, RosterEntry, State } from './messages.js'
import { Outbox } from './outbox.js'
import { Pulls } from './pulls.js'
import { type Purge, Purged } from './purged.js'
import { Questions } from './questions.js'
import { Reads } from './reads.js'
import { type RecordObserver, TIMES_FULL } from './records.js'
import { bytesOf, type Delta, type SessionRecord } from './session.js'
import { type Destroyed, Sessions, type View, type WriteOptions, type Written } from './sessions.js'
import type { Instant, Origin, Stamp } from './stamp.js'
import { tellTakeover } from './takeover.js'
import { Transfers } from './transfers.js'
import type { Value } from './value.js'
import { type Keep, parseMessage } from './wire.js'

export interface ReplicaOptions {
  readonly self: Self
  readonly cluster: string
  readonly config: Config
  /** In [0, 1); spreads redials. */
  readonly random: () => number
  /**
   * The process had another run before, which gave way to others (see the effect `forgotten`), and goes on serving: reads
   * wait until this one is ready.
   */
  readonly sought?: readonly Purge[] | undefined
  readonly observer?: RecordObserver | undefined
  /** Default: texts are kept as they are. */
  readonly keep?: Keep | undefined
}

export class Replica {
  readonly #context: Context
  readonly #outbox: Outbox
  readonly #acks: PendingAcks
  readonly #pulls: Pulls
  readonly #questions: Questions
  readonly #reads: Reads
  readonly #catchUp: CatchUp
  readonly #handshake: Handshake
  readonly #heartbeats: Heartbeats
  readonly #transfers: Transfers
  readonly #sessions: Sessions
  readonly #keep: Keep | undefined
  #lastPull = 0
  #wasFull = false
  #heartbeatMs = Number.NEGATIVE_INFINITY

  constructor({ self, cluster, config, random, sought, observer, keep }: ReplicaOptions) {
    this.#keep = keep
    const nextPull = () => ++this.#lastPull
    const memberChanged = (change: MemberChange, now: Instant) => this.#memberChanged(change, now)
    const isRejoining = sought !== undefined
    this.#context = new Context(self, cluster, config, random, isRejoining, memberChanged, observer)
    this.#outbox = new Outbox(this.#context)
    this.#acks = new PendingAcks(this.#context)
    this.#pulls = new Pulls(this.#context, nextPull, sought ?? [])
    this.#catchUp = new CatchUp(this.#context, this.#pulls, (ms) => {
      this.#acks.creditStall(ms)
      this.#reads.creditStall(ms)
      this.#questions.creditStall(ms)
    })
    this.#transfers = new Transfers(
      this.#context,
      (now) => this.#flush(now),
      () => this.#pulls.isBuilding,
    )
    this.#questions = new Questions(this.#context, nextPull, {
      neededFor: (sid) => this.#reads.neededFor(sid),
      tellLost: (stamp) => this.#reads.tellLost(stamp),
    })
    this.#reads = new Reads(this.#context, this.#questions, () => this.#catchUp.untilMs())
    this.#handshake = new Handshake(this.#context, (address, sought) => this.#forgotten(address, sought))
    this.#heartbeats = new Heartbeats(this.#context, (link, roster) => this.#handshake.fromHere(link, roster))
    this.#sessions = new Sessions(this.#context, this.#outbox, this.#acks, this.#questions)
  }

  // ---- the world ----

  /**
   * Begins to join by way of `addresses`, which the user named, or which the run before this one knew. A `ready` event
   * follows.
   *
   * @param isDiscovering more addresses are looked for: nobody is known to be alone before `discovered`.
   */
  start(addresses: readonly string[], now: Instant, isDiscovering = false): Effect[] {
    this.#catchUp.join(isDiscovering, now)
    const source = this.#context.isRejoining ? 'former' : 'named'
    for (const address of addresses) this.#context.dialer.add(address, source, now)
    return this.tick(now)
  }

  /** Discovery found an address. It proves nothing: who is there has to show it. @param member who is said to be. */
  candidate(address: string, source: 'named' | 'heard', member: Origin | undefined, now: Instant): Effect[] {
    return this.#input(now, () => this.#context.dialer.add(address, source, now, member)).effects
  }

  /** Discovery does not find it any more. That is no word about who is linked, and no death. */
  candidateGone(address: string, source: 'named' | 'heard', now: Instant): Effect[] {
    return this.#input(now, () => this.#context.dialer.remove(address, source)).effects
  }

  /** Discovery has looked everywhere once. */
  discovered(now: Instant): Effect[] {
    return this.#input(now, () => this.#catchUp.discovered()).effects
  }

  linkUp(link: LinkId, end: { dialled?: string | undefined; remoteHost: string }, now: Instant): Effect[] {
    return this.#input(now, () => this.#handshake.begin(link, end, now)).effects
  }

  linkDown(link: LinkId, reason: string, now: Instant): Effect[] {
    return this.#input(now, () => this.#linkDown(link, reason, now)).effects
  }

  dialFailed(address: string, failure: DialFailure, now: Instant): Effect[] {
    return this.#input(now, () => {
      this.#context.dialer.failed(address, failure, now)
      if (failure === 'refused') this.#context.members.refused(address, now)
    }).effects
  }

  /** A frame was read. Whatever is wrong with it cuts its link and harms nothing else. */
  receive(link: LinkId, wire: unknown, now: Instant): Effect[] {
    return this.#input(now, () => this.#receive(link, wire, now)).effects
  }

  /** A frame was read that cannot even be decoded. */
  unreadable(link: LinkId, error: SessionMeshError, now: Instant): Effect[] {
    return this.#input(now, () => this.#refuse(link, error, now)).effects
  }

  /** The last chunk of a transfer on this link is with the operating system: the next may follow. */
  drained(link: LinkId, now: Instant): Effect[] {
    return this.#input(now, () => this.#transfers.next(link, now)).effects
  }

  /** Sends what was written in this turn of the loop, as one message to all. */
  flush(now: Instant): Effect[] {
    return this.#input(now, () => this.#flush(now)).effects
  }

  /** For a graceful leave: an `acked` effect with the number returned follows when every peer holds what is here. */
  handOver(now: Instant): { ack: number; effects: Effect[] } {
    const { result: ack, effects } = this.#input(now, () => {
      const ack = this.#acks.expectHandover(now)
      this.#flush(now)
      this.#outbox.askForAcks(now)
      return ack
    })
    return { ack, effects }
  }

  /** Says goodbye. Hand over and flush first. */
  leave(now: Instant): Effect[] {
    // (Also to who may have read our hello, and whose own is still on its way.)
    const goodbye = () => this.#context.send(this.#handshake.links(), { kind: 'leave' })
    return this.#input(now, goodbye).effects
  }

  tick(now: Instant): Effect[] {
    return this.#input(now, () => {
      this.#catchUp.cameRound(now)
      // (Not with other inputs: what a request is shown it can write to in the same turn.)
      this.#questions.expire(now)
      const { members, records } = this.#context
      const { fullOf } = records
      if (fullOf !== undefined && !this.#wasFull) this.#warnOfFull(fullOf)
      this.#wasFull = fullOf !== undefined
      for (const link of members.tick(now, this.#wasFull)) this.#drop(link, SILENT, now)
      for (const link of this.#handshake.mute(now)) this.#drop(link, SILENT, now)
      this.#beat(now)
      const stalled = this.#pulls.stalled(now)
      if (stalled !== undefined) this.#drop(stalled, SILENT, now)
      this.#acks.tick(now)
      sweep(this.#context, this.#outbox, this.#catchUp.mayJudge, now)
    }).effects
  }

  #warnOfFull(what: string): void {
    const { tombstoneGraceMs } = this.#context.config
    this.#context.warn(
      'SESSIONMESH_TOO_MANY_SESSIONS',
      `${what}. Members that died, or have no room themselves, are remembered for ${tombstoneGraceMs} ms alone meanwhile, and who ` +
        'is cut off for longer starts afresh. Raise the limit on every member, shorten ttlMs, or find out who begins so many.',
    )
  }

  /** When `tick` is due at the latest, on the monotonic clock. Ask after every input. */
  nextTickMs(): number {
    const { config, dialer, members, records } = this.#context
    const { tickedMs } = members
    // (A tick that came before its time puts no heartbeat off.)
    const doneMs = Math.min(tickedMs, this.#heartbeatMs)
    const beatMs = doneMs + config.heartbeatMs
    // Once over, it waits for what it waits for.
    const untilMs = this.#catchUp.untilMs() ?? Number.POSITIVE_INFINITY
    const behindMs = untilMs > tickedMs ? untilMs : Number.POSITIVE_INFINITY
    const dueMs = Math.min(beatMs, behindMs, members.nextVerdictMs(), records.nextSweepMs())
    return Math.min(dueMs, dialer.nextMs(), this.#acks.nextMs(), this.#reads.nextMs())
  }

  /** There is no memory for more sessions, or there is again: those that there are go on. */
  shortOfMemory(isShort: boolean): void {
    this.#context.records.isShortOfMemory = isShort
  }

  // ---- sessions ----

  load(sid: string, now: Instant): View | undefined {
    return this.#sessions.load(sid, now)
  }

  has(sid: string, now: Instant): boolean {
    return this.#sessions.has(sid, now)
  }

  keys(now: Instant): IterableIterator<string> {
    return this.#sessions.keys(now)
  }

  owner(sid: string, now: Instant): Origin | undefined {
    return this.#sessions.owner(sid, now)
  }

  /** @throws SessionMeshError when a limit is passed or a name is forbidden; nothing is written then. */
  write(
    sid: string,
    next: ReadonlyMap<string, Value>,
    options: WriteOptions,
    now: Instant,
  ): { written: Written; effects: Effect[] } {
    const { result: written, effects } = this.#input(now, () => this.#sessions.write(sid, next, options, now))
    return { written, effects }
  }

  /** Renews the idle time, and changes the ttl if given. */
  touch(sid: string, ttlMs: number | undefined, now: Instant): { touched: boolean; effects: Effect[] } {
    const { result: touched, effects } = this.#input(now, () => this.#sessions.touch(sid, ttlMs, now))
    return { touched, effects }
  }

  /** Ends the session for good. An id unknown here is marked as well: its creation may be on its way. */
  destroy(sid: string, acks: Acks, now: Instant): { destroyed: Destroyed; effects: Effect[] } {
    const { result: destroyed, effects } = this.#input(now, () => this.#sessions.destroy(sid, acks, now))
    return { destroyed, effects }
  }

  /** The sessions of which readers see more than is merged here, as they see them. */
  fetched(now: Instant): Iterable<SessionRecord> {
    return this.#questions.fetched(now)
  }

  /** Nobody who may come back is known to have, or may have, writes of that member that are not here. */
  hasAllOf(origin: Origin): boolean {
    const { members, digest, isReady } = this.#context
    return isReady && !this.isBehind && members.hasNobodyMoreOf(origin, digest.get(origin))
  }

  /** See `Reads.catchUp`: a number to wait for, or `undefined` to go ahead. */
  catchUp(sid: string, token: DigestEntries, now: Instant): { wait: number | undefined; effects: Effect[] } {
    const { result: wait, effects } = this.#input(now, () => this.#reads.catchUp(sid, token, now))
    return { wait, effects }
  }

  /** See `Reads.token`. */
  token(sid: string, brought: DigestEntries, now: Instant): Stamp[] {
    return this.#reads.token(sid, brought, now)
  }

  // ---- for status and tests ----

  get size(): number {
    return this.#context.records.size
  }

  get tombstones(): number {
    return this.#context.records.tombstones
  }

  get isReady(): boolean {
    return this.#context.isReady
  }

  /** It joins, or stood still, and has not caught up with what it may have missed. */
  get isBehind(): boolean {
    return this.#catchUp.untilMs() !== undefined
  }

  /** Addresses that are dialled whenever they are not linked. */
  get candidates(): number {
    return this.#context.dialer.size
  }

  /** A dial of it led here. */
  isOwn(address: string): boolean {
    return this.#context.dialer.isSelf(address)
  }

  get counters(): Readonly<Counters> {
    return this.#context.counters
  }

  /** What waits for peers: questions by id, reads, transfers in either direction. */
  get pending(): number {
    return (
      this.#reads.pending + this.#questions.size + this.#context.transfers.size + (this.#pulls.isIdle ? 0 : 1)
    )
  }

  /** Bytes of deltas that are held back until a gap is closed: at most `maxLinkBufferBytes` a link. */
  get heldBytes(): number {
    return this.#pulls.heldBytes
  }

  /** The member at the other end has said hello, and was not refused. */
  isLinked(link: LinkId): boolean {
    return this.#handshake.peerOf(link) !== undefined
  }

  /** All of these writes are merged here. */
  covers(stamps: readonly Stamp[]): boolean {
    return this.#context.digest.coversAll(stamps)
  }

  digest(): Stamp[] {
    return this.#context.digest.entries()
  }

  peers(): Peer[] {
    return [...this.#context.members.all()]
  }

  /** A session as it is held here, be it hidden, partial or destroyed. */
  record(sid: string): SessionRecord | undefined {
    return this.#context.records.get(sid)
  }

  records(): IterableIterator<SessionRecord> {
    return this.#context.records.all()
  }

  // ---- messages ----

  #receive(link: LinkId, wire: unknown, now: Instant): void {
    const peer = this.#handshake.peerOf(link)
    // (Who stood still may read a hello before the link is closed as mute. How old what follows it is, nobody could say.)
    if (this.#handshake.isMute(link, now)) return this.#drop(link, SILENT, now)
    try {
      const { maxClockDriftMs, maxAttributes } = this.#context.config
      const message = parseMessage(wire, peer?.id, {
        latestMs: now.wallMs + 2 * maxClockDriftMs,
        maxAttributes: TIMES_FULL * maxAttributes,
        toLocal: (sentMs) => this.#handshake.toLocal(link, sentMs, now),
        ...(this.#keep !== undefined && { keep: this.#keep }),
      })
      if (peer !== undefined) this.#received(link, peer, message, now)
      else if (message.kind === 'hello') {
        const established = this.#handshake.hello(link, message, now)
        if (established !== undefined) this.#established(link, established, now)
      }
      // Whatever it told, of its sender's digest or of others, may be what a read waits for, or what is lost for one.
      this.#reads.settle(now)
    } catch (error) {
      if (!(error instanceof SessionMeshError)) throw error
      this.#refuse(link, error, now)
    }
  }

  #received(link: LinkId, peer: Peer, message: Message, now: Instant): void {
    this.#context.members.heard(peer, now, 'sentMs' in message ? message.sentMs : undefined)
    if (message.kind === 'heartbeat') return this.#receivedHeartbeat(link, peer, message, now)
    // (An ack tells of one origin alone: of the rest its sender may have merged more than he has told.)
    const digest = digestOf(message)
    const purged = message.kind === 'state' ? message.end?.purged : undefined
    if (digest !== undefined && this.#isOfOtherPart(peer, digest, purged))
      return this.#drop(link, OTHER_PART, now)
    if (message.kind === 'delta') this.#checkRoom(message.deltas)
    else if (message.kind === 'state') this.#checkRoom(message.records)
    switch (message.kind) {
      case 'hello':
        return
      case 'delta':
        return this.#receivedDelta(link, peer, message, now)
      case 'ack':
        return this.#receivedAck(peer, message.upTo)
      case 'pull':
        return this.#receivedPull(link, peer, message, now)
      case 'state':
        return this.#receivedState(link, peer, message, now)
      case 'leave':
        return this.#context.members.saidGoodbye(peer, now)
    }
  }

  /** Who holds the secret is trusted with sessions, and not with all of the memory. @throws SessionMeshError */
  #checkRoom(deltas: readonly Delta[]): void {
    const { records, config } = this.#context
    const { staged, stagedBytes, heldBytes } = this.#pulls
    const waitingBytes = stagedBytes + heldBytes
    // (No frame has more in it, however small its attributes are.)
    if (records.hasRoomFor(staged + deltas.length, waitingBytes + BYTES_OF_A_BYTE * config.maxFrameBytes))
      return
    const unknown = new Set(deltas.map(({ sid }) => sid).filter((sid) => records.get(sid) === undefined))
    if (records.hasRoomFor(staged + unknown.size, waitingBytes + bytesOf(deltas))) return
    throw new SessionMeshError(
      'SESSIONMESH_TOO_MANY_SESSIONS',
      'A frame is refused: with its sessions there would be more than four times config.maxSessions and config.maxTombstones ' +
        'here, or more than twice config.maxTotalBytes. Give all members the same limits.',
    )
  }

  /**
   * It is linked with two parts, and has merged by now what must not come here. (Looked at before that comes.)
   *
   * @param told removals that it tells of: it is not to miss these either.
   */
  #isOfOtherPart(peer: Peer, news: DigestEntries = [], told: readonly Purge[] = []): boolean {
    const known = this.#context.purged
    const purged = told.length === 0 ? known : Purged.of([...known.told(), ...told])
    if (purged.isEmpty) return false
    const merged = Digest.of(peer.digest.entries())
    merged.join(news)
    return purged.missedBy(merged).length > 0
  }

  #receivedAck(peer: Peer, upTo: Stamp): void {
    if (upTo.origin !== this.#context.self.id) {
      throw new SessionMeshError(
        'SESSIONMESH_BAD_FRAME',
        'A frame is refused: an ack of what another member wrote',
      )
    }
    this.#context.members.toldDigest(peer, [upTo])
    this.#acks.check()
  }

  #receivedDelta(link: LinkId, peer: Peer, message: DeltaMessage, now: Instant): void {
    const forgotten = this.#pulls.live(link, peer, message, now)
    this.#questions.fetch(forgotten, link, now)
    this.#settle(now)
  }

  #receivedHeartbeat(link: LinkId, peer: Peer, message: Heartbeat, now: Instant): void {
    const said = this.#heartbeats.heard(link, message, now)
    peer.isJoining = message.isJoining
    if (said === undefined) return this.#acks.check()
    const { digest, roster } = said
    if (this.#isOfOtherPart(peer, digest)) return this.#drop(link, OTHER_PART, now)
    this.#toldDigest(link, peer, digest, message.sentMs)
    if (peer.overfullMs !== undefined && peer.digest.lacking(this.#context.digest.entries()).length === 0)
      peer.overfullMs = undefined
    this.#context.dialer.proven(peer.id)
    this.#meet(peer, roster, message.sentMs, now)
    if (this.#context.members.toldOfUs(peer, roster, message.sentMs)) this.#pulls.goOn(now)
    this.#pulls.compare(link, peer, digest, now)
    this.#acks.check()
    this.#beatAlong(now)
  }

  /** What it has merged matters for tombstones only once all that it sent before is merged here. */
  #toldDigest(link: LinkId, peer: Peer, digest: DigestEntries, saidMs: number): void {
    if (this.#pulls.isHolding(link)) this.#context.members.toldEarly(peer)
    else this.#context.members.toldDigest(peer, digest, saidMs)
  }

  #receivedPull(link: LinkId, peer: Peer, message: Pull, now: Instant): void {
    if (message.digest === undefined) {
      // What was written in this turn must be on its way before a digest that covers it.
      this.#flush(now)
      return this.#questions.answer(link, message, now)
    }
    this.#context.members.toldDigest(peer, message.digest)
    this.#transfers.begin(link, message, now)
    this.#acks.check()
  }

  #receivedState(link: LinkId, peer: Peer, message: State, now: Instant): void {
    if (message.missing !== undefined) {
      if (message.end !== undefined) this.#toldDigest(link, peer, message.end.digest, message.sentMs)
      return this.#questions.answered(peer.id, message)
    }
    const { ended, forgotten } = this.#pulls.receive(link, message, now)
    if (message.end !== undefined)
      this.#meet(peer, this.#handshake.fromHere(link, message.end.roster), message.sentMs, now)
    this.#questions.fetch(forgotten, link, now)
    if (ended) {
      if (message.end !== undefined) this.#toldDigest(link, peer, message.end.digest, message.sentMs)
      this.#partFromOthers(link, now)
      // (Who had to begin alone takes whomever he meets.)
      if (this.#pulls.hasJoined || this.#context.isReady) this.#context.dialer.joined()
      this.#settle(now)
      this.#beatNow(now)
    }
  }

  /** With the state that came came the reasons to keep others away. (Who sent it was looked at before, with all that he told.) */
  #partFromOthers(source: LinkId, now: Instant): void {
    for (const peer of this.#context.members.linked()) {
      if (peer.link === undefined || peer.link === source) continue
      if (this.#isOfOtherPart(peer)) this.#drop(peer.link, OTHER_PART, now)
    }
  }

  // ---- links and members ----

  #linkDown(link: LinkId, reason: string, now: Instant): void {
    const address = this.#handshake.addressOf(link)
    const ended = this.#handshake.end(link, reason, now)
    if (ended !== undefined && isErrorCode(reason)) {
      this.#context.warn(reason, `The link to ${address} was cut: ${reason}`, address)
    }
    if (ended?.peer === undefined) return
    if (reason === 'SESSIONMESH_TOO_MANY_SESSIONS') ended.peer.overfullMs ??= now.monoMs
    this.#linkGone(link, ended.peer, reason, now)
  }

  #established(link: LinkId, { peer, roster, replaced }: Established, now: Instant): void {
    if (replaced !== undefined) this.#cleanUp(replaced, now)
    this.#meet(peer, this.#handshake.fromHere(link, roster), now.monoMs, now)
    this.#context.dialer.tell(peer.address, peer.id, now)
    this.#pulls.want(link, peer, now)
    this.#questions.linkCame(peer.id, now)
    // Others may be waiting for our word that it lives.
    this.#beatNow(now)
  }

  /**
   * Takes over what a peer tells of others: a newcomer known to one member becomes known to all.
   *
   * @param roster with addresses as they are from here.
   */
  #meet(peer: Peer, roster: readonly RosterEntry[], sentMs: number, now: Instant): void {
    this.#context.members.toldRoster(peer, roster, sentMs, now)
    for (const { id, address, state } of roster) {
      const known = this.#context.members.get(id)
      // (As nearly always. It was told when the link was established.)
      if (known?.link !== undefined && known.address === address) continue
      const isHope = state === 'alive' || state === 'suspect'
      if (known !== undefined && known.state !== 'left' && isHope) this.#context.dialer.tell(address, id, now)
    }
  }

  #memberChanged({ peer, from, to }: MemberChange, now: Instant): void {
    if (peer.announced && to !== 'alive') this.#context.notify({ type: 'member', state: to, peer })
    if (to === 'alive') {
      this.#context.digest.revive(peer.id)
      this.#context.notify({ type: 'member', state: to, peer })
      // Others may hold it for dead, and for lost what it brings: they hear of it soon.
      this.#beatSoon(now)
    }
    if (to === 'alive' || to === 'suspect') this.#pulls.goOn(now)
    // Somebody says that he hears it: one dial shows whether it is back.
    if (from === 'dead' && to === 'suspect') this.#context.dialer.hurry(peer.address, now)
    if (to === 'left') this.#context.dialer.memberGone(peer.id)
    if (to !== 'dead' && to !== 'left') return
    // Its sessions were taken over when it was found dead; that it will not come back changes no owner.
    if (peer.announced && from !== 'dead')
      tellTakeover(this.#context, peer, (sid) => this.#sessions.owner(sid, now))
    this.#acks.check()
    this.#reads.settle(now)
  }

  #linkGone(link: LinkId, peer: Peer, reason: string, now: Instant): void {
    this.#cleanUp(link, now)
    // What one end refused it may refuse again: only a link that broke is worth an attempt at once.
    const isUnwanted = reason === LEFT && peer.state !== 'left'
    if (isErrorCode(reason) || [DUPLICATE, OTHER_PART].includes(reason) || isUnwanted)
      this.#context.dialer.rejected(peer.address, peer.id, now)
    else if (peer.state !== 'left') this.#context.dialer.hurry(peer.address, now)
    // Withdraw at once what we vouched for, and show the others what we hold of its last writes.
    this.#beatNow(now)
    this.#settle(now)
  }

  #cleanUp(link: LinkId, now: Instant): void {
    this.#transfers.linkGone(link)
    this.#pulls.linkGone(link, now)
    this.#questions.linkGone(link, now)
    this.#heartbeats.linkGone(link)
  }

  #refuse(link: LinkId, error: SessionMeshError, now: Instant): void {
    const peer = this.#handshake.peerOf(link)
    const address = peer?.address ?? this.#handshake.addressOf(link)
    const isSaid = address === undefined || error.message.includes(address)
    this.#context.counters.linksRefused++
    this.#context.warn(error.code, isSaid ? error.message : `${error.message} (from ${address})`, address)
    this.#drop(link, error.code, now)
  }

  #drop(link: LinkId, reason: string, now: Instant): void {
    this.#context.effect({ type: 'drop', link, reason })
    const ended = this.#handshake.end(link, reason, now)
    if (ended?.peer !== undefined) this.#linkGone(link, ended.peer, reason, now)
  }

  /** The others have forgotten this member, and with it what was destroyed meanwhile: it joins as a newcomer. */
  #forgotten(address: string, sought: readonly Purge[]): void {
    this.#context.warn(
      'SESSIONMESH_FORGOTTEN_MEMBER',
      'This member was away for longer than forgetDeadAfterMs, missed what was destroyed, and starts afresh: its sessions are replaced by those of the cluster.',
    )
    const living = this.#context.members.livingPeers().map((peer) => peer.address)
    this.#context.effect({
      type: 'forgotten',
      addresses: [address, ...living],
      sought,
    })
  }

  #expected = (): Expected => ({
    silent: this.#context.dialer.waiting(!this.#pulls.hasJoined, (id) => this.#context.members.isGone(id)),
    isGreeting: this.#handshake.isWaiting,
  })

  #flush(now: Instant): void {
    this.#outbox.flush(this.#acks.isWaiting, now)
  }

  // ---- time ----

  #beat(now: Instant): void {
    // A millisecond of tolerance: timers fire early as well as late.
    if (now.monoMs - this.#heartbeatMs >= this.#context.config.heartbeatMs - 1) this.#beatNow(now)
  }

  /**
   * Whoever hears another's heartbeat when half of his own period is over beats soon: so all beat together, and wake once
   * for all that they hear. (To wake costs several times what a heartbeat does. If more than half had to be over, two
   * groups that beat in turn would never become one.)
   */
  #beatAlong(now: Instant): void {
    const { heartbeatMs } = this.#context.config
    if (now.monoMs - this.#heartbeatMs >= heartbeatMs / 2) this.#beatSoon(now)
  }

  /** With the next tick, which is due now. */
  #beatSoon(now: Instant): void {
    this.#heartbeatMs = Math.min(this.#heartbeatMs, now.monoMs - this.#context.config.heartbeatMs)
  }

  #beatNow(now: Instant): void {
    this.#heartbeatMs = now.monoMs
    this.#flush(now)
    this.#heartbeats.send(now)
  }

  /** The digest rose: held deltas, questions, reads and acks may go on. */
  #settle(now: Instant): void {
    for (const { link, forgotten } of this.#pulls.release(now)) this.#questions.fetch(forgotten, link, now)
    this.#reads.settle(now)
    this.#acks.check()
  }

  /** What every input begins and ends with. */
  #input<T>(now: Instant, act: () => T): { result: T; effects: Effect[] } {
    this.#catchUp.noticeStall(now)
    const result = act()
    for (const address of this.#context.dialer.due(now)) this.#context.effect({ type: 'dial', address })
    this.#transfers.resumeDeferred(now)
    if (this.#catchUp.check(this.#expected, now)) {
      this.#context.dialer.ready()
      if (this.#context.members.linked().length > 0) this.#context.dialer.joined()
      this.#reads.caughtUp(now)
      this.#settle(now)
      // Whose writes wait for all waits for this member from now on.
      this.#beatNow(now)
    }
    this.#reads.tick(now)
    return { result, effects: this.#context.takeEffects() }
  }
}

/** Of a frame: an attribute of five is counted as more than sixty. */
const BYTES_OF_A_BYTE = 16

/** What its sender has merged, if it says. */
function digestOf(message: Exclude<Message, Heartbeat>): DigestEntries | undefined {
  if (message.kind === 'state') return message.end?.digest
  return 'digest' in message ? message.digest : undefined
}
