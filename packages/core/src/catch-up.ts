/**
 * Whether this member holds what it should: not before it has joined, nor right after it stood still. Until then it
 * serves no read and forgets nothing; and what it did not hear meanwhile it holds against nobody.
 */

import type { Context } from './context.js'
import type { LinkId, Peer } from './members.js'
import type { Pulls } from './pulls.js'
import type { Instant } from './stamp.js'

/** Who might still come, and tell more. */
export interface Expected {
  /** Addresses that have neither answered nor refused. */
  readonly silent: readonly string[]
  /** Somebody has come, and not said hello yet. */
  readonly isGreeting: boolean
}

export class CatchUp {
  readonly #context: Context
  readonly #pulls: Pulls
  readonly #creditWaits: (ms: number) => void
  /** `undefined` until it is told to join. */
  #joinDeadlineMs: number | undefined
  #isDiscovering = false
  /** The last tick: more than a heartbeat without another one, and this member stands still, whatever it does itself. */
  #ran: Instant | undefined
  /** How much of the present stall is credited so far, and when it last asked in it. */
  #creditedMs = 0
  #asked: Instant | undefined
  /** Since when it may have missed what happened, because it stood still. */
  #behindSinceMs: number | undefined

  /** @param creditWaits gives what waits here for others so many ms more */
  constructor(context: Context, pulls: Pulls, creditWaits: (ms: number) => void) {
    this.#context = context
    this.#creditWaits = creditWaits
    this.#pulls = pulls
  }

  join(isDiscovering: boolean, now: Instant): void {
    this.#isDiscovering = isDiscovering
    this.#joinDeadlineMs = now.monoMs + this.#context.config.joinTimeoutMs
  }

  discovered(): void {
    this.#isDiscovering = false
  }

  /**
   * A member that stood still has heard nobody: it accuses nobody, and asks what it has missed. Whatever input comes
   * first finds out, and one long turn that goes on is noticed as it goes. Only a tick shows its end (`cameRound`).
   */
  noticeStall(now: Instant): void {
    const { config, counters } = this.#context
    const lateMs = this.#lateMs(now)
    const standsMs = this.#asked === undefined ? this.#standsMs(now) : elapsedMs(this.#asked, now)
    const wasKnown = this.#standsStill
    if (lateMs - this.#creditedMs > config.heartbeatMs) this.#credit(lateMs, now)
    if (standsMs > config.suspectAfterMs) {
      if (this.#asked === undefined) this.#warn(standsMs)
      this.#ask(now)
    }
    if (!wasKnown && this.#standsStill) counters.stalls++
  }

  #warn(standsMs: number): void {
    const { config, isReady } = this.#context
    if (!isReady) return
    this.#context.warn(
      'SESSIONMESH_STALLED',
      `This process stood still for ${Math.round(standsMs)} ms and more: something blocks its event loop, or stopped it or its ` +
        `host. From ${config.suspectAfterMs} ms on the others hold it for silent, from ${config.deadAfterMs} ms on they answer for its sessions`,
    )
  }

  /**
   * A tick: between two of them the loop reads what waits on every link. An own write shows nothing of the kind, nor does
   * a frame that is handed over; and a frame that is read shows it of one link.
   */
  cameRound(now: Instant): void {
    if (this.#creditedMs > 0) this.#credit(this.#lateMs(now), now)
    // What it asked within a long turn may have been answered before that was over.
    if (this.#asked !== undefined && elapsedMs(this.#asked, now) > 0) this.#ask(now)
    this.#ran = now
    this.#creditedMs = 0
    this.#asked = undefined
  }

  get #standsStill(): boolean {
    return this.#creditedMs > 0 || this.#asked !== undefined
  }

  #lateMs(now: Instant): number {
    return now.monoMs - (this.#ran ?? now).monoMs - this.#context.config.heartbeatMs
  }

  #standsMs(now: Instant): number {
    return elapsedMs(this.#ran ?? now, now) - this.#context.config.heartbeatMs
  }

  #credit(lateMs: number, now: Instant): void {
    const creditMs = lateMs - this.#creditedMs
    this.#creditedMs = lateMs
    this.#context.members.creditStall(creditMs, now)
    this.#creditWaits(creditMs)
    // Who was silent may have answered, and is still to be read.
    const untilMs = this.#joinUntilMs()
    if (untilMs !== undefined) this.#joinDeadlineMs = untilMs + creditMs
  }

  #ask(now: Instant): void {
    const { members, isReady } = this.#context
    this.#asked = now
    members.woke(now)
    if (!isReady) return
    this.#behindSinceMs = now.monoMs
    for (const peer of members.linked()) this.#pulls.want(peer.link as LinkId, peer, now, 'again')
  }

