/** Owners are computed, so nothing moves when a member dies: this only finds out what to tell. */

import type { Context } from './context.js'
import type { Peer } from './members.js'
import { rendezvous } from './owner.js'
import type { Origin } from './stamp.js'

/**
 * Tells which sessions the member that is gone answered for, and this one answers for now.
 *
 * @param ownerOf of a session as it is shown here, which a peer may have told for a read ahead of what is merged
 */
export function tellTakeover(
  context: Context,
  gone: Peer,
  ownerOf: (sid: string) => Origin | undefined,
): void {
  const { records, members, self } = context
  const before = new Set(members.living).add(gone.id)
  const sids: string[] = []
  for (const record of records.all()) {
    const { sid, lastStamp, destroyed } = record
    // (Of tombstones there may be a million.)
    if (destroyed !== undefined || members.living.has(lastStamp.origin)) continue
    const wasIts = lastStamp.origin === gone.id || rendezvous(sid, before) === gone.id
    if (wasIts && ownerOf(sid) === self.id) sids.push(sid)
  }
  context.counters.takeovers++
  context.notify({ type: 'takeover', peer: gone, sids })
}
