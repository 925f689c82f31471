/** This member's own writes: merged here at once, and sent to all peers as one message per turn of the loop. */

import { inBatches } from './bounded.js'
import type { Context } from './context.js'
import type { DeltaMessage } from './messages.js'
import { bytesOf, type Delta } from './session.js'
import type { Instant, Stamp } from './stamp.js'

interface Queued {
  readonly delta: Delta
  /** `undefined` for a touch. */
  readonly stamp: Stamp | undefined
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
    this.#push({ delta, stamp })
  }

  touch(delta: Delta): void {
    this.#push({ delta, stamp: undefined })
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
      const upTo = batch.findLast(({ stamp }) => stamp !== undefined)?.stamp
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
      this.#previous = upTo ?? this.#previous
      this.#context.counters.deltasSent +=
        links.length * batch.filter(({ stamp }) => stamp !== undefined).length
      this.#context.counters.touchesSent +=
        links.length * batch.filter(({ stamp }) => stamp === undefined).length
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

  #push(queued: Queued): void {
    if (this.#queue.push(queued) === 1) this.#context.effect({ type: 'flush' })
  }
}
