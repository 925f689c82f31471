/** Stamps of one member only rise, and none is further ahead than the clocks of the cluster have ever been. */

import type { CoreEvent, Stamp } from '@sessionmesh/core'
import type { Cluster, Observer } from './cluster.js'
import { EPOCH_MS, short } from './describe.js'
import type { Host } from './host.js'
import type { Run } from './run.js'
import { compareStamps } from './stamps.js'

export class Clocks implements Observer {
  readonly #cluster: Cluster
  readonly #last = new Map<Run, Stamp>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  event(run: Run, event: CoreEvent): void {
    if (event.type !== 'member' || event.state !== 'alive' || event.peer.link === undefined) return
    const other = this.#cluster.runs.find(({ id }) => id === event.peer.id)
    if (other !== undefined) this.#checkApart(run, other, event.peer.link)
  }

  /** Clocks that are too far apart keep two members from each other, as far as their hellos can tell. */
  #checkApart(run: Run, other: Run, link: number): void {
    const { world, config, hosts } = this.#cluster
    const [ours, theirs] = [hosts[run.host] as Host, hosts[other.host] as Host]
    if (Math.max(ours.setMs, theirs.setMs) > run.beganMs(link)) return
    const apartMs = Math.abs(ours.skewMs - theirs.skewMs)
    // (A hello that is on its way for a while tells of a clock that is behind.)
    if (apartMs > config.maxClockDriftMs + config.deadAfterMs)
      world.fail(
        'stamps',
        `${run.id} takes ${other.id}, whose clock is ${apartMs.toFixed(0)} ms away from its own`,
      )
  }

  issued(run: Run, stamp: Stamp): void {
    const { world, config, hosts } = this.#cluster
    const last = this.#last.get(run)
    if (last !== undefined && compareStamps(last, stamp) >= 0)
      world.fail('stamps', `${run.id} issues ${short(stamp)} after ${short(last)}`)
    this.#last.set(run, stamp)
    // (Wall clocks tell whole milliseconds.)
    const timeMs = stamp.time - EPOCH_MS - 1
    if (timeMs > Math.max(...hosts.map(({ highestMs }) => highestMs)))
      world.fail('stamps', `${run.id} issues ${short(stamp)}, ahead of every clock that there ever was`)
    const aheadMs = timeMs - (hosts[run.host] as Host).highestMs
    if (aheadMs > 2 * config.maxClockDriftMs)
      world.fail(
        'stamps',
        `${run.id} issues ${short(stamp)}, ${aheadMs.toFixed(0)} ms ahead of its own clock`,
      )
  }
}
