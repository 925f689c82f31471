/** This member's own writes, and the uses that it tells: merged here at once, and sent to all peers as one message per turn of the loop. */

import { inBatches } from './bounded.js'
import type { Context } from './context.js'
import type { DeltaMessage } from './messages.js'
import { bytesOf, type Delta, isTouch, type SessionRecord } from './session.js'
import type { Instant, Stamp } from './stamp.js'

interface Queued {
  readonly delta: Delta
  readonly stamp: Stamp
}

export class Outbox {
  readonly #context: Context
  #queue: Queued[] = []
  /** The last stamp that was sent. */
  #previous: Stamp | undefined

  constructor(context: Context) {
    this.#context = context
  }

  write(delta: Delta, stamp: Stamp, now: Instant): void {
    this.#context.absorb([delta], [stamp], now, { isLocal: true })
    if (this.#queue.push({ delta, stamp }) === 1) this.#context.effect({ type: 'flush' })
  }

  /** Tells all of the last use here, and whether the session's end has been told. */
  touch(record: SessionRecord, now: Instant): void {
    const stamp = this.#context.clock.issue(now)
    this.write(record.touch({ atMs: record.accessedMs, stamp }), stamp, now)
  }

  flush(wantsAck: boolean, now: Instant): void {
    const queue = this.#queue
    if (queue.length === 0) return
    this.#queue = []
    const links = this.#context.members.links()
    for (const batch of inBatches(
      queue,
      ({ delta }) => bytesOf([delta]),
      this.#context.config.maxBatchBytes,
    )) {
      const { stamp: upTo } = batch.at(-1) as Queued
      const deltas = batch.map(({ delta }) => delta)
      const sentMs = now.monoMs
      const message: DeltaMessage = {
        kind: 'delta',
        sentMs,
        previous: this.#previous,
        upTo,
        deltas,
        wantsAck,
      }
      this.#previous = upTo
      const touches = deltas.filter(isTouch).length
      this.#context.counters.touchesSent += links.length * touches
      this.#context.counters.deltasSent += links.length * (deltas.length - touches)
      this.#context.send(links, message)
    }
  }

  /** Asks all to acknowledge what was sent already, with a delta that brings nothing. */
  askForAcks(now: Instant): void {
    const stamp = this.#previous
    if (stamp === undefined) return
    const links = this.#context.members.links()
    const sentMs = now.monoMs
    this.#context.send(links, {
      kind: 'delta',
      sentMs,
      previous: stamp,
      upTo: stamp,
      deltas: [],
      wantsAck: true,
    })
  }
}
