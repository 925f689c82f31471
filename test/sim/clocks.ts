/** Stamps of one member only rise, and none is further ahead than the clocks of the cluster have ever been. */

import type { Stamp } from '@sessionmesh/core'
import type { Cluster } from './cluster.js'
import { EPOCH_MS, short } from './describe.js'
import type { Host } from './host.js'
import type { Run } from './run.js'
import { compareStamps } from './stamps.js'

export class Clocks {
  readonly #cluster: Cluster
  readonly #last = new Map<Run, Stamp>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
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
