/**
 * Links between hosts as TCP gives them: in order, delayed, and silent about a cut. What is sent into a cut
 * waits and comes after it, late; what is in flight when an end dies may be lost. A reader that stands still
 * leaves everything with the sender.
 */

import { Packed, type Wire } from '@sessionmesh/core'
import type { Run } from './run.js'
import type { World } from './world.js'

type Frame =
  | { readonly kind: 'up' }
  | { readonly kind: 'wire'; readonly wire: Wire; readonly text: string; readonly bytes: number }
  | { readonly kind: 'close'; readonly reason: string }

interface Queued {
  readonly frame: Frame
  readonly readyMs: number
  /** It is with the operating system of the other side. */
  readonly onArrived: (() => void) | undefined
}

/** One end of a link, and the frames on their way from it to the other. */
export interface End {
  readonly id: number
  readonly run: Run
  readonly dialled: string | undefined
  /** Where the other end is seen. */
  readonly remoteHost: string
  peer: End
  /** This side has not closed it, nor been told that it is closed. */
  isOpen: boolean
  /** When it said hello; `-Infinity` before that. */
  beganMs: number
  readonly frames: Queued[]
  lastReadyMs: number
  /** The next pump is on its way. */
  isPumping: boolean
  resumeMs: number
  /** Sent from here and not read at the other end. */
  unreadBytes: number
}

/** What a slow link adds to a frame's way, at most. */
export const SLOWEST_MS = 600

export class Network {
  readonly #world: World
  /** From one host to another; two entries for a cut both ways. */
  readonly #cuts = new Map<number, { from: number; to: number; sinceMs: number; depth: number }>()
  readonly #healed = new Map<number, number>()
  readonly #slow = new Map<number, number>()
  readonly #troubled = new Map<number, number>()
  readonly #ends = new Set<End>()
  /** All is made good: nothing more is lost on its way. */
  isHealed = false
  readonly #scaleMs: number
  readonly #countsBytes: boolean
  #lastId = 0

  /** @param countsBytes buffers are so small that they may run over. */
  constructor(world: World, scaleMs: number, countsBytes: boolean) {
    this.#world = world
    this.#scaleMs = scaleMs
    this.#countsBytes = countsBytes
  }

  /** The two ends of a new link; the acceptor learns of it when the first frame arrives. */
  connect(from: Run, to: Run, address: string, seenAt: string): End {
    const hostOf = (at: string) => at.replace(/:.*/, '')
    const end = (run: Run, dialled: string | undefined): End => ({
      id: ++this.#lastId,
      run,
      dialled,
      remoteHost: hostOf(dialled ?? seenAt),
      isOpen: true,
      beganMs: Number.NEGATIVE_INFINITY,
      frames: [],
      lastReadyMs: 0,
      isPumping: false,
      resumeMs: 0,
      unreadBytes: 0,
      peer: undefined as never,
    })
    const dialler = end(from, address)
    const acceptor = end(to, undefined)
    dialler.peer = acceptor
    acceptor.peer = dialler
    this.#ends.add(dialler).add(acceptor)
    this.#push(dialler, { kind: 'up' })
    return dialler
  }

  /** (The wire is made for this, and parsing it takes nothing over as it is: members share no objects.) */
  send(end: End, wire: Wire, text: string, onArrived: (() => void) | undefined): void {
    const bytes = this.#countsBytes ? sizeOf(wire) : 0
    end.unreadBytes += bytes
    this.#push(end, { kind: 'wire', wire, text, bytes }, onArrived)
  }

  /** Closes one side: what it sent before still arrives, unless `isAbrupt`. */
  close(end: End, reason: string, isAbrupt: boolean): void {
    if (!end.isOpen) return
    end.isOpen = false
    if (isAbrupt) end.frames.length = 0
    this.#push(end, { kind: 'close', reason })
  }

  /** The process at these ends is gone: its system says so to the other side, or nobody does. */
  crash(run: Run, isSilent: boolean): void {
    for (const end of this.#endsOf(run)) {
      if (isSilent) this.#lose(end)
      else this.close(end, 'the connection was lost', this.#world.random.chance(0.5))
    }
  }

  /** Its system is gone as well, and with it what it would have sent again. */
  #lose(end: End): void {
    end.isOpen = false
    const isWaiting = this.#cuts.has(way(end.run.host, end.peer.run.host)) || end.resumeMs > this.#world.nowMs
    if (isWaiting) end.frames.length = 0
  }

