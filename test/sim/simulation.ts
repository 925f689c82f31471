/**
 * One history: a cluster, its clients and its faults, all drawn from one seed. Safety is checked all along;
 * then the faults end, and what was promised has to come true in time.
 */

import { bytesOf, type Config } from '@sessionmesh/core'
import type { Invariant } from './invariants.js'
import { Nemesis } from './nemesis.js'
import { describeScenario, drawScenario, meetWithinMs, type Wishes } from './scenario.js'
import { Trial } from './trial.js'
import { Workload } from './workload.js'
import { type Problem, Violation, World } from './world.js'

export interface SimulationOptions extends Wishes {
  readonly seed: number
  readonly isTracing?: boolean | undefined
}

export interface Outcome {
  readonly seed: number
  readonly scenario: string
  readonly violation: { readonly invariant: Invariant | undefined; readonly text: string } | undefined
  readonly transcript: readonly string[]
  readonly virtualMs: number
  readonly events: number
  /** Of the members, and of the checks. */
  readonly counts: Readonly<Record<string, number>>
}

export function simulate(options: SimulationOptions): Outcome {
  const world = new World(options.seed, options.isTracing === true)
  const scenario = drawScenario(world.random, options)
  const trial = new Trial(world, scenario)
  let violation: Outcome['violation']
  try {
    live(trial)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    violation =
      error instanceof Violation
        ? { invariant: error.invariant, text: error.message }
        : { invariant: undefined, text: `at ${world.nowMs.toFixed(1)} ms: ${error.stack}` }
  }
  return {
    seed: options.seed,
    scenario: describeScenario(scenario),
    violation,
    transcript: world.transcript,
    virtualMs: world.nowMs,
    events: world.events,
    counts: countsOf(trial),
  }
}

function live(trial: Trial): void {
  const { world, cluster, history, convergence, exactness, survival } = trial
  const { scenario } = cluster
  start(trial)
  world.run(START_MS)
  const workload = new Workload(trial)
  const nemesis = new Nemesis(cluster, history, scenario)
  trial.partings.look()
  for (let leftMs = scenario.lastsMs; leftMs > 0; leftMs -= CHECK_EVERY_MS) {
    world.run(Math.min(leftMs, CHECK_EVERY_MS))
    look(trial)
  }
  nemesis.stop()
  if (world.random.chance(0.3)) world.run(1_000)
  workload.stop()
  within(trial, WHOLE_WITHIN_MS + meetWithinMs(scenario) / 2, () => {
    nemesis.allUp()
    return convergence.notWhole()
  })
  within(trial, CONVERGED_WITHIN_MS + transfersMs(trial), () => convergence.notSame() ?? survival.problem())
  exactness.check(true)
  if (cluster.canExpire) {
    trial.expiry.checkInUse()
    const longestTtlMs = Math.max(scenario.ttlMs, cluster.config.ttlMs)
    pass(trial, 1.1 * longestTtlMs + cluster.config.deadAfterMs)
    trial.expiry.checkShown()
    // (Nobody forgets what bears stamps of a clock that was ahead before it is settled by his own.)
    pass(trial, overAfterMs(longestTtlMs, cluster.config) + clocksApartMs(trial))
    trial.expiry.checkOver()
  }
  pass(trial, cluster.config.tombstoneGraceMs)
  within(trial, settledAfterMs(trial), () => convergence.notSettled())
  exactness.check(true)
  // What is settled is dropped with the next sweep, and what is shown of late is told.
  world.run(2 * cluster.config.sweepMs)
  trial.told.check()
  for (const run of cluster.running) trial.reads.checkCounted(run)
  // (How old a tombstone is each member tells by a clock of its own.)
  within(trial, clocksApartMs(trial), () => convergence.notSame() ?? survival.problem())
}

/**
 * Each member asks one peer after the other, who sends chunk after chunk at the pace of the network. (With chunks as small
 * as some histories have them that takes its time; a thousand sessions in one take none.)
 */
function transfersMs({ cluster: { running, config, scenario } }: Trial): number {
  const { transferChunkRecords, transferChunkBytes } = config
  const chunksOf = ({ replica }: (typeof running)[number]) => {
    const wholes = [...replica.records()].flatMap((record) => record.above(undefined) ?? [])
    return Math.max(wholes.length / transferChunkRecords, bytesOf(wholes) / transferChunkBytes)
  }
  const chunks = Math.floor(Math.max(...running.map(chunksOf)))
  return (running.length - 1) * chunks * 2 * scenario.delayMs
}

