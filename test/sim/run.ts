/**
 * One run of a member's process: drives the core as the agent does. Inputs come in order, and wait while the
 * process is frozen; effects are carried out at once; one timer is armed for the next tick.
 */

import {
  type Acks,
  type Config,
  type CoreEvent,
  type Effect,
  type ErrorCode,
  type Instant,
  type Purge,
  packMessage,
  Replica,
  type Stamp,
} from '@sessionmesh/core'
import { describeMessage, EPOCH_MS } from './describe.js'
import type { Host } from './host.js'
import { Mirror } from './mirror.js'
import type { End, Network } from './network.js'
import type { World } from './world.js'

export interface AckResult {
  readonly peers: number
  readonly missing: ErrorCode | undefined
}

/** A write that waits for acks. */
export interface Awaited {
  /** Of the write; of a save that changed nothing, of all that the session bears. */
  readonly stamps: readonly Stamp[]
  readonly need: 'one' | 'all'
  /** The peers that lived, as far as its writer knew. */
  readonly peers: readonly string[]
  readonly askedMs: number
}

export interface RunHooks {
  event(run: Run, event: CoreEvent): void
  acked(run: Run, write: Awaited, result: AckResult): void
  leaves(run: Run): void
  left(run: Run): void
  dial(run: Run, address: string): void
  /** The others went on without it: another run takes its place in the same process. */
  forgotten(run: Run, addresses: readonly string[], sought: readonly Purge[]): Run
  /** Its memory is about to be lost. */
  ending(run: Run): void
}

/**
 * How a process stands still: stopped; with its host, whose monotonic clock stands still as well; or in one long turn, in
 * which it goes on with what it has begun, and reads nothing.
 */
export type Stall = 'stopped' | 'suspended' | 'busy'

/** A read that waits: it goes on here, or in the run that takes this one's place. */
interface Reader {
  /** It is told to be served without all that it needs. */
  stale(): void
  serve(isStale: boolean): void
  again(run: Run): void
}

export type RunState = 'running' | 'crashed' | 'left' | 'forgotten'

export class Run {
  readonly id: string
  readonly host: number
  /** Of its host, while it ran. */
  readonly address: string
  readonly mirror = new Mirror()
  readonly replica: Replica
  readonly startedMs: number
  /** Reads that were told to be stale. */
  staleReads = 0
  /** Links that were cut because their readers were too slow. */
  overflows = 0
  state: RunState = 'running'
  endedMs = 0
  /** Its requests are served here: not before it has joined, and not when it leaves. */
  isReady = false
  readyMs = Number.POSITIVE_INFINITY
  isFrozen = false
  #how: Stall = 'stopped'
  /** Another run was there before in this process, and served. */
  readonly isRejoining: boolean
  /** When its loop last came round, by its own clocks. */
  #awake: Instant = { wallMs: 0, monoMs: 0 }
  /** When it last stood still, and when it went on. */
  frozeMs = Number.NEGATIVE_INFINITY
  thawedMs = Number.NEGATIVE_INFINITY
  /** How long it had then done nothing, by the clock of its own that shows more. */
  stoodMs = 0
  /** Whom it knew to be alive when it last went on. */
  livingAtThaw: ReadonlySet<string> = new Set()
  /** Whose frame, or end of a link, came last. */
  heard: Run | undefined
  /** Last time that a frame of each other run was read. */
  readonly heardMs = new Map<string, number>()
  /** The addresses at which somebody said something, or refused. */
  readonly answered = new Set<string>()
  readonly #world: World
  readonly #network: Network
  readonly #host: Host
  readonly #hooks: RunHooks
  readonly #config: Config
  readonly #ends = new Map<number, End>()
  /** When the last heartbeat was sent on each link. */
  readonly #beatMs = new Map<number, number>()
  readonly #queued: (() => void)[] = []
  readonly #waits = new Map<number, Reader>()
  readonly #acks = new Map<number, (result: AckResult) => void>()
  #monoOffsetMs: number
  #timerMs = Number.POSITIVE_INFINITY
  #timer = 0
  #willFlush = false

