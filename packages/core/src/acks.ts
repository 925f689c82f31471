/** Writes that wait for peers to hold them. What a peer's digest covers it holds, however it told so. */

import type { Context } from './context.js'
import type { Peer } from './members.js'
import type { Instant, Stamp } from './stamp.js'

/**
 * `all` that have joined, if there is one: a joiner is given what is written meanwhile, but its transfer may last. `each`
 * living peer.
 */
type Need = 'one' | 'all' | 'each'

interface Pending {
  readonly ack: number
  readonly stamps: readonly Stamp[]
  readonly need: Need
  deadlineMs: number
}

export class PendingAcks {
  readonly #context: Context
  #pending: Pending[] = []
  #last = 0

  constructor(context: Context) {
    this.#context = context
  }

  /** An `acked` effect with the number returned follows. */
  expect(stamps: readonly Stamp[], need: 'one' | 'all', now: Instant): number {
    return this.#expect(stamps, need, now.monoMs + this.#context.config.ackTimeoutMs)
  }

  /**
   * For a graceful leave: an `acked` effect follows when every living peer holds all that is here, a joiner that is still
   * being sent it included. (What a living member wrote as well: it may be about to die.)
   */
  expectHandover(now: Instant): number {
    const { digest, config } = this.#context
    return this.#expect(digest.entries(), 'each', now.monoMs + config.handoverTimeoutMs)
  }

  get isWaiting(): boolean {
    return this.#pending.length > 0
  }

  /** A peer told more of what it holds, or the members changed. */
  check(): void {
    if (this.#pending.length === 0) return
    const living = this.#context.members.livingPeers()
    this.#pending = this.#pending.filter(({ ack, stamps, need }) => {
      const lacking = living.filter(({ digest }) => !digest.coversAll(stamps))
      const peers = living.length - lacking.length
      // (Who is silent may have joined since.)
      const joins = ({ isJoining, state }: Peer) => isJoining && state === 'alive'
      const isHeldByJoined = need === 'all' && peers > 0 && lacking.every(joins)
      const isHeld = need === 'one' ? peers > 0 : lacking.length === 0 || isHeldByJoined
      if (need === 'one' && living.length === 0) this.#miss(ack, peers, 'SESSIONMESH_NO_PEER')
      else if (isHeld) this.#context.effect({ type: 'acked', ack, peers })
      else return true
      return false
    })
  }

  /** This member stood still, and its peers with it as far as it can tell. */
  creditStall(lateMs: number): void {
    for (const pending of this.#pending) pending.deadlineMs += lateMs
  }

  tick(now: Instant): void {
    this.#pending = this.#pending.filter(({ ack, stamps, deadlineMs }) => {
      if (deadlineMs > now.monoMs) return true
      this.#miss(ack, countHolding(stamps, this.#context.members.livingPeers()), 'SESSIONMESH_ACK_TIMEOUT')
      return false
    })
  }

  nextMs(): number {
    return this.#pending.reduce(
      (next, { deadlineMs }) => Math.min(next, deadlineMs),
      Number.POSITIVE_INFINITY,
    )
  }

  #expect(stamps: readonly Stamp[], need: Need, deadlineMs: number): number {
    const ack = ++this.#last
    this.#pending.push({ ack, stamps, need, deadlineMs })
    this.check()
    return ack
  }

  #miss(ack: number, peers: number, missing: 'SESSIONMESH_NO_PEER' | 'SESSIONMESH_ACK_TIMEOUT'): void {
    this.#context.counters.missedAcks++
    this.#context.effect({ type: 'acked', ack, peers, missing })
  }
}

function countHolding(stamps: readonly Stamp[], peers: readonly Peer[]): number {
  return peers.filter(({ digest }) => digest.coversAll(stamps)).length
}
