/**
 * What a store costs a request, without HTTP: to load a 1 KB session with ten attributes, and to write it with one of
 * them changed. Ours in a member alone and in one with two linked peers, against express-session's MemoryStore and
 * memorystore. Each has a process of its own, and they take turns.
 *
 * express-session's MemoryStore has no expiry but on reading, memorystore one by time as well: neither replicates.
 */

import { onCleanUp } from '../support/cleanup.js'
import { SECRET } from '../support/local-cluster.js'
import type { OperationCosts, StoreKind, StoreRound } from '../support/measuring/protocol.js'
import { MemberProcess } from '../support/member-process.js'
import { ProcessCluster } from '../support/process-cluster.js'
import type { BenchOptions, PartResult, Row } from './part.js'
import { medianOf } from './statistics.js'

const SESSIONS = 10_000
const ROUNDS = 7
const OPERATIONS = 20_000
/** Requests of one turn are flushed together; 32 is a server under load, 1 an idle one. */
const PER_TURN = [32, 1]
const MAX_WRITE_RATIO = 1.3

const ALONE = 'alone'
const LINKED = 'two peers'
const MEMORY_STORE = 'MemoryStore'
const MEMORYSTORE = 'memorystore'

interface Contender {
  name: string
  process: MemberProcess
  store: StoreKind
}

type Costs = Record<StoreRound['kind'] | 'set', OperationCosts>

export async function store({ quick }: BenchOptions): Promise<PartResult> {
  const contenders = await start()
  const sessions = quick ? 500 : SESSIONS
  for (const { process, store } of contenders) await process.ask('fillStore', store, sessions)
  const rows: Row[] = []
  const figures: Record<string, unknown> = { sessions }
  for (const perTurn of PER_TURN) {
    const costs = await measure(contenders, { quick, perTurn })
    figures[`${perTurn} a turn`] = Object.fromEntries(costs)
    rows.push(...rowsOf(costs, perTurn))
  }
  return { rows, figures }
}

async function start(): Promise<Contender[]> {
  const cluster = await ProcessCluster.start({ members: ['linked', 'peer1', 'peer2'] })
  const alone = new MemberProcess({
    name: 'alone',
    cluster: { name: 'alone', secret: SECRET, listen: { host: '127.0.0.1', port: 0 }, peers: [] },
  })
  const memory = new MemberProcess({ name: 'MemoryStore' })
  const memorystore = new MemberProcess({ name: 'memorystore' })
  const processes = [alone, memory, memorystore]
  onCleanUp(() => Promise.all(processes.map((process) => process.end())))
  await Promise.all(processes.map((process) => process.start()))
  return [
    { name: ALONE, process: alone, store: 'sessionmesh' },
    { name: LINKED, process: cluster.member('linked'), store: 'sessionmesh' },
    { name: MEMORY_STORE, process: memory, store: 'MemoryStore' },
    { name: MEMORYSTORE, process: memorystore, store: 'memorystore' },
  ]
}

async function measure(
  contenders: readonly Contender[],
  { quick, perTurn }: BenchOptions & { perTurn: number },
): Promise<Map<string, Costs>> {
  const operations = quick ? 1_000 : OPERATIONS
  const rounds = new Map(contenders.map(({ name }) => [name, [] as Costs[]]))
  // The first round of each warms it up.
  for (let i = 0; i <= (quick ? 1 : ROUNDS); i++) {
    for (const { name, process, store } of contenders) {
      const load = await process.ask('storeRound', store, { kind: 'load', operations, perTurn })
      const write = await process.ask('storeRound', store, { kind: 'write', operations, perTurn })
      if (i > 0) rounds.get(name)!.push({ load, write, set: less(write, load) })
    }
  }
  return new Map([...rounds].map(([name, all]) => [name, medians(all)]))
}

/** The write of a session needs it loaded; what is left when the load is taken off is the write's own. */
function less(write: OperationCosts, load: OperationCosts): OperationCosts {
  return { cpuMicros: write.cpuMicros - load.cpuMicros, wallMicros: write.wallMicros - load.wallMicros }
}

function medians(rounds: readonly Costs[]): Costs {
  const of = (kind: keyof Costs) => medianOf(rounds.map((round) => round[kind]))
  return { load: of('load'), write: of('write'), set: of('set') }
}

/** With goals for the requests of a busy server; one by one for orientation. */
function rowsOf(costs: ReadonlyMap<string, Costs>, perTurn: number): Row[] {
  const isBusy = perTurn > 1
  const pace = isBusy ? `${perTurn} requests a turn of the loop` : 'one request a turn of the loop'
  const row = (kind: keyof Costs, what: string, goal: string, limit: number): Row => {
    const cpu = (name: string) => costs.get(name)![kind].cpuMicros
    const ratio = (name: string) => cpu(name) / cpu(MEMORY_STORE)
    const ours = (name: string, words: string) =>
      `${micros(cpu(name))} ${words} (${ratio(name).toFixed(2)} times)`
    return {
      what: `CPU to ${what}, ${pace}`,
      measured: `${ours(ALONE, 'alone')}, ${ours(LINKED, 'with two peers')}`,
      beside: [MEMORY_STORE, MEMORYSTORE].map((name) => `${name} ${micros(cpu(name))}`).join(', '),
      ...(isBusy && { goal: { says: goal, isMet: Math.max(ratio(ALONE), ratio(LINKED)) <= limit } }),
    }
  }
  return [
    row('load', 'load a session, 1 KB in ten attributes', 'no more than MemoryStore', 1),
    row(
      'set',
      'write it, one of them changed',
      `at most ${MAX_WRITE_RATIO} times MemoryStore`,
      MAX_WRITE_RATIO,
    ),
  ]
}

function micros(value: number): string {
  return `${value.toFixed(1)} µs`
}
