/** Coming and going: a member is ready with what others had, and leaves when they have what it had. */

import type { CoreEvent, Stamp } from '@sessionmesh/core'
import type { Cluster, Observer } from './cluster.js'
import { short } from './describe.js'
import type { Host } from './host.js'
import { RECOVERY_MS } from './reach.js'
import type { Run } from './run.js'
import { covers, type DigestMap } from './stamps.js'

export class Membership implements Observer {
  readonly #cluster: Cluster
  /** What the others had when a run started. */
  readonly #had = new Map<Run, ReadonlyMap<Run, DigestMap>>()
  /** Those that have the state of one that had joined. */
  readonly #met = new Set<Run>()
  /** Who has told whom, by his address, to begin anew. */
  readonly #sentAway = new Set<string>()
  /** What a run had when it was told to leave, and when that was. */
  readonly #leaving = new Map<Run, { had: readonly Stamp[]; sinceMs: number }>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  started(run: Run): void {
    const { serving } = this.#cluster
    const others = serving.filter((each) => each !== run && each.isReady)
    this.#had.set(run, new Map(others.map((each) => [each, new Map(this.#cluster.claim(each))])))
  }

  event(run: Run, event: CoreEvent): void {
    if (event.type === 'warning' && event.code === 'SESSIONMESH_FORGOTTEN_MEMBER')
      this.#sentAway.add(`${run.id} ${event.address}`)
    if (event.type === 'ready') this.#checkReady(run)
    if (event.type !== 'sync' || event.phase !== 'end' || !event.complete) return
    const source = this.#cluster.runs.find(({ id }) => id === event.peer.id)
    if (source !== undefined && Number.isFinite(source.readyMs)) this.#met.add(run)
  }

  leaves(run: Run): void {
    this.#leaving.set(run, { had: run.replica.digest(), sinceMs: this.#cluster.world.nowMs })
  }

  /**
   * It has looked for others, unless it has met one; and from those found at first that could be reached all the time it
   * has what they had when it started.
   */
  #checkReady(run: Run): void {
    const { world, config, hosts, discovery } = this.#cluster
    const found = discovery.foundFirst(run)
    if (run.frozeMs > run.startedMs || world.nowMs - run.startedMs > config.joinTimeoutMs - 1) return
    if (!discovery.hasLooked(run) && !this.#met.has(run))
      world.fail('joining', `${run.id} is ready with nothing, and still looks for others`)
    const silent = discovery.named(run).find((address) => !this.#hasAnswered(run, address))
    if (silent !== undefined)
      world.fail('joining', `${run.id} is ready, and ${silent} has neither answered nor refused`)
    for (const [other, had] of this.#had.get(run) ?? []) {
      const { address } = hosts[other.host] as Host
      if (!found.includes(address) || !this.#cluster.reach.couldReach(run, other, run.startedMs)) continue
      // (Who is of another part brings nothing: it has to begin anew.)
      if (this.#sentAway.has(`${run.id} ${address}`)) continue
      const claims = this.#cluster.claim(run)
      const lacking = [...had.values()].find(
        (stamp) => this.#isTold(stamp.origin, other) && !covers(claims, stamp),
      )
      if (lacking !== undefined)
        world.fail(
          'joining',
          `${run.id} is ready without ${short(lacking)}, which ${other.id} had all the time`,
        )
    }
  }

  #hasAnswered(run: Run, address: string): boolean {
    if (run.answered.has(address)) return true
    return run.replica.peers().some((peer) => peer.link !== undefined && peer.address === address)
  }

  /** Of an origin that is gone, and of which nothing is left, a newcomer is not told. */
  #isTold(origin: string, by: Run): boolean {
    return by.replica.digest().some((stamp) => stamp.origin === origin)
  }

  /** Says goodbye now. */
  left(run: Run): void {
    const { world, config } = this.#cluster
    const leaving = this.#leaving.get(run)
    if (leaving === undefined || world.nowMs - leaving.sinceMs >= config.handoverTimeoutMs) return
    if (run.thawedMs > leaving.sinceMs - RECOVERY_MS) return
    const reachable: Run[] = []
    for (const other of this.#cluster.running) {
      const sinceMs = Math.min(leaving.sinceMs, other.startedMs)
      const isKnown = this.#cluster.reach.hasKnown(run, other, leaving.sinceMs)
      // (Whom it was told to be dead it does not dial, and may be found by only after a back-off.)
      const beforeMs = leaving.sinceMs - RECOVERY_MS
      const isMet = this.#cluster.reach.hasMet(run, other, beforeMs) || run.livingPeers().includes(other.id)
      if (other === run || !isKnown || !isMet || !this.#cluster.reach.couldReach(run, other, sinceMs))
        continue
      for (const stamp of leaving.had) {
        if (!covers(this.#cluster.claim(other), stamp))
          world.fail('leaving', `${run.id} leaves without having handed ${short(stamp)} over to ${other.id}`)
      }
      // (A link that broke for being to another part may not be there again yet.)
      if (this.#cluster.reach.isLinkedBothWays(run, other)) reachable.push(other)
    }
    world.after(GOODBYE_MS, () => this.#checkTold(run, reachable))
  }

  /** Those who could hear its goodbye do not wait for it to come back. */
  #checkTold(run: Run, reachable: readonly Run[]): void {
    for (const other of reachable) {
      // (Who has forgotten it, having no room, may be told of it again by somebody who has not heard.)
      const isKnown = this.#cluster.reach.hasKnown(other, run, run.endedMs)
      if (!isKnown || !this.#cluster.reach.couldReach(run, other, run.endedMs)) continue
      const state = other.replica.peers().find(({ id }) => id === run.id)?.state ?? 'left'
      if (state !== 'left')
        this.#cluster.world.fail(
          'leaving',
          `${run.id} has said goodbye, and ${other.id} holds it for ${state}`,
        )
    }
  }
}

/** Until a goodbye has come, however slow the network. */
const GOODBYE_MS = 1_000
