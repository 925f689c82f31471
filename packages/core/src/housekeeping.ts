/** What is over goes: expired sessions, tombstones that all have merged, origins that nothing bears any more. */

import type { Context } from './context.js'
import type { SessionRecord } from './session.js'
import type { Instant } from './stamp.js'

/** @param mayForget false while a transfer is due: it may tell of a later use of a session. */
export function sweep(context: Context, mayForget: boolean, now: Instant): void {
  const { records, members, digest, self, config, clock } = context
  const settledMs = clock.timeAt(now) - config.tombstoneGraceMs
  const origins = records.sweep(now, {
    // What a transfer has brought and is staged may be older than the tombstone, and would bring the session back.
    isSettled: (stamp) =>
      mayForget && stamp.time <= settledMs && digest.covers(stamp) && members.isSettled(stamp),
    mayForget,
    purged: (removal, { created }) => {
      // (Of a session that was destroyed where nobody had it, anybody may have been the creator.)
      const writers = context.purged.has(removal) ? [] : digest.entries().map(({ origin }) => origin)
      context.purged.add(removal, [...writers, created.origin])
    },
    appeared: (record) => context.tellAppeared(record),
    isToldOver: (record) => isToldOver(context, record, now),
  })
  if (origins === undefined) return
  for (const { origin } of digest.entries()) {
    if (origin !== self.id && members.isGone(origin) && !origins.has(origin)) digest.retire(origin)
  }
  context.purged.keep(digest.lately())
}

/**
 * The owner tells, and so it is told once. Nobody forgets before it must have told: it may be about to join, or dead
 * without being known to be. Whoever becomes the owner meanwhile has as long again; and who has told keeps it as long as
 * the others, or a transfer from one of them would bring it back.
 */
function isToldOver(context: Context, record: SessionRecord, now: Instant): boolean {
  const { config, counters, self } = context
  const owner = context.ownerOf(record)
  const owned = owner === self.id
  let { over } = record
  if (over === undefined) counters.expired++
  if (over === undefined) over = { owner, sinceMs: now.monoMs, isTold: false }
  else if (over.owner === undefined) over = { ...over, owner }
  else if (over.owner !== owner) over = { ...over, owner, sinceMs: now.monoMs }
  record.over = over
  if (owned && !over.isTold) {
    over.isTold = true
    // (Even if it came here after its time, with a transfer, and was never told as created.)
    context.notify({ type: 'session', change: 'expired', sid: record.sid, changed: [], owned, local: false })
  }
  return now.monoMs - over.sinceMs >= config.joinTimeoutMs + config.deadAfterMs + 2 * config.sweepMs
}
