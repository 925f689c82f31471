/** How long writes are held up: the call, what a response waits for, and the acks. */

import type { Acks } from 'sessionmesh'
import { codeOf } from '../error-code.js'
import { pace } from './pace.js'
import type { HeldUp, Pace } from './protocol.js'
import type { Writer } from './writer.js'

export async function timeWrites(writer: Writer, rate: Pace, acks: Acks): Promise<HeldUp> {
  const heldUp: HeldUp = { writes: 0, longestCallMs: 0, longestFlushMs: 0, longestAckMs: 0, failures: {} }
  const waits: Promise<void>[] = []
  heldUp.writes = await pace(rate, () => {
    const startMs = performance.now()
    const spentMs = () => performance.now() - startMs
    const { acked } = writer.write('all', acks)
    heldUp.longestCallMs = Math.max(heldUp.longestCallMs, spentMs())
    const flushed = Promise.resolve(writer.cluster.sessions.flushed())
    waits.push(
      flushed.then(() => {
        heldUp.longestFlushMs = Math.max(heldUp.longestFlushMs, spentMs())
      }),
      acked
        .catch((error: unknown) => {
          const code = codeOf(error)
          heldUp.failures[code] = (heldUp.failures[code] ?? 0) + 1
        })
        .then(() => {
          heldUp.longestAckMs = Math.max(heldUp.longestAckMs, spentMs())
        }),
    )
  })
  await Promise.all(waits)
  return heldUp
}
