/** One history: a cluster, its clients and its faults, all drawn from one seed; then peace, and the checks. */

import { Checks } from './checks.js'
import { Cluster } from './cluster.js'
import { Expiry } from './expiry.js'
import { History } from './history.js'
import { type Fault, faults, Nemesis } from './nemesis.js'
import { Workload } from './workload.js'
import { Violation, World } from './world.js'

export interface SimulationOptions {
  readonly seed: number
  readonly members?: number | undefined
  /** The faults that may be drawn; default all. */
  readonly faults?: readonly Fault[] | undefined
  readonly isTracing?: boolean | undefined
}

export interface Outcome {
  readonly seed: number
  readonly violation: string | undefined
  readonly transcript: readonly string[]
  readonly virtualMs: number
  readonly events: number
  readonly writes: number
  readonly counters: Record<string, number>
}

export function simulate(options: SimulationOptions): Outcome {
  const world = new World(options.seed, options.isTracing === true)
  const history = new History()
  let violation: string | undefined
  let cluster: Cluster | undefined
  try {
    cluster = build(world, options)
    runHistory(cluster, history, options)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    violation = error instanceof Violation ? error.message : `at ${world.nowMs} ms: ${error.stack}`
  }
  const counters: Record<string, number> = {}
  for (const { replica } of cluster?.runs ?? [])
    for (const [name, count] of Object.entries(replica.counters))
      counters[name] = (counters[name] ?? 0) + count
  return {
    seed: options.seed,
    violation,
    transcript: world.transcript,
    virtualMs: world.nowMs,
    events: world.events,
    writes: history.writes.length,
    counters,
  }
}

function build(world: World, { members }: SimulationOptions): Cluster {
  const { random } = world
  const size = members ?? random.integer(2, 5)
  const config = { transferChunkRecords: random.pick([5, 50, 1_000]) }
  return new Cluster(world, size, config, random.pick([0, 0, 200, 4_000]))
}

function runHistory(
  cluster: Cluster,
  history: History,
  { faults: allowed = faults }: SimulationOptions,
): void {
  const { world } = cluster
  const { random } = world
  const ttlMs = random.pick([3_600_000, 3_600_000, 3_000])
  cluster.canExpire = ttlMs < 3_600_000
  const expiry = new Expiry(cluster, history, ttlMs)
  const checks = new Checks(cluster, history, expiry)
  cluster.observer = checks
  const isLate = allowed.includes('late')
  for (const host of cluster.hosts) {
    // Those whose addresses are in everybody's list come first: without them there would be no cluster to join.
    const canBeLate = isLate && host.index >= 2
    world.after(canBeLate ? random.skewed(0, 10_000) : random.between(0, 500), () => {
      if (host.run === undefined) cluster.start(host)
    })
  }
  world.run(1_000)
  const workload = new Workload(cluster, history, {
    clients: random.pick([3, 10, 30]),
    requestEveryMs: random.pick([5, 20, 100]),
    ttlMs,
    destroyShare: random.pick([0.01, 0.1]),
  })
  const enabled = allowed.filter(() => random.chance(0.6))
  const nemesis = new Nemesis(cluster, enabled, random.pick([500, 3_000, 8_000]))
  const lastsMs = random.pick([5_000, 15_000])
  for (let passedMs = 0; passedMs < lastsMs; passedMs += CHECK_EVERY_MS) {
    world.run(CHECK_EVERY_MS)
    checks.states()
  }
  nemesis.stop()
  if (random.chance(0.5)) world.run(1_000)
  workload.stop()
  awaitWhole(checks, nemesis, world)
  world.run(CONVERGED_WITHIN_MS)
  checks.converged()
  if (cluster.canExpire) expiry.checkInUse()
  world.run(SETTLED_WITHIN_MS + (cluster.canExpire ? 3 * ttlMs : 0))
  checks.converged()
  checks.settled()
  if (cluster.canExpire) expiry.checkOver()
}

/** Links that hang are found silent, and dialled anew after the longest back-off. */
function awaitWhole(checks: Checks, nemesis: Nemesis, world: World): void {
  for (let passedMs = 0; passedMs < WHOLE_WITHIN_MS; passedMs += 50) {
    nemesis.allUp()
    if (checks.whyNotWhole() === undefined) return
    world.run(50)
  }
  const why = checks.whyNotWhole()
  if (why !== undefined) world.fail(`${WHOLE_WITHIN_MS} ms after all faults: ${why}`)
}

const CHECK_EVERY_MS = 250
const WHOLE_WITHIN_MS = 10_000
const CONVERGED_WITHIN_MS = 2_000
const SETTLED_WITHIN_MS = 6_000
