/** What was acknowledged lives as long as one holder does, and what was destroyed stays so. */

import type { Stamp } from '@sessionmesh/core'
import type { Cluster, Observer } from './cluster.js'
import { short } from './describe.js'
import type { History } from './history.js'
import type { AckResult, Run } from './run.js'
import { covers, type DigestMap, join } from './stamps.js'
import type { Problem } from './world.js'

export class Survival implements Observer {
  readonly #cluster: Cluster
  readonly #history: History
  readonly #acked: { stamp: Stamp; holders: Run[] }[] = []

  constructor(cluster: Cluster, history: History) {
    this.#cluster = cluster
    this.#history = history
  }

  get count(): number {
    return this.#acked.length
  }

  /** A missed ack is never reported as success: those who are said to hold the write hold it. */
  acked(run: Run, stamp: Stamp, { peers, missing }: AckResult): void {
    if (missing !== undefined) return
    const holders = this.#cluster.runs.filter((each) => each !== run && covers(this.#claim(each), stamp))
    if (holders.length < peers) {
      const names = holders.map(({ id }) => id).join(', ') || 'none'
      const text = `${run.id} says that ${peers} peers hold ${short(stamp)}, and ${names} do`
      this.#cluster.world.fail('survival', text)
    }
    if (peers > 0) this.#acked.push({ stamp, holders: [run, ...holders] })
  }

  /** What some member lacks or shows that it should not, if anything, when all is well again. */
  problem(): Problem | undefined {
    const { running } = this.#cluster
    for (const run of running) {
      const claims = this.#claim(run)
      for (const { stamp, run: writer, isDestroy, sid } of this.#history.writes) {
        if (writer.isRunning && !covers(claims, stamp))
          return { invariant: 'convergence', text: `${run.id} lacks ${short(stamp)}` }
        const isLiving = isDestroy && covers(claims, stamp) && run.replica.has(sid, run.now)
        if (isLiving && !this.#history.isDestroyExcused(sid))
          return { invariant: 'destroyed', text: `${sid} was destroyed, and lives on ${run.id}` }
      }
      for (const { stamp, holders } of this.#acked) {
        const holder = holders.find(({ isRunning }) => isRunning)
        // Of an origin that is gone it need not even be told any more; then the states are compared.
        if (holder === undefined || covers(claims, stamp) || !this.#isTold(stamp)) continue
        const text = `${run.id} lacks ${short(stamp)}, which was acknowledged, and which ${holder.id} holds`
        return { invariant: 'survival', text }
      }
    }
    return undefined
  }

  /** Once nothing bears its stamps any more, an origin that is gone leaves the digests. */
  #isTold(stamp: Stamp): boolean {
    return this.#cluster.running.some(({ replica }) => covers(join(new Map(), replica.digest()), stamp))
  }

  #claim(run: Run): DigestMap {
    return run.isRunning ? this.#cluster.claim(run) : (this.#cluster.claims.get(run) as DigestMap)
  }
}
