/**
 * Five real processes under load and faults for a long time, for the command (main.ts) and for the test: nothing that was
 * confirmed is lost, nothing that ended comes back, and once they are warm no member has ever more of anything.
 *
 * Members that died or left are remembered for 24 h by default, and what was destroyed meanwhile with them: in half an hour
 * that would only grow. Here it is forgotten after 20 s (above any fault's time, or a member would have to begin anew), so
 * that as much is forgotten as comes, long before the warm-up of some minutes is over. For the same reason removals wait for
 * 10 s, a session that nobody uses lives for two minutes, and users log out within one (see user.ts). All else is as by default.
 */

import { Random } from '../sim/random.js'
import { account } from '../support/faults/account.js'
import { Balancer } from '../support/faults/balancer.js'
import { describeFault, type Fault } from '../support/faults/faults.js'
import { Nemesis } from '../support/faults/nemesis.js'
import type { LeakKind } from '../support/measuring/protocol.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { pause } from '../support/wait.js'
import { Faults, LASTING, MEMBERS } from './faults.js'
import { Load } from './load.js'
import type { Tally } from './tally.js'
import { type Judged, judge } from './verdict.js'
import { type Series, Watch } from './watch.js'

const CLUSTER = {
  // Longer than a user waits from one request to the next; what nobody knows the id of, as a connection broke, goes after it.
  ttlMs: 120_000,
  config: { forgetDeadAfterMs: 20_000, tombstoneGraceMs: 10_000 },
}

/** A process compiles its code, fills its caches, and remembers as much as it ever will. */
const WARM_UP_SHARE = 1 / 3
const MIN_WARM_UP_MS = 15_000
/** The samples of the last five minutes are kept by each member. */
const MAX_WARM_UP_MS = 6 * 60_000

/** Promised are 2 s; the machine may be busy for longer, and is all the more with this. The measured times are printed. */
const WHOLE = { deadlineMs: 60_000 }
/**
 * After that there are no writes until it is whole. Where there are more than the machine can take, members miss each
 * other's heartbeats, ask for what they missed, and have the less time for it.
 */
const HOLD_AFTER_MS = 10_000

export interface SoakOptions {
  seed: number
  forMs: number
  /** In all. */
  writesPerSecond: number
  /** What one member keeps on purpose. */
  leak: readonly LeakKind[]
  print: (line: string) => void
}

export interface SoakResult {
  tally: Readonly<Tally>
  /** How long there were writes, and how many of them were answered in that time. */
  forMs: number
  answered: number
  /** A second; fewer were made where the machine was too busy, see load.ts. */
  writesPerSecond: number
  /** How often each kind of fault was made. */
  faults: Record<string, number>
  warmUpMs: number
  judged: Judged[]
  series: readonly Series[]
}

export function warmUpMs(forMs: number): number {
  return Math.min(MAX_WARM_UP_MS, Math.max(MIN_WARM_UP_MS, forMs * WARM_UP_SHARE))
}

/** @throws Error that tells what was lost, to whom, and what the members reported. */
export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const cluster = await ProcessCluster.start({
    members: MEMBERS,
    http: true,
    wired: true,
    tellsExceptions: true,
    countsTimers: true,
    cluster: CLUSTER,
  })
  return new Soak(cluster, options).run()
}

class Soak {
  readonly #cluster: ProcessCluster
  readonly #options: SoakOptions
  readonly #load: Load
  readonly #watch: Watch
  readonly #faults: Faults
  readonly #counts: Record<string, number> = {}
  readonly #warmUpMs: number
  #startMs = performance.now()
  /** Answered before the start. */
  #before = 0
  #fault: Fault | undefined
  #faultMs = Date.now()
  #areFaultsOver = false
  #failure: { error: unknown } | undefined

  constructor(cluster: ProcessCluster, options: SoakOptions) {
    this.#cluster = cluster
    this.#options = options
    this.#warmUpMs = warmUpMs(options.forMs)
    this.#faults = new Faults(new Random(options.seed))
    this.#watch = new Watch(options.forMs - this.#warmUpMs)
    const { seed, writesPerSecond } = options
    const fail = (error: unknown) => this.#fail(error)
    this.#load = new Load(new Balancer(cluster.all()), seed + 1, writesPerSecond, fail)
  }

