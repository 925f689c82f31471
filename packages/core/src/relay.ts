/**
 * Touches are in no digest, so nobody pulls those that it missed. Two members that cannot reach each other are told
 * by one that both reach: it passes a touch on to the peers that do not vouch for who told it. Only what was news
 * here is passed on, so it ends.
 */

import { touchIntervalMs } from './config.js'
import type { Context } from './context.js'
import type { Peer } from './members.js'
import { type Delta, writeStamps } from './session.js'
import type { Instant } from './stamp.js'

interface Known {
  /** Of uses here that nobody was told of the peers know nothing. */
  readonly toldMs: number
  readonly isEndTold: boolean
}

export class Relay {
  readonly #context: Context

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
    const untold = members.linked().filter((peer) => peer !== teller && !peer.vouchesFor.has(teller.id))
    if (untold.length === 0) return
    const deltas: Delta[] = []
    for (const [sid, known] of before) {
      const record = records.get(sid)
      if (record === undefined || record.destroyed !== undefined) continue
      // Each member tells of a use once an interval; less is the same use, told by another way.
      const isUsed = record.toldMs - known.toldMs >= touchIntervalMs(records.ttlMs(record), config) / 8
      if (!isUsed && record.isEndTold === known.isEndTold) continue
      deltas.push(record.touch())
    }
    if (deltas.length === 0) return
    const links = untold.map(({ link }) => link as number)
    this.#context.counters.touchesSent += links.length * deltas.length
    const touches = { kind: 'delta', previous: undefined, upTo: undefined, wantsAck: false } as const
    this.#context.send(links, { ...touches, sentMs: now.monoMs, deltas })
  }
}
