/** When each write was made and handed over here, and when it could be read there. */

import type { Cluster } from 'sessionmesh'
import { machineMs, pace } from './pace.js'
import type { Pace, SentTimes } from './protocol.js'
import type { Writer } from './writer.js'

/** Writes at that rate. Which write a time is of: the one after which the session's `count` is its key. */
export async function writeTimed(writer: Writer, rate: Pace): Promise<SentTimes> {
  const returnedMs = new Map<number, number>()
  const handedMs = new Map<number, number>()
  const flushes: Promise<void>[] = []
  await pace(rate, () => {
    writer.write('all')
    const count = writer.writes
    returnedMs.set(count, machineMs())
    const flushed = writer.cluster.sessions.flushed()
    flushes.push(Promise.resolve(flushed).then(() => void handedMs.set(count, machineMs())))
  })
  await Promise.all(flushes)
  return { returnedMs, handedMs }
}

/** By `count`, when a write of another member could be read here. */
export function watchArrivals(cluster: Cluster): Map<number, number> {
  const readableMs = new Map<number, number>()
  cluster.on('session:changed', ({ sid, local }) => {
    const count = local ? undefined : cluster.sessions.load(sid)?.data.count
    if (typeof count === 'number' && !readableMs.has(count)) readableMs.set(count, machineMs())
  })
  return readableMs
}
