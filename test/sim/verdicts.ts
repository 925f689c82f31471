/** Nobody is found dead who answered in time, and an own stall accuses nobody. */

import type { CoreEvent } from '@sessionmesh/core'
import type { Cluster, Observer } from './cluster.js'
import type { Run } from './run.js'

export class Verdicts implements Observer {
  readonly #cluster: Cluster
  deaths = 0
  /** What a run last told of another. */
  readonly #states = new Map<string, string>()
  /** When a run last found another one suspect. */
  readonly #suspectMs = new Map<string, number>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  event(run: Run, event: CoreEvent): void {
    if (event.type !== 'member') return
    const { world } = this.#cluster
    const key = `${run.id} ${event.peer.id}`
    const before = this.#states.get(key)
    this.#states.set(key, event.state)
    const accused = this.#cluster.runs.find(({ id }) => id === event.peer.id)
    if (event.state === 'suspect') this.#suspectMs.set(key, world.nowMs)
    if (
      event.state === 'suspect' &&
      before === 'alive' &&
      accused !== undefined &&
      event.peer.link !== undefined
    )
      this.#checkSilent(run, accused)
    if (event.state !== 'dead') return
    this.deaths++
    if (accused?.isRunning !== true) return
    this.#checkStall(run, accused)
    if (accused.isFrozen) return
    this.#checkHeard(run, accused)
    this.#checkWell(run, accused)
    this.#checkVouched(run, accused)
  }

  /** Whoever is gone, or stands still, is found out in time by all who were in touch with it. */
  checkLate(): void {
    const { runs, running, world, config } = this.#cluster
    const withinMs = 2 * config.deadAfterMs + LATE_MS
    const lateWordMs = this.#lateWordMs()
    for (const gone of runs) {
      if (gone.isRunning && !gone.isFrozen) continue
      const endMs = gone.isRunning ? gone.frozeMs : gone.endedMs
      this.#checkRefused(gone)
      // (What it had sent may come late, out of a cut: whoever reads it tells the others that it lives, and may be gone.)
      const sinceMs = Math.max(endMs, lateWordMs, ...runs.map(({ heardMs }) => heardMs.get(gone.id) ?? 0))
      if (world.nowMs - sinceMs < withinMs) continue
      for (const run of running) {
        const isWell = !run.isFrozen && run.thawedMs < sinceMs && run.startedMs < sinceMs
        // (Who was only told of it later begins to count then.)
        const isLate = run.livingPeers().includes(gone.id) && this.#cluster.reach.hasKnown(run, gone, sinceMs)
        if (!isWell || !isLate) continue
        const goneMs = (world.nowMs - endMs).toFixed(0)
        world.fail('verdicts', `${run.id} still holds ${gone.id} for living, gone for ${goneMs} ms`)
      }
    }
  }

  /** When the word of one that was gone by then was last read, late: it tells that others live, who are gone as well. */
  #lateWordMs(): number {
    const { runs } = this.#cluster
    const ended = runs.filter(({ isRunning }) => !isRunning)
    const readMs = (of: Run) => runs.map(({ heardMs }) => heardMs.get(of.id) ?? 0)
    const isLate = (of: Run) => (ms: number) => ms > of.endedMs + LATE_MS
    return Math.max(0, ...ended.flatMap((each) => readMs(each).filter(isLate(each))))
  }

  /** A process that is gone, and nothing else is wrong: its port is closed, which is as good as its word. */
  #checkRefused(gone: Run): void {
    const { world, hosts, running } = this.#cluster
    const { host, endedMs } = gone
    const isOver = world.nowMs - endedMs > REFUSED_MS && world.nowMs - endedMs < 2 * REFUSED_MS
    // (Who dialled it while it stood still waits for an answer.)
    if (gone.frozeMs > gone.thawedMs || gone.thawedMs > endedMs - 2 * REFUSED_MS) return
    if (!isOver || hosts[host]?.isDark || !this.#cluster.reach.isQuiet(endedMs - 2 * REFUSED_MS, gone)) return
    // (Who is cut off from it does not learn of its end, and vouches for it meanwhile.)
    const isReached = (run: Run) =>
      this.#cluster.reach.lastTroubleMs(run.host, host) < endedMs - 2 * REFUSED_MS
    if (!running.every(isReached)) return
    for (const run of running) {
      const isMet = this.#cluster.reach.hasKnown(run, gone, endedMs - REFUSED_MS)
      if (isMet && run.livingPeers().includes(gone.id))
        world.fail('verdicts', `${run.id} holds ${gone.id} for living, whose port is closed`)
    }
  }

  /** One whose link is there is suspect for its silence alone, less what who accuses it stood still himself. */
  #checkSilent(run: Run, accused: Run): void {
    const { world, config } = this.#cluster
    const heardMs = run.heardMs.get(accused.id) ?? Number.NEGATIVE_INFINITY
    const stoodMs = run.frozeMs > heardMs ? run.thawedMs - run.frozeMs : 0
    // (It knows of no more than that its tick was late, and takes two periods for a busy loop.)
    const agoMs = world.nowMs - heardMs - Math.max(0, stoodMs - 2 * config.heartbeatMs)
    if (agoMs < config.suspectAfterMs - 1)
      world.fail(
        'verdicts',
        `${run.id} finds ${accused.id} suspect, which was silent for ${agoMs.toFixed(0)} ms`,
      )
  }

  #checkHeard(run: Run, accused: Run): void {
    const { world, config } = this.#cluster
    // What comes with a wrong clock is refused.
    if (this.#cluster.reach.lastLeapMs(run.host, accused.host) > world.nowMs - config.deadAfterMs) return
    const heardMs = run.heardMs.get(accused.id)
    const agoMs = heardMs === undefined ? Number.POSITIVE_INFINITY : world.nowMs - heardMs
    if (agoMs < config.deadAfterMs - 1)
      world.fail('verdicts', `${run.id} finds ${accused.id} dead, which it heard ${agoMs.toFixed(0)} ms ago`)
  }

  /** What came while a member stood still is still to be read: whoever was heard before has as much time as ever. */
  #checkStall(run: Run, accused: Run): void {
    const { world, config } = this.#cluster
    const { heartbeatMs, suspectAfterMs } = config
    const heardMs = run.heardMs.get(accused.id) ?? Number.NEGATIVE_INFINITY
    const wasHeard = heardMs > run.frozeMs - suspectAfterMs && run.thawedMs > run.frozeMs
    if (wasHeard && world.nowMs - run.thawedMs < 2 * heartbeatMs - 1)
      world.fail('verdicts', `${run.id} has just stood still, and finds ${accused.id} dead`)
  }

  /** One that did nothing wrong for long, and could be reached all the time; whatever the accuser itself did. */
  #checkWell(run: Run, accused: Run): void {
    const { world, config } = this.#cluster
    const wellSinceMs = Math.max(
      accused.thawedMs,
      accused.startedMs,
      run.startedMs,
      this.#cluster.reach.lastTroubleMs(run.host, accused.host),
    )
    const wellMs = world.nowMs - wellSinceMs
    if (wellMs < 2 * config.deadAfterMs) return
    const stood =
      run.frozeMs > 0 ? `, having stood still until ${(world.nowMs - run.thawedMs).toFixed(0)} ms ago` : ''
    world.fail(
      'verdicts',
      `${run.id} finds ${accused.id} dead, which has been well for ${wellMs.toFixed(0)} ms${stood}`,
    )
  }

  /** One that we cannot reach but a third member can is no more than suspect; nor right after the third has gone. */
  #checkVouched(run: Run, accused: Run): void {
    const { world, config, runs } = this.#cluster
    const sinceMs = world.nowMs - 2 * config.deadAfterMs
    // (What the third says counts once it must have noticed what we saw: one that went before had not said it.)
    const { suspectAfterMs, heartbeatMs } = config
    const suspectMs = this.#suspectMs.get(`${run.id} ${accused.id}`) ?? world.nowMs
    const untilMs = Math.max(
      world.nowMs - config.deadAfterMs + 2 * suspectAfterMs + heartbeatMs,
      suspectMs + suspectAfterMs + heartbeatMs + BEAT_MS,
    )
    // (A newcomer that reaches none of those on its list is in touch with nobody, whomever it could reach.)
    const isInTouch = (third: Run, of: Run) =>
      this.#cluster.reach.areInTouch(third, of, sinceMs, untilMs) &&
      this.#cluster.reach.hasKnown(third, of, sinceMs)
    const third = runs.find((each) => isInTouch(each, run) && isInTouch(each, accused))
    if (third === undefined) return
    const isOrWas = third.isRunning ? 'is' : `was until ${(world.nowMs - third.endedMs).toFixed(0)} ms ago`
    world.fail(
      'verdicts',
      `${run.id} finds ${accused.id} dead, though ${third.id} ${isOrWas} in touch with both`,
    )
  }
}

/** More than frames take on their way, unless something holds them up. */
const LATE_MS = 1_000
/** What a heartbeat may be late, and takes on the slowest network. */
const BEAT_MS = 150
/** Two refused redials, on the slowest network. */
const REFUSED_MS = 600
