/** What is over goes: expired sessions, tombstones that all have merged, origins that nothing bears any more. */

import type { Context } from './context.js'
import type { Outbox } from './outbox.js'
import type { SessionRecord } from './session.js'
import type { Instant, Origin, Stamp } from './stamp.js'

/** @param mayJudge whether what is over is: not while a transfer is due, which may tell of a later use. */
export function sweep(context: Context, outbox: Outbox, mayJudge: boolean, now: Instant): void {
  const { records, members, digest, self, config, clock } = context
  const settledMs = clock.timeAt(now) - config.tombstoneGraceMs
  const removals: Stamp[] = []
  const creators = new Set<Origin>()
  const origins = records.sweep(now, {
    // What a transfer has brought and is staged may be older than the tombstone, and would bring the session back.
    isSettled: (stamp) => mayJudge && stamp.time <= settledMs && context.isEverywhere(stamp),
    isKnownToLiving: (stamp) => members.isKnownToLiving(stamp),
    mayJudge,
    purged: (removal, created) => {
      removals.push(removal)
      creators.add(created.origin)
    },
    appeared: (record) => context.tellAppeared(record),
    tellEnd: (record) => tellEnd(context, outbox, record, now),
  })
  if (removals.length > 0) {
    // (Of a session that was destroyed where nobody had it, anybody may have been the creator. And of a writer that is gone,
    // whom nobody tells of any more, others may have it still.)
    const writers = [...creators, ...digest.lately(), ...records.strangers]
    context.purged.join([{ removals, writers }])
  }
  context.purged.unite((removal) => context.isEverywhere(removal))
  if (origins === undefined) return
  for (const { origin } of digest.entries()) {
    if (origin === self.id || !members.isGone(origin) || origins.has(origin)) continue
    // Who has not noticed its end yet takes what he lacks of it for in flight, and would not be told of it any more.
    const goneMs = members.get(origin)?.goneMs ?? Number.NEGATIVE_INFINITY
    if (now.monoMs - goneMs > 2 * config.deadAfterMs) digest.retire(origin)
  }
  context.purged.keep(digest.lately())
}

/**
 * The owner tells, and tells all that it has told, so nobody tells again who answers for the session later. Nobody
 * forgets it before: the owner may be about to join, or dead without being known to be.
 *
 * True when nobody has to tell any more.
 */
function tellEnd(context: Context, outbox: Outbox, record: SessionRecord, now: Instant): boolean {
  const { config, counters, self } = context
  // (Each sweep comes by, until all members that are known have merged it.)
  if (record.teller !== undefined && record.isEndTold) return true
  if (record.teller === undefined) counters.expired++
  const owner = context.ownerOf(record)
  let { teller } = record
  if (teller === undefined || teller.owner !== owner) teller = { owner, sinceMs: now.monoMs }
  record.teller = teller
  // By then the owner has told, and what it told of that was lost; or it never will. (Twice is better than never.)
  const waitedMs = now.monoMs - teller.sinceMs
  const isOverdue = waitedMs >= config.joinTimeoutMs + config.deadAfterMs + 2 * config.sweepMs
  if ((owner === self.id || (isOverdue && !record.hadEnded)) && !record.isEndTold) {
    record.isEndTold = true
    outbox.touch(record, now)
    // (Even if it came here after its time, with a transfer, and was never told as created.)
    const { sid } = record
    context.notify({ type: 'session', change: 'expired', sid, changed: [], owned: true, local: false })
  }
  return record.isEndTold || record.hadEnded
}
