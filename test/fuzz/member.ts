/** An honest member: the machine, driven as the agent's runner does it, and what it tells people, on virtual time. */

import {
  type Config,
  type Effect,
  type Instant,
  Replica,
  SessionMeshError,
  sentMsOf,
} from '@sessionmesh/core'
import type { World } from '../sim/world.js'
import { type Decode, encodeFrame, isAside, Kept, LocalDiagnostics } from './agent.js'
import type { End, Owner } from './wires.js'

export interface MemberHooks {
  readonly decode: Decode
  dial(member: Member, address: string): void
  /** A link is dropped here: for what came on it, if the reason is a code. */
  dropped(member: Member, end: End, reason: string): void
  sent(member: Member, frame: Uint8Array): void
  warned(code: string, message: string): void
  anew(member: Member): void
}

export const EPOCH_MS = 1_800_000_000_000

export class Member implements Owner {
  readonly name: string
  readonly address: string
  readonly diagnostics: InstanceType<typeof LocalDiagnostics>
  readonly ends = new Map<number, End>()
  id: string
  replica: Replica
  isReady = false
  /** Changes of what it holds. */
  changes = 0
  /** Dials under way. */
  dials = 0
  readonly #world: World
  readonly #config: Config
  readonly #hooks: MemberHooks
  readonly #offsetMs: number
  #runs = 1
  #timerMs = Number.POSITIVE_INFINITY
  #timer = 0
  #willFlush = false

  constructor(world: World, name: string, config: Config, hooks: MemberHooks) {
    this.#world = world
    this.#config = config
    this.#hooks = hooks
    this.#offsetMs = world.random.between(0, 1e6)
    this.name = name
    this.id = `${name}1`
    this.address = `${name}:7373`
    this.replica = this.#newReplica()
    this.diagnostics = new LocalDiagnostics({
      config,
      self: () => this,
      isReady: () => this.isReady,
      replica: () => this.replica,
      counters: () => this.replica.counters,
      links: () => this.ends.values(),
      now: () => this.now,
      sampled: () => {},
    })
  }

  get now(): Instant {
    const { nowMs } = this.#world
    return { wallMs: Math.floor(EPOCH_MS + nowMs), monoMs: nowMs + this.#offsetMs }
  }

  start(addresses: readonly string[]): void {
    this.run(this.replica.start(addresses, this.now))
  }

  linkUp(end: End): void {
    this.ends.set(end.id, end)
    const { dialled, remoteHost } = end
    if (dialled !== undefined) this.dials--
    this.run(this.replica.linkUp(end.id, { dialled, remoteHost }, this.now))
  }

  dialFailed(address: string, failure: 'refused' | 'unreachable'): void {
    this.dials--
    this.run(this.replica.dialFailed(address, failure, this.now))
  }

  /** As the runner's `onFrame`. */
  frame(end: End, frame: Uint8Array): void {
    end.meter.received(frame.length)
    let wire: unknown
    try {
      wire = this.#hooks.decode(frame)
    } catch (error) {
      if (!(error instanceof SessionMeshError)) throw error
    }
    if (isAside(wire) && this.replica.isLinked(end.id)) return this.diagnostics.onFrame(end, wire)
    const readAt = this.now
    this.run(this.replica.receive(end.id, wire, readAt))
    const sent = sentMsOf(wire)
    if (sent !== undefined) end.meter.arrived(sent.ms, sent.isDelta, readAt, this.now.monoMs)
  }

  closed(end: End, reason: string): void {
    if (!this.ends.delete(end.id)) return
    this.diagnostics.onClosed(end)
    this.run(this.replica.linkDown(end.id, reason, this.now))
  }

  run(effects: readonly Effect[]): void {
    for (const effect of effects) this.#carryOut(effect)
    this.#arm()
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        return this.#send(effect)
      case 'drop': {
        const end = this.ends.get(effect.link)
        if (end === undefined) return
        this.#hooks.dropped(this, end, effect.reason)
        return end.close(effect.reason)
      }
      case 'dial':
        this.dials++
        return this.#hooks.dial(this, effect.address)
      case 'notify':
        if (effect.event.type === 'ready') this.isReady = true
        if (effect.event.type === 'warning') this.#hooks.warned(effect.event.code, effect.event.message)
        return
      case 'forgotten':
        return this.#beginAnew(effect)
      case 'flush':
        return this.#flushSoon()
      case 'acked':
      case 'caughtUp':
        return
    }
  }

  #send({ links, message, resume }: Extract<Effect, { type: 'send' }>): void {
    const frame = encodeFrame(message, this.id)
    this.#hooks.sent(this, frame)
    for (const id of links) {
      const end = this.ends.get(id)
      if (end === undefined) continue
      end.send(frame)
      if (resume) end.onHanded(() => this.run(this.replica.drained(id, this.now)))
      if (end.bufferedBytes > this.#config.maxLinkBufferBytes) end.terminate()
    }
  }

  #beginAnew({ addresses, sought }: Extract<Effect, { type: 'forgotten' }>): void {
    this.#hooks.anew(this)
    for (const end of this.ends.values()) end.terminate()
    this.ends.clear()
    this.dials = 0
    this.id = `${this.name}${++this.#runs}`
    this.replica = this.#newReplica(sought)
    this.start(addresses)
  }

  #newReplica(sought?: Extract<Effect, { type: 'forgotten' }>['sought']): Replica {
    const { id, name, address } = this
    const count = () => {
      this.changes++
    }
    return new Replica({
      self: { id, name, address },
      cluster: 'fuzz',
      config: this.#config,
      random: this.#world.random.next,
      sought,
      observer: { changed: count, ended: count },
      keep: new Kept(),
    })
  }

  #flushSoon(): void {
    if (this.#willFlush) return
    this.#willFlush = true
    this.#world.after(0, () => {
      this.#willFlush = false
      this.run(this.replica.flush(this.now))
    })
  }

  #arm(): void {
    const dueMs = this.replica.nextTickMs() - this.#offsetMs
    if (dueMs >= this.#timerMs) return
    this.#timerMs = dueMs
    const timer = ++this.#timer
    this.#world.after(Math.max(1, dueMs - this.#world.nowMs), () => {
      if (this.#timer !== timer) return
      this.#timerMs = Number.POSITIVE_INFINITY
      this.run(this.replica.tick(this.now))
    })
  }
}
