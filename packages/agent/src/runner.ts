/**
 * Runs the core's state machine in the world: sockets and timers become inputs, effects become frames, dials
 * and events. One loop, one unref'd timer; no rule of the protocol lives here.
 */

import { performance } from 'node:perf_hooks'
import {
  type CoreEvent,
  type Effect,
  type ErrorCode,
  type Instant,
  type Purge,
  type Replica,
  SessionMeshError,
  sentMsOf,
} from '@sessionmesh/core'
import { isFar } from './address.js'
import type { Strangers } from './admission.js'
import { isAside } from './diagnostics/frames.js'
import { decodeFrame, encodeFrame } from './frames.js'
import type { DialReport, Link, Links } from './links.js'
import { Safety } from './safety.js'

export interface RunnerEvents {
  core(event: CoreEvent): void
  /** Of a member. */
  warning(code: ErrorCode, message: string, address: string): void
  /** Of who has not shown that he is one: anybody may cause any number of them, at ever new addresses. */
  unproven(code: ErrorCode, message: string, where: string): void
  dialFailed(address: string, report: DialReport): void
  /** A peer asked, or answered, what is no business of the protocol. */
  aside(link: Link, wire: readonly unknown[]): void
  /** A link has ended. */
  closed(link: Link): void
  /** The cluster has gone on without this run: call `beginAnew`; who goes on is at these addresses. */
  forgotten(addresses: readonly string[], sought: readonly Purge[]): void
}

export interface RunnerOptions {
  readonly id: string
  readonly roomInFrames: number
  readonly maxLinkBufferBytes: number
  readonly isLoopbackOnly: boolean
}

export interface AckResult {
  readonly peers: number
  readonly missing: ErrorCode | undefined
}

/** `'forgotten'`: the run that was asked is over, and another one has begun. */
export type Outcome = 'done' | 'forgotten'

interface Flush {
  readonly done: Promise<void>
  end(outcome: Outcome): void
}

export class Runner {
  #replica: Replica
  readonly #links: Links
  #id: string
  readonly #roomInFrames: number
  readonly #maxLinkBufferBytes: number
  readonly #isLoopbackOnly: boolean
  readonly #events: RunnerEvents
  readonly #linksById = new Map<number, Link>()
  readonly #acks = new Map<number, (result: AckResult) => void>()
  readonly #waits = new Map<number, (outcome: Outcome) => void>()
  #queue: Effect[] = []
  #isRunning = false
  #timer: NodeJS.Timeout | undefined
  #timerMs = Number.POSITIVE_INFINITY
  #flush: Flush | undefined
  /** Sent, and not safe yet. */
  #sentLast: Flush | undefined
  readonly #safety = new Safety()
  #isStopped = false
  #onLastClosed = () => {}

  constructor(
    replica: Replica,
    links: Links,
    { id, roomInFrames, maxLinkBufferBytes, isLoopbackOnly }: RunnerOptions,
    events: RunnerEvents,
  ) {
    this.#replica = replica
    this.#isLoopbackOnly = isLoopbackOnly
    this.#links = links
    this.#id = id
    this.#roomInFrames = roomInFrames
    this.#maxLinkBufferBytes = maxLinkBufferBytes
    this.#events = events
  }

  get replica(): Replica {
    return this.#replica
  }

  /** Of the member, as others know this run of it. */
  get id(): string {
    return this.#id
  }

  get strangers(): Strangers {
    return this.#links.strangers
  }

  get links(): Iterable<Link> {
    return this.#linksById.values()
  }

  now(): Instant {
    return { wallMs: Date.now(), monoMs: performance.now() }
  }

