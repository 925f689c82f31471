/** Two members hold the same state exactly when these agree. */

import { createHash } from 'node:crypto'
import type { Sessions } from 'sessionmesh'
import type { Fingerprint } from './member-protocol.js'

export function fingerprint(sessions: Sessions): Fingerprint {
  const hash = createHash('sha256')
  const sids = [...sessions.keys()].sort()
  for (const sid of sids) hash.update(`${sid}=${JSON.stringify(sorted(sessions.load(sid)?.data))}\n`)
  return { sessions: sids.length, hash: hash.digest('hex') }
}

/** The order in which attributes arrived differs between members, and means nothing. */
function sorted(data: Record<string, unknown> | undefined): unknown {
  if (data === undefined) return undefined
  return Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1))
}
