/** How long writes on healthy members are held up while a peer is frozen: it takes nothing, and refuses nothing. */

import { defaults } from '@sessionmesh/core'
import type { HeldUp, Pace } from '../support/measuring/protocol.js'
import type { ProcessCluster } from '../support/process-cluster.js'
import type { BenchOptions, PartResult, Row } from './part.js'
import { medianOf } from './statistics.js'

const ROUNDS = 5
/** Longer than it takes until the others find a frozen one dead. */
const ROUND_MS = 3_000
/** A timer of Node may fire late, and the machine is shared. */
const PATIENCE_MS = 100
/** A protocol that waited for the frozen peer would do so until it suspects it (`suspectAfterMs`). */
const FREE_GOAL_MS = 100

const FREE: Omit<Pace, 'forMs'> = { perSecond: 1_000 }
const ACKED: Omit<Pace, 'forMs'> = { perSecond: 50 }

interface Both {
  free: HeldUp
  acked: HeldUp
}

/** @param cluster of three, all linked; they are linked again at the end */
export async function frozenPeer(cluster: ProcessCluster, { quick }: BenchOptions): Promise<PartResult> {
  const [a, b, c] = cluster.all()
  for (const [i, member] of [a!, b!].entries())
    await member.ask('openWriter', { sessions: 1_000, first: i * 1_000 })
  const write = async (forMs: number): Promise<Both> => {
    const [free, acked] = await Promise.all([
      a!.ask('timeWrites', { ...FREE, forMs }, 'none'),
      b!.ask('timeWrites', { ...ACKED, forMs }, 'all'),
    ])
    return { free, acked }
  }
  const peace: Both[] = []
  const frozen: Both[] = []
  for (let i = 0; i < (quick ? 1 : ROUNDS); i++) {
    peace.push(await write(quick ? 500 : ROUND_MS))
    c!.freeze()
    frozen.push(await write(ROUND_MS))
    c!.thaw()
    await cluster.linked()
  }
  return {
    figures: { peace, frozen, ackTimeoutMs: defaults.ackTimeoutMs },
    rows: rowsOf(longest(peace), longest(frozen)),
  }
}

interface Longest {
  callMs: number
  flushMs: number
  ackMs: number
}

/** Medians of the rounds: the longest of all is the machine's. */
function longest(rounds: readonly Both[]): Longest {
  return medianOf(
    rounds.map(({ free, acked }) => ({
      callMs: free.longestCallMs,
      flushMs: free.longestFlushMs,
      ackMs: acked.longestAckMs,
    })),
  )
}

function rowsOf(peace: Longest, frozen: Longest): Row[] {
  return [
    {
      what: 'the longest that a write is held up elsewhere while a peer is frozen, without acks: its call, and until a response may leave',
      measured: `${ms(frozen.callMs)}, ${ms(frozen.flushMs)}`,
      beside: `with no peer frozen: ${ms(peace.callMs)}, ${ms(peace.flushMs)}`,
      goal: {
        says: `not at all: < ${FREE_GOAL_MS} ms, as the machine does it`,
        isMet: frozen.flushMs < FREE_GOAL_MS,
      },
    },
    {
      what: "the same with acks: 'all', until it is acknowledged or given up",
      measured: ms(frozen.ackMs),
      beside: `with no peer frozen: ${ms(peace.ackMs)}`,
      goal: {
        says: `at most the ack deadline, ${defaults.ackTimeoutMs} ms, and ${PATIENCE_MS} ms`,
        isMet: frozen.ackMs <= defaults.ackTimeoutMs + PATIENCE_MS,
      },
    },
  ]
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`
}
