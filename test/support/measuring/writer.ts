/** Writes to a cluster without a load before each: what is measured is what a write causes. */

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Acks, Base, Cluster, WriteResult } from 'sessionmesh'
import { pause } from '../wait.js'
import { sidOf } from './kilobyte.js'
import type { Change, Flooded, FloodOptions, WriterOptions, WriteTurns } from './protocol.js'
import { byTurns } from './turns.js'

const TEXT = 'x'.repeat(1_024 - 8)
/** Well below `maxLinkBufferBytes`, at which a link is cut; above what a socket takes at once. */
export const MAX_BUFFERED_BYTES = 4 * 1024 * 1024
/** To ask for what is buffered costs more than a write. */
const TURNS_BETWEEN_LOOKS = 8

interface Written {
  base: Base | undefined
  text: string
}

export class Writer {
  readonly cluster: Cluster
  readonly #first: number
  readonly #written: Written[] = []
  #writes = 0

  /** Resolves when the sessions are created. */
  static async open(cluster: Cluster, { sessions, first = 0 }: WriterOptions): Promise<Writer> {
    const writer = new Writer(cluster, first)
    await byTurns(sessions, () => {
      writer.#written.push({ base: undefined, text: TEXT })
      writer.write('all')
    })
    await cluster.sessions.flushed()
    return writer
  }

  private constructor(cluster: Cluster, first: number) {
    this.cluster = cluster
    this.#first = first
  }

  get writes(): number {
    return this.#writes
  }

  /** The next session gets another number, and with `all` another 1 KiB of text as well. */
  write(change: Change, acks: Acks = 'none'): WriteResult {
    const index = this.#writes++ % this.#written.length
    const written = this.#written[index]!
    if (change === 'all') written.text = String(this.#writes).padStart(8, '0') + TEXT
    const data = { count: this.#writes, text: written.text }
    const result = this.cluster.sessions.write(sidOf(this.#first + index), data, { base: written.base, acks })
    written.base = result.base
    return result
  }
}

/** So many turns of the loop, each flushed before the next begins. */
export async function writeTurns(writer: Writer, { turns, perTurn, change }: WriteTurns): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    for (let i = 0; i < perTurn; i++) writer.write(change)
    await writer.cluster.sessions.flushed()
  }
}

/** As fast as the slowest link takes it. */
export async function flood(writer: Writer, { forMs, perTurn }: FloodOptions): Promise<Flooded> {
  const { cluster } = writer
  const [before, writesBefore] = [cluster.status().links[0], writer.writes]
  const endMs = performance.now() + forMs
  for (let turn = 0; performance.now() < endMs; turn++) {
    for (let i = 0; i < perTurn; i++) writer.write('all')
    await nextTurn()
    if (turn % TURNS_BETWEEN_LOOKS === 0) {
      while (mostBuffered(cluster) > MAX_BUFFERED_BYTES) await pause(1)
    }
  }
  await cluster.sessions.flushed()
  const after = cluster.status().links[0]
  if (before === undefined || after === undefined) throw new Error('there is no link to flood')
  return {
    writes: writer.writes - writesBefore,
    frames: after.sentFrames - before.sentFrames,
    bytes: after.sentBytes - before.sentBytes,
  }
}

function mostBuffered(cluster: Cluster): number {
  return Math.max(0, ...cluster.status().links.map(({ bufferedBytes }) => bufferedBytes))
}
