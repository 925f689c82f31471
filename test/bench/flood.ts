/**
 * How many writes a second one member can replicate to two peers, until both have applied them; against bare links
 * (WebSockets on the same TLS, nothing behind them) that carry the same bytes: in messages as large as ours, which hold
 * the writes of one turn of the loop, and in a message for each write.
 *
 * Three processes each. The machine may have fewer cores: then the CPU time per write says more than the rate.
 */

import type { MemberProcess } from '../support/member-process.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { until } from '../support/wait.js'
import { startBare } from './bare.js'
import { caughtUp } from './caught-up.js'
import type { BenchOptions, PartResult, Row } from './part.js'
import { medianOf } from './statistics.js'
import { cpuMicrosOf } from './totals.js'

const ROUNDS = 5
const WARM_UPS = 2
const ROUND_MS = 3_000
/** Requests of one turn of the loop; what they write is one message. */
const PER_TURN = 32
const SESSIONS = 1_000
const GOAL = 0.7

interface Round {
  writesPerSecond: number
  /** Of all three processes. */
  cpuMicrosPerWrite: number
}

export async function flood({ quick }: BenchOptions): Promise<PartResult> {
  const ours = await Ours.start()
  const bare = await Bare.start()
  const forMs = quick ? 300 : ROUND_MS
  const rounds = { ours: [] as Round[], batches: [] as Round[], each: [] as Round[] }
  for (let i = -WARM_UPS; i < (quick ? 1 : ROUNDS); i++) {
    const { round, frameBytes, writesPerFrame } = await ours.flood(forMs)
    const batches = await bare.flood({ forMs, perTurn: 1, bytes: frameBytes }, writesPerFrame)
    const bytes = Math.round(frameBytes / writesPerFrame)
    const each = await bare.flood({ forMs, perTurn: PER_TURN, bytes }, 1)
    if (i < 0) continue
    rounds.ours.push(round)
    rounds.batches.push(batches)
    rounds.each.push(each)
  }
  const figures = {
    perTurn: PER_TURN,
    sessionmesh: medianOf(rounds.ours),
    bareBatches: medianOf(rounds.batches),
    bareEach: medianOf(rounds.each),
    rounds,
  }
  return { figures, rows: rowsOf(figures) }
}

class Ours {
  readonly #cluster: ProcessCluster

  static async start(): Promise<Ours> {
    const cluster = await ProcessCluster.start({ members: ['writer', 'peer1', 'peer2'] })
    await cluster.member('writer').ask('openWriter', { sessions: SESSIONS })
    return new Ours(cluster)
  }

  private constructor(cluster: ProcessCluster) {
    this.#cluster = cluster
  }

  async flood(forMs: number): Promise<{ round: Round; frameBytes: number; writesPerFrame: number }> {
    const [writer, ...peers] = this.#cluster.all() as [MemberProcess, ...MemberProcess[]]
    const { result, round } = await timed(this.#cluster.all(), async () => {
      const flooded = await writer.ask('flood', { forMs, perTurn: PER_TURN })
      await Promise.all(peers.map((peer) => caughtUp(peer, writer)))
      return { count: flooded.writes, result: flooded }
    })
    const { writes, frames, bytes } = result
    return { round, frameBytes: Math.round(bytes / frames), writesPerFrame: writes / frames }
  }
}

class Bare {
  readonly #sender: MemberProcess
  readonly #receivers: MemberProcess[]

  static async start(): Promise<Bare> {
    const { sender, receivers } = await startBare()
    return new Bare(sender, receivers)
  }

  private constructor(sender: MemberProcess, receivers: MemberProcess[]) {
    this.#sender = sender
    this.#receivers = receivers
  }

  async flood(
    flood: { forMs: number; perTurn: number; bytes: number },
    writesPerMessage: number,
  ): Promise<Round> {
    const before = await this.#received()
    const { round } = await timed([this.#sender, ...this.#receivers], async () => {
      const messages = await this.#sender.ask('bareFlood', flood)
      await until('all has come', async () =>
        (await this.#received()).every((received, i) => received === before[i]! + messages),
      )
      return { count: messages * writesPerMessage, result: undefined }
    })
    return round
  }

  async #received(): Promise<number[]> {
    return Promise.all(this.#receivers.map((each) => each.ask('bareReceived')))
  }
}

async function timed<T>(
  processes: readonly MemberProcess[],
  work: () => Promise<{ count: number; result: T }>,
): Promise<{ result: T; round: Round }> {
  const before = await cpuMicrosOf(processes)
  const start = performance.now()
  const { count, result } = await work()
  const seconds = (performance.now() - start) / 1_000
  const spent = (await cpuMicrosOf(processes)) - before
  return { result, round: { writesPerSecond: count / seconds, cpuMicrosPerWrite: spent / count } }
}

function rowsOf(figures: { sessionmesh: Round; bareBatches: Round; bareEach: Round }): Row[] {
  const { sessionmesh, bareBatches, bareEach } = figures
  const ratio = sessionmesh.writesPerSecond / bareBatches.writesPerSecond
  const cpuRatio = sessionmesh.cpuMicrosPerWrite / bareBatches.cpuMicrosPerWrite
  return [
    {
      what: `1 KB writes replicated to two peers and applied there, ${PER_TURN} a turn of the loop`,
      measured: `${rate(sessionmesh)}, ${ratio.toFixed(2)} times bare WebSockets in the same batches`,
      beside: `bare WebSockets on the same TLS: ${rate(bareBatches)} in the same batches, ${rate(bareEach)} in a message each`,
      goal: { says: `at least ${GOAL} times bare WebSockets`, isMet: ratio >= GOAL },
    },
    {
      what: 'CPU of all three processes for each',
      measured: `${cpu(sessionmesh)}, ${cpuRatio.toFixed(2)} times bare WebSockets in the same batches`,
      beside: `${cpu(bareBatches)} in the same batches, ${cpu(bareEach)} in a message each`,
    },
  ]
}

function rate({ writesPerSecond }: Round): string {
  return `${Math.round(writesPerSecond / 100) * 100}/s`
}

function cpu({ cpuMicrosPerWrite }: Round): string {
  return `${cpuMicrosPerWrite.toFixed(1)} µs`
}
