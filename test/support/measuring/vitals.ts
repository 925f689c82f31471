/** What a process that runs for long must not have ever more of. */

import type { Cluster } from 'sessionmesh'
import { collectGarbage } from './memory-use.js'
import type { Vitals } from './protocol.js'
import { armedTimers } from './timers.js'

/** @param isCollected tell of the heap as well, after full collections: that takes a moment */
export async function vitals(cluster: Cluster, isCollected: boolean): Promise<Vitals> {
  const collected = isCollected ? await heap() : undefined
  const { sessions, tombstones, candidates, pending, heldBytes, links, digest, members } = cluster.status()
  return {
    pid: process.pid,
    ...(collected && { collected }),
    timers: armedTimers() ?? 0,
    residentBytes: process.memoryUsage.rss(),
    resources: countedByKind(process.getActiveResourcesInfo()),
    sessions,
    tombstones,
    candidates,
    pending,
    heldBytes,
    bufferedBytes: links.reduce((sum, { bufferedBytes }) => sum + bufferedBytes, 0),
    digest: Object.keys(digest).length,
    members: members.length,
  }
}

async function heap(): Promise<NonNullable<Vitals['collected']>> {
  await collectGarbage(1)
  const { heapUsed, external } = process.memoryUsage()
  return { heapBytes: heapUsed, externalBytes: external }
}

function countedByKind(kinds: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const kind of kinds) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}
