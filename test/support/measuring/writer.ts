/** Writes to a cluster without a load before each: what is measured is what a write causes. */

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Base, Cluster, WriteResult } from 'sessionmesh'
import { pause } from '../wait.js'
import { sidOf } from './kilobyte.js'
import type { Flooded, FloodOptions } from './protocol.js'

const PAYLOAD = 'x'.repeat(1_024 - 8)
/** Well below `maxLinkBufferBytes`, at which a link is cut; above what a socket takes at once. */
export const MAX_BUFFERED_BYTES = 4 * 1024 * 1024
/** To ask for what is buffered costs more than a write. */
const TURNS_BETWEEN_LOOKS = 8

export class Writer {
  readonly #cluster: Cluster
  readonly #bases: (Base | undefined)[]
  #writes = 0

  /** @param sessions that are written in turn; each is created by its first write */
  constructor(cluster: Cluster, sessions: number) {
    this.#cluster = cluster
    this.#bases = new Array(sessions)
  }

  get writes(): number {
    return this.#writes
  }

  /** The next session gets another 1 KiB of text. */
  write(): WriteResult {
    const index = this.#writes++ % this.#bases.length
    const data = { payload: String(this.#writes).padStart(8, '0') + PAYLOAD }
    const result = this.#cluster.sessions.write(sidOf(index), data, { base: this.#bases[index] })
    this.#bases[index] = result.base
    return result
  }
}

/** As fast as the slowest link takes it. */
export async function flood(
  cluster: Cluster,
  { forMs, perTurn, sessions, end }: FloodOptions,
): Promise<Flooded> {
  const writer = new Writer(cluster, sessions)
  const [before] = cluster.status().links
  const endMs = performance.now() + forMs
  for (let turn = 0; performance.now() < endMs; turn++) {
    for (let i = 0; i < perTurn; i++) writer.write()
    await nextTurn()
    if (turn % TURNS_BETWEEN_LOOKS === 0) {
      while (mostBuffered(cluster) > MAX_BUFFERED_BYTES) await pause(1)
    }
  }
  cluster.sessions.write(end, {})
  await cluster.sessions.flushed()
  const [after] = cluster.status().links
  if (before === undefined || after === undefined) throw new Error('there is no link to flood')
  return {
    writes: writer.writes,
    frames: after.sentFrames - before.sentFrames,
    bytes: after.sentBytes - before.sentBytes,
  }
}

function mostBuffered(cluster: Cluster): number {
  return Math.max(0, ...cluster.status().links.map(({ bufferedBytes }) => bufferedBytes))
}