  constructor(
    id: string,
    host: Host,
    { config, world, network }: { config: Config; world: World; network: Network },
    hooks: RunHooks,
    { sought, isEverywhere }: { sought: readonly Purge[] | undefined; isEverywhere: boolean },
  ) {
    this.id = id
    this.host = host.index
    this.startedMs = world.nowMs
    this.#host = host
    this.#world = world
    this.#network = network
    this.#hooks = hooks
    this.#config = config
    this.isRejoining = sought !== undefined
    this.#monoOffsetMs = world.random.between(0, 1e6)
    this.address = host.address
    const address = isEverywhere ? ':7373' : host.address
    const self = { id, name: host.name, address, seenAt: [host.address, host.otherAddress] }
    const observer = this.mirror
    this.replica = new Replica({ self, cluster: 'sim', config, random: world.random.next, sought, observer })
  }

  get now(): Instant {
    const toldMs = this.#world.nowMs + this.#host.skewMs
    const wallMs = Math.floor(EPOCH_MS + toldMs)
    if (toldMs > this.#host.highestMs) this.#host.highestMs = toldMs
    return { wallMs, monoMs: this.#world.nowMs + this.#monoOffsetMs }
  }

  get links(): number {
    return this.#ends.size
  }

  /** Kept for peers that have not read it yet. */
  get unreadBytes(): number {
    let bytes = 0
    for (const end of this.#ends.values()) bytes += end.unreadBytes
    return bytes
  }

  get isRunning(): boolean {
    return this.state === 'running'
  }

  /** Can take requests: another run in a process that served already goes on doing so. */
  get isServing(): boolean {
    return this.isRunning && (this.isReady || this.isRejoining) && !this.isFrozen
  }

  /** @param addresses besides those that are found. */
  start(addresses: readonly string[]): void {
    this.#awake = this.now
    this.carryOut(this.replica.start(addresses, this.now, true))
  }

  /** Something for the process to do: now, or when it goes on. */
  input(action: () => void): void {
    if (!this.isRunning) return
    if (this.isFrozen) this.#queued.push(action)
    else action()
  }

  /** What a handler of its own goes on with, also in a turn that does not end. */
  ownInput(action: () => void): void {
    if (this.isRunning && this.isFrozen && this.#how === 'busy') action()
    else this.input(action)
  }

  freeze(how: Stall): void {
    this.isFrozen = true
    this.#how = how
    this.frozeMs = this.#world.nowMs
    if (how === 'busy') this.#work(this.frozeMs)
  }

  /** Looks for a session that is not there, again and again. */
  #work(frozeMs: number): void {
    this.#world.after(this.#world.random.between(10, 200), () => {
      if (!this.isRunning || !this.isFrozen || this.frozeMs !== frozeMs) return
      this.carryOut(this.replica.touch('', undefined, this.now).effects)
      this.#work(frozeMs)
    })
  }

  thaw(): void {
    if (!this.isFrozen) return
    this.isFrozen = false
    this.thawedMs = this.#world.nowMs
    this.livingAtThaw = new Set(this.livingPeers())
    if (this.#how === 'suspended') this.#monoOffsetMs -= this.thawedMs - this.frozeMs
    const { wallMs, monoMs } = this.now
    this.stoodMs = Math.max(wallMs - this.#awake.wallMs, monoMs - this.#awake.monoMs)
    // Whether the timer or the queued input comes first depends on where the loop stood.
    const isTimerFirst = this.#world.random.chance(0.7)
    if (isTimerFirst) this.#onTimer()
    for (const action of this.#queued.splice(0)) this.input(action)
    if (!isTimerFirst) this.#onTimer()
  }

  end(state: Exclude<RunState, 'running'>, isSilent = false): void {
    if (!this.isRunning) return
    this.#hooks.ending(this)
    this.state = state
    this.endedMs = this.#world.nowMs
    this.isFrozen = false
    if (state === 'left') this.#network.leave(this)
    else this.#network.crash(this, isSilent)
  }

  /** As the agent's `close`: it takes no more requests, what was written is held elsewhere, goodbye is said, then the links are closed. */
  leave(): void {
    this.isReady = false
    this.carryOut(this.replica.flush(this.now))
    this.#hooks.leaves(this)
    const { ack, effects } = this.replica.handOver(this.now)
    const go = () => {
      if (!this.isRunning) return
      this.#hooks.left(this)
      this.carryOut(this.replica.flush(this.now))
      this.carryOut(this.replica.leave(this.now))
      this.end('left')
    }
    // (The promise's continuation: after the effects of the input that fulfils it.)
    this.#acks.set(ack, () => this.#world.after(0, () => this.input(go)))
    this.carryOut(effects)
  }

  caughtUp(wait: number, reader: Reader): void {
    this.#waits.set(wait, reader)
    const { waitMs, askTimeoutMs, joinTimeoutMs } = this.#config
    const withinMs = waitMs + askTimeoutMs + (this.replica.isBehind ? joinTimeoutMs : 0)
    this.#expectWithin(withinMs, () => this.#waits.has(wait), 'a read')
  }

  /** Reads that waited when this run was forgotten are begun again in the next. */
  #hand(reads: Iterable<Reader>, next: Run): void {
    for (const { again } of reads) next.input(() => again(next))
  }

  /** (Of a process that stood still meanwhile nothing can be expected in time.) */
  #expectWithin(ms: number, isWaiting: () => boolean, what: string): void {
    const sinceMs = this.#world.nowMs
    this.#world.after(ms + LATE_MS, () => {
      if (!this.isRunning || this.isFrozen || this.thawedMs >= sinceMs || !isWaiting()) return
      this.#world.fail('liveness', `${what} on ${this.id} has waited for longer than ${ms} ms`)
    })
  }

