/**
 * Touches are in no digest, so nobody pulls those that it missed. Two members that cannot reach each other are told
 * by one that both reach: it passes a touch on to the peers that do not vouch for who told it, and later to a peer that
 * finds out only then that it has been cut off. Only what was news here is passed on, so it ends.
 */

import { dropOldest, inBatches } from './bounded.js'
import { touchIntervalMs } from './config.js'
import type { Context } from './context.js'
import type { Peer } from './members.js'
import { bytesOf, type Delta, type SessionRecord, writeStamps } from './session.js'
import type { Instant, Origin } from './stamp.js'

interface Known {
  /** Of uses here that nobody was told of the peers know nothing. */
  readonly toldMs: number
  readonly isEndTold: boolean
}

/** More than are told while somebody finds out that he is cut off. */
const MAX_LATELY = 10_000

export class Relay {
  readonly #context: Context
  /** Sessions of whose use, or end, somebody told lately: who did last, and when. The oldest first. */
  readonly #lately = new Map<string, { readonly teller: Origin; readonly atMs: number }>()

  constructor(context: Context) {
    this.#context = context
  }

  /** The sessions that are only touched by these deltas, and what was told of their use before. */
  before(deltas: readonly Delta[]): ReadonlyMap<string, Known> {
    const before = new Map<string, Known>()
    for (const delta of deltas) {
      if (writeStamps(delta).length > 0) continue
      const { toldMs = Number.NEGATIVE_INFINITY, isEndTold = false } =
        this.#context.records.get(delta.sid) ?? {}
      before.set(delta.sid, { toldMs, isEndTold })
    }
    return before
  }

  /** The deltas are merged. */
  after(teller: Peer, before: ReadonlyMap<string, Known>, now: Instant): void {
    if (before.size === 0) return
    const { members, records, config } = this.#context
    const deltas: Delta[] = []
    for (const [sid, known] of before) {
      const record = records.get(sid)
      if (record === undefined || record.destroyed !== undefined) continue
      // Each member tells of a use once an interval; less is the same use, told by another way.
      const isUsed = record.toldMs - known.toldMs >= touchIntervalMs(records.ttlMs(record), config) / 8
      if (!isUsed && record.isEndTold === known.isEndTold) continue
      deltas.push(touchOf(record))
      this.#remember(sid, teller.id, now)
    }
    const hears = ({ vouchesFor }: Peer) => vouchesFor.has(teller.id)
    this.#pass(
      members.linked().filter((peer) => peer !== teller && !hears(peer)),
      deltas,
      now,
    )
  }

  /** The peer does not hear the teller any more: what that one told lately, it may have missed before it noticed. */
  withdrawn(peer: Peer, teller: Origin, now: Instant): void {
    this.#forgetOld(now)
    const deltas: Delta[] = []
    for (const [sid, told] of this.#lately) {
      const record = told.teller === teller ? this.#context.records.get(sid) : undefined
      if (record !== undefined && record.destroyed === undefined) deltas.push(touchOf(record))
    }
    this.#pass([peer], deltas, now)
  }

  #remember(sid: string, teller: Origin, now: Instant): void {
    this.#lately.delete(sid)
    this.#lately.set(sid, { teller, atMs: now.monoMs })
    this.#forgetOld(now)
    dropOldest(this.#lately, MAX_LATELY)
  }

  /** (Links are found broken some time after they broke.) */
  #forgetOld(now: Instant): void {
    for (const [sid, { atMs }] of this.#lately) {
      if (now.monoMs - atMs <= 2 * this.#context.config.deadAfterMs) return
      this.#lately.delete(sid)
    }
  }

  #pass(peers: readonly Peer[], deltas: readonly Delta[], now: Instant): void {
    const links = peers.flatMap(({ link }) => (link === undefined ? [] : [link]))
    if (links.length === 0 || deltas.length === 0) return
    this.#context.counters.touchesSent += links.length * deltas.length
    const touches = { kind: 'delta', previous: undefined, upTo: undefined, wantsAck: false } as const
    const batches = inBatches(deltas, (delta) => bytesOf([delta]), this.#context.config.maxBatchBytes)
    for (const batch of batches) this.#context.send(links, { ...touches, sentMs: now.monoMs, deltas: batch })
  }
}

/** (A later use here others were not told of, and who is told it alone would take it for told to all.) */
function touchOf(record: SessionRecord): Delta {
  return record.touch(record.toldMs)
}