  async run(): Promise<SoakResult> {
    const { leak, writesPerSecond } = this.#options
    if (leak.length > 0) await this.#cluster.member(MEMBERS[0]!).ask('leak', leak)
    await this.#load.begin().catch((error: unknown) => this.#fail(error))
    this.#startMs = performance.now()
    this.#before = this.#load.tally.answered
    const isOver = () => this.#failure !== undefined || this.#areFaultsOver
    const parts = [this.#makeFaults(), this.#load.run(isOver), this.#watch.run(this.#cluster.all(), isOver)]
    await Promise.all(parts.map((part) => part.catch((error: unknown) => this.#fail(error))))
    const forMs = performance.now() - this.#startMs
    if (this.#failure === undefined) await this.#settle().catch((error: unknown) => this.#fail(error))
    if (this.#failure !== undefined) throw await this.#account(this.#failure.error)
    return {
      tally: this.#load.tally,
      forMs,
      answered: this.#load.tally.answered - this.#before,
      writesPerSecond,
      faults: this.#counts,
      warmUpMs: this.#warmUpMs,
      judged: this.#judge(),
      series: this.#watch.series,
    }
  }

  async #makeFaults(): Promise<void> {
    while (this.#failure === undefined && this.#spentMs() < this.#options.forMs) {
      await pause(this.#faults.pauseMs())
      const fault = this.#faults.next()
      this.#fault = fault
      this.#faultMs = Date.now()
      const nemesis = new Nemesis(this.#cluster, [fault])
      await nemesis.run()
      const healedMs = performance.now()
      await this.#whole()
      const wholeMs = performance.now() - healedMs
      const held = wholeMs > HOLD_AFTER_MS ? [`without writes since ${HOLD_AFTER_MS} ms`] : []
      this.#counts[fault.kind] = (this.#counts[fault.kind] ?? 0) + 1
      this.#tell([describeFault(fault), ...nemesis.took, `whole after ${wholeMs.toFixed(0)} ms`, ...held])
    }
    this.#areFaultsOver = true
  }

  /** All see all, and have what anybody wrote before; nothing of what had ended before is anywhere. */
  async #whole(): Promise<void> {
    const hold = setTimeout(() => (this.#load.isHeld = true), HOLD_AFTER_MS)
    await this.#cluster.linked(this.#cluster.all(), WHOLE)
    const sinceMs = performance.now()
    await this.#cluster.fence(this.#cluster.all(), WHOLE)
    clearTimeout(hold)
    this.#load.isHeld = false
    for (const member of this.#cluster.all())
      this.#load.checkEnds(member.name, await member.ask('sids'), sinceMs)
  }

  /** Every member has all that was confirmed. */
  async #settle(): Promise<void> {
    const members = this.#cluster.all()
    await this.#cluster.converged(members, WHOLE)
    for (const member of members) this.#load.settle(member.name, await member.ask('snapshot'))
  }

  #judge(): Judged[] {
    const judged = this.#watch.series.flatMap((series) => judge(series, this.#warmUpMs))
    const isMissing = (name: string) => !judged.some(({ member }) => member === name)
    if (LASTING.some(isMissing)) throw new Error('the run was too short to say whether anything grows')
    return judged
  }

  #tell(what: readonly string[]): void {
    const { answered } = this.#load.tally
    const seconds = this.#spentMs() / 1_000
    const rate = `${((answered - this.#before) / seconds).toFixed(0)} writes/s`
    this.#options.print([`${seconds.toFixed(0).padStart(5)}s`, ...what, rate].join(' | '))
  }

  #spentMs(): number {
    return performance.now() - this.#startMs
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
  }

  async #account(error: unknown): Promise<Error> {
    const where = `seed ${this.#options.seed}, after ${(this.#spentMs() / 1_000).toFixed(0)} s`
    const faults = this.#fault === undefined ? [] : [this.#fault]
    return new Error(await account(where, faults, this.#cluster, this.#faultMs, error))
  }
}