  /** Tells the checks when the acks for a write are there or will not come. */
  expectAck(ack: number | undefined, stamps: readonly Stamp[], need: Acks): void {
    if (ack === undefined || need === 'none') return
    const write = { stamps, need, peers: this.livingPeers(), askedMs: this.#world.nowMs }
    this.#acks.set(ack, (result) => this.#hooks.acked(this, write, result))
    this.#expectWithin(this.#config.ackTimeoutMs, () => this.#acks.has(ack), 'an ack')
  }

  livingPeers(): string[] {
    const living = this.replica.peers().filter(({ state }) => state === 'alive' || state === 'suspect')
    return living.map(({ id }) => id)
  }

  // ---- what discovery tells ----

  found(address: string, source: 'named' | 'heard', member?: string): void {
    this.#world.trace(() => `${this.id}: finds ${address}${member === undefined ? '' : ` of ${member}`}`)
    this.carryOut(this.replica.candidate(address, source, member, this.now))
  }

  lost(address: string, source: 'named' | 'heard'): void {
    this.#world.trace(() => `${this.id}: finds ${address} no more`)
    this.carryOut(this.replica.candidateGone(address, source, this.now))
  }

  looked(): void {
    this.#world.trace(() => `${this.id}: has looked`)
    this.carryOut(this.replica.discovered(this.now))
  }

  // ---- what the network tells ----

  linkUp(end: End): void {
    this.#ends.set(end.id, end)
    end.beganMs = this.#world.nowMs
    const { id, dialled, remoteHost } = end
    this.carryOut(this.replica.linkUp(id, { dialled, remoteHost }, this.now))
  }

  /** When the first of its two ends said hello on a link. */
  beganMs(link: number): number {
    const end = this.#ends.get(link)
    return end === undefined ? Number.NEGATIVE_INFINITY : Math.min(end.beganMs, end.peer.beganMs)
  }

  receive(end: End, wire: unknown, text: string): void {
    this.#world.trace(() => `${end.peer.run.id} -> ${this.id} (link ${end.id}): ${text}`)
    this.answered.add(end.dialled ?? end.peer.run.address)
    this.heard = end.peer.run
    this.carryOut(this.replica.receive(end.id, wire, this.now))
    // What was refused is not heard.
    if (end.isOpen) this.heardMs.set(end.peer.run.id, this.#world.nowMs)
  }

  linkDown(end: End, reason: string): void {
    this.#ends.delete(end.id)
    this.#beatMs.delete(end.id)
    if (end.dialled !== undefined && isRejection(reason)) this.answered.add(end.dialled)
    this.heard = end.peer.run
    this.#world.trace(() => `${this.id}: link ${end.id} to ${end.peer.run.id} is down: ${reason}`)
    this.carryOut(this.replica.linkDown(end.id, reason, this.now))
  }

  dialFailed(address: string, wasRefused: boolean): void {
    this.#world.trace(() => `${this.id}: dial ${address} failed${wasRefused ? ', refused' : ''}`)
    if (wasRefused) this.answered.add(address)
    this.carryOut(this.replica.dialFailed(address, wasRefused ? 'refused' : 'unreachable', this.now))
  }

  // ---- effects ----

  carryOut(effects: readonly Effect[]): void {
    for (const effect of effects) if (this.isRunning) this.#carryOut(effect)
    if (this.isRunning) this.#arm()
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        return this.#send(effect)
      case 'drop':
        return this.#drop(effect.link, effect.reason)
      case 'dial':
        return this.#hooks.dial(this, effect.address)
      case 'notify':
        if (effect.event.type === 'ready') this.#becomesReady()
        return this.#hooks.event(this, effect.event)
      case 'forgotten':
        return this.#hand(
          [...this.#waits.values()],
          this.#hooks.forgotten(this, effect.addresses, effect.sought),
        )
      case 'flush':
        return this.#flushSoon()
      case 'acked':
        this.#acks.get(effect.ack)?.({ peers: effect.peers, missing: effect.missing })
        this.#acks.delete(effect.ack)
        return
      case 'caughtUp': {
        const reader = this.#waits.get(effect.wait)
        this.#waits.delete(effect.wait)
        if (effect.isStale) this.staleReads++
        if (effect.isStale) reader?.stale()
        // The promise's continuation: after the effects of this input.
        if (reader !== undefined) this.#world.after(0, () => this.input(() => reader.serve(effect.isStale)))
        return
      }
    }
  }

  #becomesReady(): void {
    this.isReady = true
    this.readyMs = this.#world.nowMs
  }

