/**
 * What users of an app notice while strangers flood the port of the member that serves them: the times of their requests,
 * in windows without and with an attack by turns, so that what else the machine does meets both. A ratio is made within a
 * pair of neighbours; nothing is measured again because of what came out.
 *
 * The intruder stands for other machines: it runs at the lowest priority, so it takes what the others leave of the cores, and how many
 * sockets it opens in a second is told. Its member, the users and the app share the machine with it all the same.
 *
 * And what such a socket costs the member, by CPU: one that is reset unread, beside one that Node itself turns away, and one
 * that is looked at and fails.
 */

import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { Browser } from '../support/browser.js'
import { ATTACKS, type Attack, INTRUDER_NICE, Intruder } from '../support/intruder-process.js'
import { cpuMicros } from '../support/measuring/cpu.js'
import { pace } from '../support/measuring/pace.js'
import type { MemberProcess } from '../support/member-process.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { pause } from '../support/wait.js'
import type { BenchOptions, PartResult } from './part.js'
import { median, type Quartiles, quartilesOf, type Spread, spreadOf } from './statistics.js'

const USERS = 20
const PER_SECOND = 250
/** So that the 99th percentile is not the one request that met the longest collection of garbage. */
const WINDOW_MS = 1_500
/** What an attack leaves to be done is no longer the attack's, nor the next quiet window's. */
const LEAD_IN_MS = 100
const WARM_UP_MS = 3_000
/** For each attack. */
const PAIRS = 8
const GOAL = 2

const COST_ROUNDS = 3
/** Fewer at once than are looked at from addresses that came rarely: see `rates` in admission.ts. */
const HANDSHAKES = 64
/** Until as many are looked at again. */
const REFILL_MS = 1_000
const REFUSED = 2_000
/** More than are looked at from one address at once. */
const DRAIN = 500

/** Where the members are, and so that rate alone holds. */
const FROM_MEMBERS = ['127.0.0.1']
const FROM_MANY = Array.from({ length: 16 }, (_, i) => `127.0.0.${i + 2}`)
/** They come seldom. */
const FROM_RARE = Array.from({ length: 128 }, (_, i) => `127.0.1.${i + 1}`)
const WRONG_KEY: Attack = 'handshakes with a wrong key'

export async function strangers({ quick }: BenchOptions): Promise<PartResult> {
  const cluster = await ProcessCluster.start({ members: ['victim', 'peer'], http: true })
  const victim = cluster.member('victim')
  const intruder = await Intruder.start()
  const costs = await costsOf(victim, intruder, { quick })

  const users = await Users.login(victim)
  await users.window(quick ? 200 : WARM_UP_MS)
  const quietPeakBytes = await victim.ask('peakBytes')
  const attacks: AttackResult[] = []
  for (const attack of ATTACKS) attacks.push(await underAttack(attack, { victim, intruder, users, quick }))
  const peakBytes = await victim.ask('peakBytes')

  return {
    figures: {
      perSecond: PER_SECOND,
      intruderNice: INTRUDER_NICE,
      goal: GOAL,
      costs,
      attacks,
      quietRatio: quartilesOf(attacks.flatMap(({ quietRatios }) => quietRatios)),
      quietPeakBytes,
      peakBytes,
    },
    rows: rowsOf({ attacks, costs, quietPeakBytes, peakBytes }),
  }
}

interface Window extends Spread {
  cpuMicros: number
}

interface Pair {
  addresses: number
  quiet: Window
  attacked: Window
  openedPerSecond: number
  /** At once, as far as the intruder knew. */
  mostOpen: number
  refused: number
}

interface AttackResult {
  attack: Attack
  /** Of the 99th percentiles of each pair. */
  ratio: Quartiles
  /** Of two quiet windows, one pair after the other: what the machine makes out of nothing. */
  quietRatios: number[]
  quiet: { p50: number; p99: number }
  attacked: { p50: number; p99: number }
  openedPerSecond: number
  pairs: Pair[]
}

interface Victim {
  victim: MemberProcess
  intruder: Intruder
  users: Users
}

