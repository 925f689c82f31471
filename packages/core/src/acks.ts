/** Writes that wait for peers to hold them. What a peer's digest covers it holds, however it told so. */

import type { Context } from './context.js'
import type { Instant, Stamp } from './stamp.js'

interface Pending {
  readonly ack: number
  readonly stamp: Stamp
  readonly need: 'one' | 'all'
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
  expect(stamp: Stamp, need: 'one' | 'all', now: Instant): number {
    const ack = ++this.#last
    this.#pending.push({ ack, stamp, need, deadlineMs: now.monoMs + this.#context.config.ackTimeoutMs })
    this.check()
    return ack
  }

  get isWaiting(): boolean {
    return this.#pending.length > 0
  }

  /** A peer told more of what it holds, or the members changed. */
  check(): void {
    if (this.#pending.length === 0) return
    const living = this.#context.members.livingPeers()
    this.#pending = this.#pending.filter(({ ack, stamp, need }) => {
      const peers = living.filter((peer) => peer.digest.covers(stamp)).length
      if (need === 'one' && living.length === 0) this.#miss(ack, peers, 'SESSIONMESH_NO_PEER')
      else if (need === 'one' ? peers > 0 : peers === living.length)
        this.#context.effect({ type: 'acked', ack, peers })
      else return true
      return false
    })
  }

  /** This member stood still, and its peers with it as far as it can tell. */
  creditStall(lateMs: number): void {
    for (const pending of this.#pending) pending.deadlineMs += lateMs
  }

  tick(now: Instant): void {
    this.#pending = this.#pending.filter(({ ack, stamp, deadlineMs }) => {
      if (deadlineMs > now.monoMs) return true
      const peers = this.#context.members.livingPeers().filter((peer) => peer.digest.covers(stamp)).length
      this.#miss(ack, peers, 'SESSIONMESH_ACK_TIMEOUT')
      return false
    })
  }

  nextMs(): number {
    return this.#pending.reduce(
      (next, { deadlineMs }) => Math.min(next, deadlineMs),
      Number.POSITIVE_INFINITY,
    )
  }

  #miss(ack: number, peers: number, missing: 'SESSIONMESH_NO_PEER' | 'SESSIONMESH_ACK_TIMEOUT'): void {
    this.#context.counters.missedAcks++
    this.#context.effect({ type: 'acked', ack, peers, missing })
  }
}