  /** Nothing is due that may tell of a later use of a session, or of its end. */
  get mayJudge(): boolean {
    return this.#context.isReady && this.#pulls.isIdle && this.#behindSinceMs === undefined
  }

  /** Until when at the latest it may lack what others have; `undefined` when it lacks nothing. */
  untilMs(): number | undefined {
    if (!this.#context.isReady) return this.#joinUntilMs()
    return this.#behindSinceMs === undefined
      ? undefined
      : this.#behindSinceMs + this.#context.config.deadAfterMs
  }

  /** True when it has just become ready, or has caught up. */
  check(expected: () => Expected, now: Instant): boolean {
    return this.#context.isReady ? this.#checkCaughtUp(now) : this.#checkReady(expected, now)
  }

  #checkReady(expected: () => Expected, now: Instant): boolean {
    const untilMs = this.#joinUntilMs()
    if (untilMs === undefined) return false
    const isOver = now.monoMs >= untilMs
    if (isOver) this.#pulls.takeAnybody(now)
    if (!this.#pulls.isIdle) return false
    const { silent, isGreeting } = expected()
    const brokenOff = this.#brokenOff()
    const isAwaited = silent.length > 0 || isGreeting || this.#isUnheard() || brokenOff.length > 0
    if (!isOver && isAwaited) return false
    for (const { name, address } of brokenOff) {
      const message = `${name} at ${address} has sessions that this member could not be given in time; it serves without them until it can. See the network between them`
      this.#context.warn('SESSIONMESH_JOIN_TIMEOUT', message, address)
    }
    for (const address of silent) {
      const message = `${address} was not linked within joinTimeoutMs; this member serves without its state. If it is gone for good, name it no more; else see that its port can be reached from here`
      this.#context.warn('SESSIONMESH_JOIN_TIMEOUT', message, address)
    }
    this.#context.becomeReady(now)
    return true
  }

  /**
   * Others are still looked for, or it begins anew because they went on without it: one of them will be found. (That
   * one tells of all the others.)
   */
  #isUnheard(): boolean {
    return (this.#isDiscovering || this.#context.isRejoining) && !this.#pulls.hasJoined
  }

  /**
   * The link to a living member broke before all that it is known to have was here: it will be back, or dead. With
   * nothing from anybody who had joined every living member is waited for.
   */
  #brokenOff(): Peer[] {
    const { members, digest } = this.#context
    const lacks = (peer: Peer) => !this.#pulls.hasJoined || digest.lacking(peer.digest.entries()).length > 0
    return members.livingPeers().filter((peer) => peer.link === undefined && lacks(peer))
  }

  #joinUntilMs(): number | undefined {
    if (this.#joinDeadlineMs === undefined) return undefined
    return Math.max(this.#joinDeadlineMs, this.#pulls.brokenOffMs + this.#context.config.joinTimeoutMs)
  }

  #checkCaughtUp(now: Instant): boolean {
    const untilMs = this.untilMs()
    if (untilMs === undefined) return false
    const isAnswered = this.#pulls.isIdle && this.#asked === undefined
    const areAllLinked = this.#context.members.livingPeers().every(({ link }) => link !== undefined)
    if (now.monoMs < untilMs && !(isAnswered && areAllLinked)) return false
    this.#behindSinceMs = undefined
    return true
  }
}

/**
 * By the clock that shows more: while a host is suspended its monotonic clock stands still as well. (A wall clock that is
 * set forward looks the same, and costs no more than a pull.)
 */
function elapsedMs(since: Instant, now: Instant): number {
  return Math.max(now.monoMs - since.monoMs, now.wallMs - since.wallMs)
}