async function underAttack(
  attack: Attack,
  { victim, intruder, users, quick }: Victim & BenchOptions,
): Promise<AttackResult> {
  const forMs = quick ? 100 : WINDOW_MS
  const pairs: Pair[] = []
  for (let i = 0; i < (quick ? 2 : PAIRS); i++) {
    await users.window(LEAD_IN_MS)
    const quiet = await users.window(forMs)
    const { strangers: before } = await victim.ask('status')
    const addresses = i % 2 === 0 ? FROM_MEMBERS : FROM_MANY
    const startMs = performance.now()
    await intruder.begin(attack, victim.meshPort, addresses)
    const attacked = await users.window(forMs)
    const { opened, mostOpen } = await intruder.end()
    const seconds = (performance.now() - startMs) / 1_000
    const { strangers: after } = await victim.ask('status')
    const refused = after.refused - before.refused
    const openedPerSecond = opened / seconds
    pairs.push({ addresses: addresses.length, quiet, attacked, openedPerSecond, mostOpen, refused })
  }
  const typical = (which: 'quiet' | 'attacked') => ({
    p50: median(pairs.map((pair) => pair[which].p50)),
    p99: median(pairs.map((pair) => pair[which].p99)),
  })
  return {
    attack,
    ratio: quartilesOf(pairs.map(({ quiet, attacked }) => attacked.p99 / quiet.p99)),
    quietRatios: pairs.slice(1).map(({ quiet }, i) => quiet.p99 / pairs[i]!.quiet.p99),
    quiet: typical('quiet'),
    attacked: typical('attacked'),
    openedPerSecond: median(pairs.map(({ openedPerSecond }) => openedPerSecond)),
    pairs,
  }
}

class Users {
  readonly #member: MemberProcess
  readonly #browsers: readonly Browser[]
  #turn = 0

  static async login(member: MemberProcess): Promise<Users> {
    const browsers = Array.from({ length: USERS }, () => new Browser())
    for (const [i, browser] of browsers.entries()) await browser.post(member.url, `/login/user${i}`)
    return new Users(member, browsers)
  }

  private constructor(member: MemberProcess, browsers: readonly Browser[]) {
    this.#member = member
    this.#browsers = browsers
  }

