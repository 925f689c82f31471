/**
 * Requests per second, and CPU per request of all server processes together, against the same app with
 * express-session's MemoryStore and sticky users, which replicates nothing. The contenders alternate, because
 * machines are noisy; the ratio of the medians is the result, the absolute figures are for orientation.
 */

import { Browser } from '../support/browser.js'
import { onCleanUp } from '../support/cleanup.js'
import { MemberProcess } from '../support/member-process.js'
import { freePorts } from '../support/ports.js'
import { ProcessCluster } from '../support/process-cluster.js'
import type { BenchOptions, PartResult } from './part.js'
import { median } from './statistics.js'

const USERS = 32
const PAYLOAD_BYTES = 1_024
/** The first thousands of requests of a process cost several times as much as the later ones. */
const WARM_UP_REQUESTS = 20_000
const WARM_UP_MS = 10_000
const MAX_WARM_UP_MS = 60_000
const ROUND_MS = 5_000
const ROUNDS = 5

type Kind = 'write' | 'read'

interface Contender {
  name: string
  servers: MemberProcess[]
  users: Browser[]
  /** Which server a user's request goes to. */
  route(user: number, turn: number): MemberProcess
}

interface Round extends Costs {
  requests: number
}

interface Costs {
  requestsPerSecond: number
  cpuMicrosPerRequest: number
}

export async function throughput({ quick }: BenchOptions): Promise<PartResult> {
  const mesh = await meshServers()
  const memory = await memoryServers()
  const contenders = [mesh, memory]
  for (const contender of contenders) {
    await Promise.all(
      contender.users.map((user, i) => user.post(contender.route(i, 0).url, `/fill/${PAYLOAD_BYTES}`)),
    )
    if (!quick) await warmUp(contender)
  }

  const rows: PartResult['rows'] = []
  const figures: Record<string, unknown> = {
    users: USERS,
    payloadBytes: PAYLOAD_BYTES,
    servers: mesh.servers.length,
  }
  for (const kind of ['write', 'read'] as const) {
    const rounds = new Map<Contender, Round[]>(contenders.map((contender) => [contender, []]))
    for (let i = 0; i < (quick ? 2 : ROUNDS); i++) {
      for (const contender of contenders) {
        rounds.get(contender)!.push(await round(contender, kind, quick ? 500 : ROUND_MS))
      }
    }
    const ours = medians(rounds.get(mesh)!)
    const theirs = medians(rounds.get(memory)!)
    const ratio = {
      requestsPerSecond: ours.requestsPerSecond / theirs.requestsPerSecond,
      cpuMicrosPerRequest: ours.cpuMicrosPerRequest / theirs.cpuMicrosPerRequest,
    }
    figures[kind] = {
      sessionmesh: ours,
      memoryStore: theirs,
      ratio,
      rounds: { sessionmesh: rounds.get(mesh), memoryStore: rounds.get(memory) },
    }
    rows.push(
      {
        what: `requests/s that ${kind}: sessionmesh, MemoryStore sticky`,
        measured: compare(ours, theirs, 'requestsPerSecond', '/s'),
      },
      {
        what: `server CPU per request that ${kind}s`,
        measured: compare(ours, theirs, 'cpuMicrosPerRequest', ' µs'),
      },
    )
  }
  return { rows, figures }
}

async function meshServers(): Promise<Contender> {
  const servers = (await ProcessCluster.start({ members: ['a', 'b', 'c'], http: true })).all()
  const route = (_: number, turn: number) => servers[turn % servers.length]!
  return { name: 'sessionmesh', servers, users: newUsers(), route }
}

async function memoryServers(): Promise<Contender> {
  const ports = await freePorts(3)
  const servers = ports.map((httpPort, i) => new MemberProcess({ name: `memory${i}`, httpPort }))
  onCleanUp(() => Promise.all(servers.map((server) => server.end())))
  await Promise.all(servers.map((server) => server.start()))
  const route = (user: number) => servers[user % servers.length]!
  return { name: 'MemoryStore', servers, users: newUsers(), route }
}

function newUsers(): Browser[] {
  return Array.from({ length: USERS }, () => new Browser())
}

async function warmUp(contender: Contender): Promise<void> {
  const start = performance.now()
  const spentMs = () => performance.now() - start
  let requests = 0
  while (spentMs() < MAX_WARM_UP_MS && (spentMs() < WARM_UP_MS || requests < WARM_UP_REQUESTS)) {
    for (const kind of ['write', 'read'] as const) requests += (await round(contender, kind, 1_000)).requests
  }
}

/** All users, each with one request at a time, for so long. */
async function round(contender: Contender, kind: Kind, durationMs: number): Promise<Round> {
  const before = await cpuMicros(contender)
  const start = performance.now()
  let requests = 0
  const live = async (user: Browser, index: number) => {
    while (performance.now() - start < durationMs) {
      const { url } = contender.route(index, requests++)
      if (kind === 'write') await user.post(url, '/increment')
      else await user.get(url, '/session')
    }
  }
  await Promise.all(contender.users.map(live))
  const seconds = (performance.now() - start) / 1_000
  const spent = (await cpuMicros(contender)) - before
  return { requests, requestsPerSecond: requests / seconds, cpuMicrosPerRequest: spent / requests }
}

async function cpuMicros({ servers }: Contender): Promise<number> {
  const usages = await Promise.all(servers.map((server) => server.ask('cpuUsage')))
  return usages.reduce((total, { user, system }) => total + user + system, 0)
}

function medians(rounds: Round[]): Costs {
  return {
    requestsPerSecond: median(rounds.map((each) => each.requestsPerSecond)),
    cpuMicrosPerRequest: median(rounds.map((each) => each.cpuMicrosPerRequest)),
  }
}

function compare(ours: Costs, theirs: Costs, figure: keyof Costs, unit: string): string {
  const ratio = ours[figure] / theirs[figure]
  return `${ours[figure].toFixed(0)}${unit}, ${theirs[figure].toFixed(0)}${unit}: ratio ${ratio.toFixed(2)}`
}