  #send({ links, message, resume }: Extract<Effect, { type: 'send' }>): void {
    const wire = packMessage(message, this.id)
    if (message.kind === 'heartbeat') this.#beats(links)
    for (const id of links) {
      const end = this.#ends.get(id)
      if (end?.isOpen !== true) continue
      const text = this.#world.isTracing ? describeMessage(message) : ''
      const onDrained = () => {
        if (end.isOpen) this.carryOut(this.replica.drained(id, this.now))
      }
      this.#network.send(end, wire, text, resume && (() => this.ownInput(onDrained)))
      if (end.unreadBytes > this.#config.maxLinkBufferBytes) this.#cutSlow(end)
    }
  }

  /** Whoever waits longer takes it for silence. */
  #beats(links: readonly number[]): void {
    const { nowMs } = this.#world
    for (const link of links) {
      const lastMs = this.#beatMs.get(link) ?? nowMs
      this.#beatMs.set(link, nowMs)
      if (
        !this.isFrozen &&
        this.thawedMs < lastMs &&
        nowMs - lastMs > this.#config.heartbeatMs + BEAT_LATE_MS
      )
        this.#world.fail('liveness', `${this.id} sent no heartbeat for ${(nowMs - lastMs).toFixed(0)} ms`)
    }
  }

  /** As the agent does: what a slow reader leaves here is not kept without bound. */
  #cutSlow(end: End): void {
    this.#world.trace(() => `${this.id}: cuts link ${end.id} to ${end.peer.run.id}, which reads too slowly`)
    this.overflows++
    this.#network.troubled(end.run.host, end.peer.run.host)
    this.#network.close(end, 'the connection was lost', true)
    this.#world.after(0, () => this.input(() => this.linkDown(end, 'the connection was lost')))
  }

  #drop(link: number, reason: string): void {
    const end = this.#ends.get(link)
    if (end === undefined) return
    this.#world.trace(() => `${this.id}: drops link ${link} to ${end.peer.run.id}: ${reason}`)
    const isAbrupt = this.#world.random.chance(0.3) && !this.#network.isHealed
    this.#network.close(end, reason, isAbrupt)
    this.#world.after(1, () => this.input(() => this.linkDown(end, reason)))
  }

  #flushSoon(): void {
    if (this.#willFlush) return
    this.#willFlush = true
    this.#world.after(this.#world.random.skewed(0, 3), () =>
      this.input(() => {
        this.#willFlush = false
        this.carryOut(this.replica.flush(this.now))
      }),
    )
  }

  /** As the agent does it: a timer that is armed earlier than needed is left alone. */
  #arm(): void {
    const dueMs = this.replica.nextTickMs() - this.#monoOffsetMs
    if (dueMs >= this.#timerMs) return
    this.#timerMs = dueMs
    const timer = ++this.#timer
    const delayMs = Math.max(1, dueMs - this.#world.nowMs) + this.#world.random.skewed(0, 8)
    this.#world.after(delayMs, () => {
      if (this.#timer === timer) this.input(() => this.#onTimer())
    })
  }

  #onTimer(): void {
    if (!this.isRunning) return
    this.#timerMs = Number.POSITIVE_INFINITY
    this.#awake = this.now
    this.carryOut(this.replica.tick(this.now))
  }
}

/** One end does not want the other. */
function isRejection(reason: string): boolean {
  return reason.startsWith('SESSIONMESH_') || ['duplicate', 'self', 'starts afresh'].includes(reason)
}

/** Timers are late, each by a little. */
const BEAT_LATE_MS = 20
/** What timers and the queue of a busy loop take. */
const LATE_MS = 300
