/**
 * How long a write takes from its return to where it can be read on two peers, at an even rate; against bare WebSockets
 * on the same TLS, which tell what the machine takes for itself. Times of three processes on one machine, compared on its
 * monotonic clock. The rounds of both alternate.
 *
 * A response leaves when what was written before it is handed over to the operating system, at the end of the turn of
 * the loop: the goal speaks of that. The time since the call of `write` returned is told as well.
 */

import type { MemberProcess } from '../support/member-process.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { until } from '../support/wait.js'
import { startBare } from './bare.js'
import { caughtUp } from './caught-up.js'
import type { BenchOptions, PartResult } from './part.js'
import { medianOf, type Spread, spreadOf } from './statistics.js'

const PER_SECOND = 1_000
const ROUNDS = 5
const ROUND_MS = 5_000
const SESSIONS = 1_000
const BARE_BYTES = 1_124
const GOAL = { p50Ms: 1, p99Ms: 5 }

interface Round {
  /** To each of the two peers, of each write. */
  sinceReturned: Spread
  sinceHandedOver: Spread
}

export async function lag({ quick }: BenchOptions): Promise<PartResult> {
  const cluster = await ProcessCluster.start({ members: ['writer', 'peer1', 'peer2'] })
  const bare = await startBare()
  const [writer, ...peers] = cluster.all() as [MemberProcess, ...MemberProcess[]]
  await writer.ask('openWriter', { sessions: SESSIONS })
  for (const peer of peers) await peer.ask('watchArrivals')
  const ours: Round[] = []
  const theirs: Spread[] = []
  const rate = { perSecond: PER_SECOND, forMs: quick ? 500 : ROUND_MS }
  // The first round warms up.
  for (let i = 0; i <= (quick ? 1 : ROUNDS); i++) {
    const [round, bareRound] = [await roundOf(writer, peers, rate), await bareRoundOf(bare, rate)]
    if (i === 0) continue
    ours.push(round)
    theirs.push(bareRound)
  }
  const returned = medianOf(ours.map(({ sinceReturned }) => sinceReturned))
  const handedOver = medianOf(ours.map(({ sinceHandedOver }) => sinceHandedOver))
  const bareLag = medianOf(theirs)
  return {
    figures: {
      perSecond: PER_SECOND,
      returned,
      handedOver,
      bare: bareLag,
      goal: GOAL,
      rounds: { ours, bare: theirs },
    },
    rows: [
      {
        what: `from the response to where the write is read on two peers, ${PER_SECOND} writes/s of 1 KB, medians of ${ours.length} rounds`,
        measured: `${words(handedOver)} (since the call of write returned: ${words(returned)})`,
        beside: `bare WebSockets on the same TLS: ${words(bareLag)}`,
        goal: {
          says: `p50 < ${GOAL.p50Ms} ms, p99 < ${GOAL.p99Ms} ms`,
          isMet: handedOver.p50 < GOAL.p50Ms && handedOver.p99 < GOAL.p99Ms,
        },
      },
    ],
  }
}

interface Rate {
  perSecond: number
  forMs: number
}

async function roundOf(writer: MemberProcess, peers: readonly MemberProcess[], rate: Rate): Promise<Round> {
  const { returnedMs, handedMs } = await writer.ask('writeTimed', rate)
  await Promise.all(peers.map((peer) => caughtUp(peer, writer)))
  const arrivals = await Promise.all(peers.map((peer) => peer.ask('arrivals')))
  const since = (sentMs: ReadonlyMap<number, number>) =>
    spreadOf(
      arrivals.flatMap((readableMs) => [...sentMs].map(([count, ms]) => lagOf(readableMs.get(count), ms))),
    )
  return { sinceReturned: since(returnedMs), sinceHandedOver: since(handedMs) }
}

/** A write that could be read there before the call here had returned, or before its hand-over was told, has none. */
function lagOf(readableMs: number | undefined, sentMs: number): number {
  // Each write is of another session than those right before it: none is passed over for a later one.
  if (readableMs === undefined) throw new Error('a write was not seen on a peer')
  return Math.max(0, readableMs - sentMs)
}

async function bareRoundOf(bare: Awaited<ReturnType<typeof startBare>>, rate: Rate): Promise<Spread> {
  const sent = await bare.sender.ask('barePace', rate, BARE_BYTES)
  const lagsMs: number[] = []
  await until('all has come', async () => {
    for (const receiver of bare.receivers) lagsMs.push(...(await receiver.ask('bareLags')))
    return lagsMs.length === sent * bare.receivers.length
  })
  return spreadOf(lagsMs)
}

function words({ p50, p99 }: Spread): string {
  return `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`
}
