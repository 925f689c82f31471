/**
 * What a write costs on the wire, for each peer: counted at the TCP level by a proxy between two members, so WebSocket
 * framing and TLS records are in it. In both directions. Heartbeats are not: they are set so far apart that none falls
 * into the count.
 */

import type { WriteTurns } from '../support/measuring/protocol.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { caughtUp } from './caught-up.js'
import type { BenchOptions, PartResult, Row } from './part.js'

const NO_HEARTBEATS = { heartbeatMs: 60_000, suspectAfterMs: 180_000, deadAfterMs: 300_000 }
const SESSIONS = 320
const TURNS = 1_000

const GOALS = { all: 1_150, number: 120 }
const WORDS = { all: 'an int and 1 KiB', number: 'an int' }

export async function wire({ quick }: BenchOptions): Promise<PartResult> {
  const cluster = await ProcessCluster.start({
    members: ['writer', 'peer'],
    wired: true,
    cluster: { config: NO_HEARTBEATS },
  })
  await cluster.member('writer').ask('openWriter', { sessions: SESSIONS })
  const turns = quick ? 50 : TURNS
  const figures: Record<string, unknown> = {}
  const rows: Row[] = []
  for (const change of ['all', 'number'] as const) {
    const single = await bytesPerWrite(cluster, { turns, perTurn: 1, change })
    const batched = await bytesPerWrite(cluster, { turns, perTurn: 32, change })
    figures[change] = { oneATurn: single, '32 a turn': batched, goalBytes: GOALS[change] }
    rows.push({
      what: `bytes on the wire per write and peer, ${WORDS[change]} changed, one write a turn of the loop`,
      measured: `${single.toFixed(0)} (${batched.toFixed(0)} with 32 a turn)`,
      goal: { says: `below ${GOALS[change]}`, isMet: single < GOALS[change] },
    })
  }
  return { rows, figures }
}

async function bytesPerWrite(cluster: ProcessCluster, options: WriteTurns): Promise<number> {
  const [writer, peer] = [cluster.member('writer'), cluster.member('peer')]
  await caughtUp(peer, writer)
  const before = wireBytes(cluster)
  await writer.ask('writeTurns', options)
  await caughtUp(peer, writer)
  return (wireBytes(cluster) - before) / (options.turns * options.perTurn)
}

function wireBytes({ wire }: ProcessCluster): number {
  return wire.bytes('writer', 'peer') + wire.bytes('peer', 'writer')
}