  /** The process ends as it should: what it has sent arrives before the end. */
  leave(run: Run): void {
    for (const end of this.#endsOf(run)) this.close(end, 'leave', false)
  }

  /** The host is up again, without memory of these links: whoever still uses them is told. */
  forget(run: Run): void {
    for (const end of this.#endsOf(run)) {
      end.frames.length = 0
      this.#push(end, { kind: 'close', reason: 'the connection was lost' })
    }
  }

  /** Breaks all links between two hosts; each side notices by itself. */
  reset(a: number, b: number): void {
    this.#trouble(a, b, this.#world.nowMs)
    for (const end of this.#ends) {
      if (end.run.host !== a || end.peer.run.host !== b) continue
      for (const side of [end, end.peer]) side.frames.length = 0
      for (const side of [end, end.peer])
        this.#push(side, { kind: 'close', reason: 'the connection was lost' })
    }
  }

  /** A process cut one of its links. */
  troubled(a: number, b: number): void {
    this.#trouble(a, b, this.#world.nowMs)
  }

  /** Nothing arrives from one host at another until it is healed as often as it was cut. */
  cut(from: number, to: number): void {
    const cut = this.#cuts.get(way(from, to))
    if (cut === undefined) this.#cuts.set(way(from, to), { from, to, sinceMs: this.#world.nowMs, depth: 1 })
    else cut.depth++
  }

  heal(from: number, to: number): void {
    const cut = this.#cuts.get(way(from, to))
    if (cut === undefined || --cut.depth > 0) return
    this.#cuts.delete(way(from, to))
    this.#healed.set(pair(from, to), this.#world.nowMs)
    const lastedMs = this.#world.nowMs - cut.sinceMs
    for (const end of this.#ends) {
      if (end.run.host !== from || end.peer.run.host !== to) continue
      // The sender's system tries again in ever longer intervals, and so resumes late.
      end.resumeMs = this.#world.nowMs + this.#world.random.between(0, Math.min(lastedMs, 5_000))
      this.#trouble(from, to, end.resumeMs)
      this.#pump(end)
    }
  }

  healAll(): void {
    this.isHealed = true
    for (const cut of [...this.#cuts.values()]) {
      cut.depth = 1
      this.heal(cut.from, cut.to)
    }
    // (What is on its way still is.)
    for (const each of this.#slow.keys()) this.#troubledUntil(each, this.#world.nowMs)
    this.#slow.clear()
  }

  /** In either direction: no connection can be made. */
  isCut(a: number, b: number): boolean {
    return this.#cuts.has(way(a, b)) || this.#cuts.has(way(b, a))
  }

  /** Since when without a break, in one direction at least. */
  cutSinceMs(a: number, b: number): number {
    const sinceMs = (from: number, to: number) => this.#cuts.get(way(from, to))?.sinceMs
    return Math.min(sinceMs(a, b) ?? Number.POSITIVE_INFINITY, sinceMs(b, a) ?? Number.POSITIVE_INFINITY)
  }

  /** When the two were last cut off from each other. */
  lastCutMs(a: number, b: number): number {
    return this.isCut(a, b) ? this.#world.nowMs : (this.#healed.get(pair(a, b)) ?? Number.NEGATIVE_INFINITY)
  }

  /** When anything last kept the two from hearing each other at once. */
  lastTroubleMs(a: number, b: number): number {
    if (this.#slow.has(pair(a, b))) return this.#world.nowMs
    return Math.max(this.lastCutMs(a, b), this.#troubled.get(pair(a, b)) ?? Number.NEGATIVE_INFINITY)
  }

  slow(a: number, b: number, delayMs: number): void {
    this.#trouble(a, b, this.#world.nowMs)
    if (delayMs === 0) this.#slow.delete(pair(a, b))
    else this.#slow.set(pair(a, b), delayMs)
  }

  delayMs(a: number, b: number): number {
    const slowMs = this.#slow.get(pair(a, b)) ?? 0
    return this.#world.random.skewed(0.05, this.#scaleMs * 4) + this.#world.random.between(0, slowMs)
  }

  #trouble(a: number, b: number, untilMs: number): void {
    this.#troubledUntil(pair(a, b), untilMs)
  }

  #troubledUntil(each: number, untilMs: number): void {
    this.#troubled.set(each, Math.max(this.#troubled.get(each) ?? 0, untilMs))
  }

  /** An input has been queued at the receiver, or may now be delivered. */
  #pump(end: End): void {
    const next = end.frames[0]
    if (next === undefined || end.isPumping) return
    if (this.#cuts.has(way(end.run.host, end.peer.run.host))) return
    end.isPumping = true
    this.#world.after(Math.max(next.readyMs, end.resumeMs) - this.#world.nowMs, () => {
      end.isPumping = false
      if (this.#cuts.has(way(end.run.host, end.peer.run.host))) return
      const arrived = end.frames.shift()
      if (arrived !== undefined) this.#deliver(end, arrived)
      this.#pump(end)
    })
  }

  #deliver(from: End, { frame, onArrived }: Queued): void {
    const end = from.peer
    const { run } = end
    if (frame.kind === 'close') this.#ends.delete(from)
    onArrived?.()
    run.input(() => {
      if (frame.kind === 'wire') from.unreadBytes -= frame.bytes
      if (!end.isOpen) return
      switch (frame.kind) {
        case 'up':
          return run.linkUp(end)
        case 'wire':
          return run.receive(end, frame.wire, frame.text)
        case 'close':
          end.isOpen = false
          this.#ends.delete(end)
          return run.linkDown(end, frame.reason)
      }
    })
  }

  #push(end: End, frame: Frame, onArrived?: () => void): void {
    const delayMs = this.delayMs(end.run.host, end.peer.run.host)
    end.lastReadyMs = Math.max(end.lastReadyMs, this.#world.nowMs + delayMs)
    end.frames.push({ frame, readyMs: end.lastReadyMs, onArrived })
    this.#pump(end)
  }

  *#endsOf(run: Run): Generator<End> {
    for (const end of this.#ends) if (end.run === run) yield end
  }
}

/** (A number and no text: it is asked for with each frame.) */
function way(from: number, to: number): number {
  return from * MAX_HOSTS + to
}

function pair(a: number, b: number): number {
  return way(Math.min(a, b), Math.max(a, b))
}

const MAX_HOSTS = 16

/** About what it would be on a wire. */
function sizeOf(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + sizeOf(item), 2)
  if (value instanceof Packed) return 2 + value.latin1.length
  return typeof value === 'string' ? 2 + value.length : 2
}