  /** From the call that sends a request to its body, in ms, at an even rate whether or not others are answered. */
  async window(forMs: number): Promise<Window> {
    const before = await this.#member.ask('cpuMicros')
    const asked: Promise<number>[] = []
    await pace({ perSecond: PER_SECOND, forMs }, () => asked.push(this.#ask()))
    const times = await Promise.all(asked)
    return { ...spreadOf(times), cpuMicros: (await this.#member.ask('cpuMicros')) - before }
  }

  async #ask(): Promise<number> {
    const startMs = performance.now()
    await this.#browsers[this.#turn++ % USERS]!.post(this.#member.url, '/increment')
    return performance.now() - startMs
  }
}

interface Cost {
  /** Medians of the rounds. */
  refusedMicros: number
  handshakeMicros: number
  /** Of Node's own `maxConnections`, for which no socket is made. */
  bareMicros: number
  rounds: { refusedMicros: number[]; handshakeMicros: number[]; bareMicros: number[] }
}

/** The same socket, once looked at and once reset unread, while nobody asks the app. (In this order: what may come at once is whole.) */
async function costsOf(victim: MemberProcess, intruder: Intruder, { quick }: BenchOptions): Promise<Cost> {
  const rounds: Cost['rounds'] = { refusedMicros: [], handshakeMicros: [], bareMicros: [] }
  const [handshakes, sockets, count] = quick ? [32, 200, 1] : [HANDSHAKES, REFUSED, COST_ROUNDS]
  const floodFrom = (addresses: readonly string[], sockets: number) =>
    spent(victim, () => intruder.spend(WRONG_KEY, victim.meshPort, addresses, sockets))
  // The first of all compile what runs for each.
  await floodFrom(FROM_RARE, handshakes)
  for (let i = 0; i < count; i++) {
    const idle = await spent(victim, () => pause(quick ? 100 : REFILL_MS))
    const { cpuMicros, tookMs, admitted, refused } = await floodFrom(FROM_RARE, handshakes)
    if (refused > 0) throw new Error(`${refused} of ${handshakes} handshakes were reset unread`)
    rounds.handshakeMicros.push((cpuMicros - idleMicros(idle, tookMs)) / admitted)
  }
  const handshakeMicros = median(rounds.handshakeMicros)
  await floodFrom(FROM_MEMBERS, DRAIN)
  for (let i = 0; i < count; i++) {
    const idle = await spent(victim, () => pause(quick ? 100 : REFILL_MS))
    const { cpuMicros, tookMs, admitted, refused } = await floodFrom(FROM_MEMBERS, sockets)
    // (A few are looked at meanwhile.)
    const others = idleMicros(idle, tookMs) + admitted * handshakeMicros
    rounds.refusedMicros.push((cpuMicros - others) / refused)
    rounds.bareMicros.push(await turnedAwayByNode(intruder, sockets))
  }
  const { refusedMicros, bareMicros } = rounds
  return { refusedMicros: median(refusedMicros), handshakeMicros, bareMicros: median(bareMicros), rounds }
}

/** The least that Node can do with a socket, in this process, which does nothing else meanwhile. */
async function turnedAwayByNode(intruder: Intruder, sockets: number): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  // (To Node, 0 is no limit.)
  server.maxConnections = -1
  await once(server, 'listening')
  const before = cpuMicros()
  await intruder.spend(WRONG_KEY, (server.address() as AddressInfo).port, FROM_MEMBERS, sockets)
  const micros = (cpuMicros() - before) / sockets
  server.close()
  return micros
}

interface Spent {
  cpuMicros: number
  tookMs: number
  admitted: number
  refused: number
}

async function spent(member: MemberProcess, work: () => Promise<unknown>): Promise<Spent> {
  const { strangers: before } = await member.ask('status')
  const cpuMicros = await member.ask('cpuMicros')
  const startMs = performance.now()
  await work()
  const tookMs = performance.now() - startMs
  const cpuMicrosAfter = await member.ask('cpuMicros')
  const { strangers: after } = await member.ask('status')
  return {
    cpuMicros: cpuMicrosAfter - cpuMicros,
    tookMs,
    admitted: after.admitted - before.admitted,
    refused: after.refused - before.refused,
  }
}

/** What it needs for itself in that time. */
function idleMicros(idle: Spent, forMs: number): number {
  return (idle.cpuMicros / idle.tookMs) * forMs
}

function rowsOf({
  attacks,
  costs,
  quietPeakBytes,
  peakBytes,
}: {
  attacks: readonly AttackResult[]
  costs: Cost
  quietPeakBytes: number
  peakBytes: number
}): PartResult['rows'] {
  const byRatio = [...attacks].sort((a, b) => a.ratio.median - b.ratio.median)
  const [worst, middle] = [byRatio.at(-1)!, byRatio[Math.floor(byRatio.length / 2)]!]
  const noise = quartilesOf(attacks.flatMap(({ quietRatios }) => quietRatios))
  return [
    {
      what: `p99 of an app at ${PER_SECOND} requests/s while strangers at nice ${INTRUDER_NICE} flood its member's port, the worst of ${attacks.length} attacks, median of ${worst.pairs.length} pairs of windows`,
      measured: inWords(worst),
      beside: `one quiet window after another: ${spread(noise)}`,
      goal: { says: `p99 at most ${GOAL} times`, isMet: worst.ratio.median <= GOAL },
    },
    { what: `the same, the median one of ${attacks.length} attacks`, measured: inWords(middle) },
    {
      what: "CPU of the member for a stranger's socket that is reset unread, and for one whose handshake fails",
      measured: `${costs.refusedMicros.toFixed(0)} µs, ${costs.handshakeMicros.toFixed(0)} µs`,
      beside: `one that Node's own maxConnections turns away: ${costs.bareMicros.toFixed(0)} µs`,
    },
    {
      what: 'most memory of the member by the end of all attacks, as the operating system counts it',
      measured: megabytes(peakBytes),
      beside: `before the first one: ${megabytes(quietPeakBytes)}`,
    },
  ]
}

function inWords({ attack, ratio, quiet, attacked, openedPerSecond }: AttackResult): string {
  return (
    `${spread(ratio)}; p50 ${quiet.p50.toFixed(1)} to ${attacked.p50.toFixed(1)} ms, ` +
    `p99 ${quiet.p99.toFixed(1)} to ${attacked.p99.toFixed(1)} ms (${attack}, ${Math.round(openedPerSecond)}/s)`
  )
}

function spread({ median, min, max }: Quartiles): string {
  return `${median.toFixed(2)} times (${min.toFixed(2)} to ${max.toFixed(2)})`
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`
}