  /** Carries out what an input caused. A listener of the user may cause more: that comes after it. */
  run(effects: readonly Effect[]): void {
    for (const effect of effects) this.#queue.push(effect)
    if (this.#isRunning) return
    this.#isRunning = true
    try {
      for (let effect = this.#queue.shift(); effect !== undefined; effect = this.#queue.shift())
        this.#carryOut(effect)
    } finally {
      // Whatever went wrong with one effect, the timer and the next input must find the loop in order.
      this.#isRunning = false
      this.#arm()
    }
  }

  /** Resolves with the outcome of the acks that the core counts under this number. */
  acked(ack: number): Promise<AckResult> {
    return new Promise((resolve) => this.#acks.set(ack, resolve))
  }

  caughtUp(wait: number): Promise<Outcome> {
    return new Promise((resolve) => this.#waits.set(wait, resolve))
  }

  /**
   * When all that was written so far outlives this process, on every link that takes it (`Link.isSafe`, `safety.ts`).
   * `undefined` when it does.
   */
  flushed(): Promise<void> | undefined {
    return (this.#flush ?? this.#sentLast)?.done
  }

  flushNow(): void {
    const flush = this.#flush
    this.#flush = undefined
    if (this.#isStopped) return flush?.end('done')
    const effects = this.replica.flush(this.now())
    const wasSafe = this.#isSafe()
    this.run(effects)
    const isAtOnce = wasSafe && this.#isSmall() && effects.filter(({ type }) => type === 'send').length <= 1
    // Node hands the first frame on an idle link to the system within `send`, and what follows it in the
    // same phase of the loop one phase later.
    if (flush === undefined) return
    const behind = this.#whenCaughtUp()
    // The others may have given this member up while it stood still, and cut the links that this went out on.
    if (behind !== undefined) behind.then((outcome) => flush.end(outcome))
    else if (isAtOnce) flush.end('done')
    else this.#endWhenSafe(flush)
  }

  #endWhenSafe(flush: Flush): void {
    this.#sentLast = flush
    setImmediate(async () => {
      await this.#safety.reached(this.#linksById.values())
      if (this.#sentLast === flush) this.#sentLast = undefined
      flush.end('done')
    })
  }

  /** Says goodbye to every peer, and waits until it is said or nobody takes it. */
  async leave(): Promise<void> {
    this.flushNow()
    this.run(this.replica.leave(this.now()))
    this.stop()
    for (const link of this.#linksById.values()) link.close('leave')
    if (this.#linksById.size > 0) await new Promise<void>((resolve) => (this.#onLastClosed = resolve))
    await this.#links.close()
  }

  /** Goes on with another run of the core, as a newcomer: nothing of the former one is left. */
  beginAnew(replica: Replica, id: string): void {
    this.#queue = []
    this.#giveUp('SESSIONMESH_FORGOTTEN_MEMBER', 'forgotten')
    this.#replica = replica
    this.#id = id
    const links = [...this.#linksById.values()]
    this.#linksById.clear()
    for (const link of links) link.terminate()
    // Their ends would be taken for those of the new run's, which dials the same addresses; and who made it begin anew again and
    // again would make it open sockets without end.
    this.#links.giveUpDials()
  }

  /** Nothing goes in or out any more. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#giveUp('SESSIONMESH_CLOSED', 'done')
  }

  #giveUp(missing: ErrorCode, outcome: Outcome): void {
    for (const flush of [this.#flush, this.#sentLast]) flush?.end(outcome)
    this.#flush = undefined
    this.#sentLast = undefined
    for (const resolve of this.#waits.values()) resolve(outcome)
    for (const resolve of this.#acks.values()) resolve({ peers: 0, missing })
    this.#waits.clear()
    this.#acks.clear()
  }

  #whenCaughtUp(): Promise<Outcome> | undefined {
    if (!this.replica.isBehind) return undefined
    const { wait, effects } = this.replica.catchUp('', [], this.now())
    const caughtUp = wait === undefined ? undefined : this.caughtUp(wait)
    this.run(effects)
    return caughtUp
  }

  #isSafe(): boolean {
    for (const link of this.#linksById.values()) if (!link.isSafe) return false
    return true
  }

  /** The operating system takes it whole, where it has taken all before. */
  #isSmall(): boolean {
    for (const link of this.#linksById.values()) if (link.bufferedBytes > TAKEN_AT_ONCE_BYTES) return false
    return true
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        return this.#send(effect)
      case 'drop':
        return this.#linksById.get(effect.link)?.close(effect.reason)
      case 'dial':
        return this.#dial(effect.address)
      case 'notify':
        return this.#events.core(effect.event)
      case 'forgotten':
        return this.#events.forgotten(effect.addresses, effect.sought)
      case 'flush':
        return this.#flushSoon()
      case 'acked':
        this.#acks.get(effect.ack)?.({ peers: effect.peers, missing: effect.missing })
        this.#acks.delete(effect.ack)
        return
      case 'caughtUp':
        this.#waits.get(effect.wait)?.('done')
        this.#waits.delete(effect.wait)
        return
    }
  }

  /** Without a secret whoever tells of an address must not make this member connect beyond its machine. */
  #dial(address: string): void {
    if (this.#isStopped) return
    if (!this.#isLoopbackOnly || !isFar(address)) return this.#links.dial(address)
    const message = `${address} is not of this machine, and there is no secret.`
    setImmediate(() => this.onDialFailed(address, { kind: 'other', message }))
  }

  #send({ links, message, resume }: Extract<Effect, { type: 'send' }>): void {
    const frame = encodeFrame(message, this.#id)
    for (const id of links) {
      const link = this.#linksById.get(id)
      if (link === undefined) continue
      link.send(frame)
      if (resume) link.onHanded(() => this.#onHanded(link))
      if (link.bufferedBytes > this.#maxLinkBufferBytes) this.#cutSlow(link)
    }
  }

  /** The next hello repairs what is cut off here. Keeping it all would be without bound. */
  #cutSlow(link: Link): void {
    const message = `${link.bufferedBytes} bytes wait for it, more than config.maxLinkBufferBytes: its link is cut`
    this.#events.warning('SESSIONMESH_LINK_TOO_SLOW', message, link.dialled ?? link.remoteHost)
    link.terminate()
  }

  // ---- what the links tell ----

  onOpen(link: Link): void {
    if (this.#isStopped) return link.terminate()
    this.#linksById.set(link.id, link)
    this.run(this.replica.linkUp(link.id, { dialled: link.dialled, remoteHost: link.remoteHost }, this.now()))
  }

  onFrame(link: Link, frame: Uint8Array): void {
    if (this.#isStopped) return
    let wire: unknown
    try {
      wire = decodeFrame(frame, this.#roomInFrames)
    } catch (error) {
      if (!(error instanceof SessionMeshError)) throw error
      return this.run(this.replica.unreadable(link.id, error, this.now()))
    }
    if (isAside(wire) && this.replica.isLinked(link.id)) return this.#events.aside(link, wire)
    const readAt = this.now()
    this.run(this.replica.receive(link.id, wire, readAt))
    const sent = sentMsOf(wire)
    if (sent !== undefined) link.meter.arrived(sent.ms, sent.isDelta, readAt, performance.now())
  }

  onClosed(link: Link, reason: string, error?: Error): void {
    this.#linksById.delete(link.id)
    this.#events.closed(link)
    if (this.#linksById.size === 0) this.#onLastClosed()
    if (this.#isStopped) return
    // A fault is named by its code, so that it is not taken for a link that merely broke.
    const why = error instanceof SessionMeshError ? error.code : reason
    this.run(this.replica.linkDown(link.id, why, this.now()))
  }

  #onHanded(link: Link): void {
    if (!this.#isStopped) this.run(this.replica.drained(link.id, this.now()))
  }

  onDialFailed(address: string, report: DialReport): void {
    if (this.#isStopped) return
    const { kind, message, code } = report
    this.#events.dialFailed(address, report)
    if (code !== undefined) this.#events.unproven(code, message, address)
    const failure = kind === 'refused' ? 'refused' : kind === 'rejected' ? 'rejected' : 'unreachable'
    this.run(this.replica.dialFailed(address, failure, this.now()))
  }

  /** Strangers without a code are port scanners and the like: no business of the user's. */
  onRefused(remoteHost: string, message: string, code?: ErrorCode): void {
    if (code === undefined || this.#isStopped) return
    this.#events.unproven(code, `A connection from ${remoteHost} is refused: ${message}`, remoteHost)
  }

  /** All requests of one turn of the loop go out as one message, before the turn ends. */
  #flushSoon(): void {
    if (this.#flush !== undefined) return
    this.#flush = newFlush()
    setImmediate(() => this.flushNow())
  }

  #arm(): void {
    if (this.#isStopped) return
    const dueMs = this.replica.nextTickMs()
    // Later than armed for: the tick that comes finds nothing to do, which costs less than a new timer each time.
    if (dueMs >= this.#timerMs) return
    clearTimeout(this.#timer)
    this.#timerMs = dueMs
    this.#timer = setTimeout(() => this.#onTimer(), Math.max(1, Math.ceil(dueMs - performance.now())))
    this.#timer.unref()
  }

  #onTimer(): void {
    this.#timerMs = Number.POSITIVE_INFINITY
    this.run(this.replica.tick(this.now()))
  }
}

function newFlush(): Flush {
  let end: Flush['end'] = () => {}
  const done = new Promise<void>((resolve, reject) => {
    end = (outcome) => (outcome === 'done' ? resolve() : reject(new SessionMeshError(FORGOTTEN, GONE)))
  })
  // Who does not look at the promise has not asked for the error either.
  done.catch(() => {})
  return { done, end }
}

/** The least that a socket's buffer has room for (Linux begins with 16 KiB). */
const TAKEN_AT_ONCE_BYTES = 16_000

const FORGOTTEN = 'SESSIONMESH_FORGOTTEN_MEMBER'
const GONE = 'The cluster had gone on without this member, and what was written here right now is gone'
