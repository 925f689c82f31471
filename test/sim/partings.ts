/**
 * Who begins anew loses what it alone has: so nobody may be sent away by others with whom it never was, nor when it has
 * missed nothing of what they removed, nor if nobody goes on by whose word others gave way: then all would be lost.
 */

import type { CoreEvent, Origin } from '@sessionmesh/core'
import type { Cluster, Observer } from './cluster.js'
import type { History, Write } from './history.js'
import type { Run } from './run.js'
import { covers } from './stamps.js'

/** Who gave way to whom, and those that were linked with it then: its part, as far as it reached. */
interface Parting {
  readonly by: Run
  readonly part: ReadonlySet<Run>
}

export class Partings implements Observer {
  readonly #cluster: Cluster
  readonly #history: History
  /** Since when each run has known each other one, or had writes of it, as of the looks. */
  readonly #metMs = new Map<Run, Map<Origin, number>>()
  readonly #partings = new Map<Run, Parting>()

  constructor(cluster: Cluster, history: History) {
    this.#cluster = cluster
    this.#history = history
  }

  get count(): number {
    return this.#partings.size
  }

  /** It began anew, and so did, or ended, all who were of its part: what they alone had is rightly lost. */
  gaveWay(run: Run): boolean {
    return [...(this.#partings.get(run)?.part ?? [])].every(({ isRunning }) => !isRunning)
  }

  /** To be called often: who was met long ago is known by it. */
  look(): void {
    for (const run of this.#cluster.running)
      this.#meets(run, [run.id, ...run.livingPeers(), ...this.#cluster.claim(run).keys()])
  }

  /** (Some are met for less than it takes from one look to the next.) */
  event(run: Run, event: CoreEvent): void {
    if (event.type === 'member' && event.state === 'alive') this.#meets(run, [event.peer.id])
  }

  #meets(run: Run, ids: readonly Origin[]): void {
    const met = this.#metMs.get(run) ?? new Map<Origin, number>()
    this.#metMs.set(run, met)
    for (const id of ids) if (!met.has(id)) met.set(id, this.#cluster.world.nowMs)
  }

  /** @param by who sent it away */
  partedWith(run: Run, by: Run | undefined): void {
    if (by === undefined) return this.#cluster.world.fail('partings', `${run.id} begins anew, unasked`)
    this.#checkMissed(run, by)
    this.#checkLivesOn(run, by)
    this.#checkWasWith(run, by)
    const part = this.#cluster.running.filter(
      (each) => each !== run && this.#cluster.reach.isLinkedBothWays(run, each),
    )
    this.#partings.set(run, { by, part: new Set([run, ...part]) })
  }

  /** It lacks something that was removed, and that the other side has merged. */
  #checkMissed(run: Run, by: Run): void {
    const { world, runs } = this.#cluster
    const [ours, theirs] = [this.#cluster.claim(run), this.#cluster.claim(by)]
    // (It may hold yet, or again, what others of its part have let go, which told it so.)
    const itsPart = runs.filter(({ id }) => id === by.id || (id !== run.id && this.#metMs.get(by)?.has(id)))
    const isMissed = (write: Write) =>
      !covers(ours, write.stamp) && covers(theirs, write.stamp) && this.#isRemoval(write, itsPart)
    if (!this.#history.writes.some(isMissed))
      world.fail('partings', `${run.id} begins anew by the word of ${by.id}, and has missed no removal`)
  }

  /** It ends a session or removes an attribute; or all of its session has ended by time for one of that part. */
  #isRemoval({ sid, isDestroy, attributes }: Write, part: readonly Run[]): boolean {
    if (isDestroy || [...attributes.values()].includes(undefined)) return true
    const isEnded = ({ mirror, replica }: Run) =>
      mirror.hasEnded.has(sid) || replica.record(sid) === undefined
    return this.#cluster.canExpire && part.some(isEnded)
  }

  /**
   * Somebody goes on: whose word counts, or one of its part, or in the end to whom it gave way itself. (Members of one part
   * do not all know of the same removals at any moment, so some of it may give way to those who give way to others of it.)
   */
  #checkLivesOn(run: Run, by: Run): void {
    let heir = by
    for (let next = this.#partings.get(heir); next !== undefined; next = this.#partings.get(heir)) {
      if (!this.gaveWay(heir)) return
      heir = next.by
      if (heir !== run) continue
      const before = `which had begun anew by its own with all of its part`
      this.#cluster.world.fail('partings', `${run.id} begins anew by the word of ${by.id}, ${before}`)
    }
  }

  #checkWasWith(run: Run, by: Run): void {
    const { world } = this.#cluster
    const sinceMs = world.nowMs - this.#cluster.config.deadAfterMs
    // (Who has just begun has from others what these had for long.)
    if (run.startedMs > sinceMs || by.startedMs > sinceMs) return
    this.look()
    const isLong = (ms: number | undefined) => ms !== undefined && ms <= sinceMs
    const metOf = (each: Run) => this.#metMs.get(each) ?? new Map<Origin, number>()
    const wereTogether = (a: Run, b: Run) =>
      a !== b && [...metOf(a)].some(([id, ms]) => isLong(ms) && isLong(metOf(b).get(id)))
    const isLinked = (a: Run, b: Run) => this.#cluster.reach.isLinkedBothWays(a, b)
    const { runs } = this.#cluster
    const isThird = (each: Run) => each !== run && each !== by
    // What keeps the two apart, each may have from others: `run` from any whom it has met, be he sent away by now.
    const ours = runs.filter((each) => isThird(each) && metOf(run).has(each.id) && !isLinked(each, by))
    // (Or from whom it met, and who is gone.)
    const isTheirs = (each: Run) =>
      each.isRunning ? isLinked(each, by) && !isLinked(each, run) : metOf(by).has(each.id)
    const theirs = runs.filter((each) => isThird(each) && isTheirs(each))
    if (![run, ...ours].some((a) => [by, ...theirs].some((b) => wereTogether(a, b))))
      world.fail('partings', `${run.id} begins anew by the word of ${by.id}, with whom it never was`)
  }
}