/** What holds at every moment. */
function look({ cluster, exactness, expiry, partings, verdicts }: Trial): void {
  exactness.check()
  verdicts.checkLate()
  partings.look()
  cluster.islands.look()
  if (!cluster.canExpire) return
  expiry.checkShown()
  expiry.checkIdle()
}

/** Time passes. (What a member claims of an origin that is gone it may have retired before the next check.) */
function pass(trial: Trial, durationMs: number): void {
  for (let leftMs = durationMs; leftMs > 0; leftMs -= CHECK_EVERY_MS) {
    trial.world.run(Math.min(leftMs, CHECK_EVERY_MS))
    look(trial)
  }
}

/** Until a session is forgotten that was used just now: its time, the grace, and what members wait for the owner. */
function overAfterMs(ttlMs: number, { deadAfterMs, joinTimeoutMs, sweepMs }: Config): number {
  return 1.1 * ttlMs + 2 * deadAfterMs + joinTimeoutMs + 4 * sweepMs + 1_000
}

/** Nothing is forgotten before all clocks are past its stamps. */
function settledAfterMs(trial: Trial): number {
  return SETTLED_WITHIN_MS + clocksApartMs(trial)
}

/** The most by which one host's clock may be ahead of another's. */
function clocksApartMs({ cluster: { scenario, config } }: Trial): number {
  const leapMs = scenario.faults.includes('leap') ? 2 * config.maxClockDriftMs : 0
  return 2 * scenario.maxSkewMs + leapMs
}

function start({ world, cluster }: Trial): void {
  const { random } = world
  const isLate = cluster.scenario.faults.includes('late')
  for (const host of cluster.hosts) {
    // Those whose addresses are in everybody's list come first: without them there would be no cluster to join.
    const canBeLate = isLate && host.index >= 2
    const isAwaited = cluster.scenario.isOneSided && host.index === 0
    const earliestMs = isAwaited ? 0 : random.between(0, 500)
    const afterMs = canBeLate ? random.skewed(0, cluster.scenario.lastsMs) : earliestMs
    world.after(afterMs, () => {
      if (host.run === undefined) cluster.start(host)
    })
  }
}

/** Lets time pass until nothing is wrong any more. */
function within(trial: Trial, limitMs: number, whatIsWrong: () => Problem | undefined): void {
  const { world } = trial
  const untilMs = world.nowMs + limitMs
  let checkedMs = world.nowMs
  for (let problem = whatIsWrong(); problem !== undefined; problem = whatIsWrong()) {
    if (world.nowMs >= untilMs) world.fail(problem.invariant, `after ${limitMs} ms: ${problem.text}`)
    world.run(LOOK_EVERY_MS)
    if (world.nowMs - checkedMs < CHECK_EVERY_MS) continue
    look(trial)
    checkedMs = world.nowMs
  }
}

function countsOf({
  cluster,
  history,
  reads,
  survival,
  verdicts,
  exactness,
  partings,
}: Trial): Record<string, number> {
  const counts: Record<string, number> = {
    requestsWrites: history.writes.length,
    acked: survival.count,
    deaths: verdicts.deaths,
    looks: exactness.looks,
    held: exactness.held,
    readsLost: reads.counts.lost,
    readsUnreachable: reads.counts.unreachable,
    readsIsland: reads.counts.island,
    shownLost: reads.counts.shownLost,
    beginsAnew: partings.count,
    overflows: 0,
  }
  for (const { replica, overflows } of cluster.runs) {
    counts.overflows = (counts.overflows ?? 0) + overflows
    for (const [name, count] of Object.entries(replica.counters)) counts[name] = (counts[name] ?? 0) + count
  }
  return counts
}

const START_MS = 800
const CHECK_EVERY_MS = 200
const LOOK_EVERY_MS = 50
/** Links that hang resume, or are dialled anew after the longest back-off, and who waits for a host gives up: 5.1 s at the most. */
const WHOLE_WITHIN_MS = 7_000
const CONVERGED_WITHIN_MS = 2_000
const SETTLED_WITHIN_MS = 6_000
