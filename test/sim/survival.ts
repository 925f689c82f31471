/** What was acknowledged lives as long as one holder does, and what was destroyed stays so. */

import type { Stamp } from '@sessionmesh/core'
import type { Cluster, Observer } from './cluster.js'
import { short } from './describe.js'
import type { History } from './history.js'
import type { Partings } from './partings.js'
import type { AckResult, Awaited, Run } from './run.js'
import { covers, type DigestMap, join } from './stamps.js'
import type { Problem } from './world.js'

export class Survival implements Observer {
  readonly #cluster: Cluster
  readonly #history: History
  readonly #partings: Partings
  readonly #acked: { stamp: Stamp; holders: Run[] }[] = []

  constructor(cluster: Cluster, history: History, partings: Partings) {
    this.#cluster = cluster
    this.#partings = partings
    this.#history = history
  }

  get count(): number {
    return this.#acked.length
  }

  /** A missed ack is never reported as success: those who are said to hold the write hold it. */
  acked(run: Run, { stamps, need, peers: asked, askedMs }: Awaited, { peers, missing }: AckResult): void {
    const holds = (each: Run) => stamps.every((stamp) => covers(this.#claim(each), stamp))
    const holders = this.#cluster.runs.filter((each) => each !== run && holds(each))
    const told = stamps.map(short).join(' ')
    const names = () => holders.map(({ id }) => id).join(', ') || 'none'
    if (holders.length < peers)
      this.#fail(`${run.id} says that ${peers} peers hold ${told}, and ${names()} do`)
    if (missing !== undefined) return this.#checkMissed(run, told, missing, askedMs)
    if (need === 'one' && peers === 0) this.#fail(`${run.id} was to wait for one peer to hold ${told}`)
    // (Who has come since gets it with everything else; and one may be told to be back with this very input.)
    const isBack = new Set(
      run.replica.peers().flatMap((peer) => (peer.stateMs === run.now.monoMs ? peer.id : [])),
    )
    const living = run.livingPeers().filter((id) => asked.includes(id) && !isBack.has(id))
    // (One that joins is not waited for, if anybody else is there.)
    const joins = run.replica.peers().filter(({ isJoining, state }) => isJoining && state === 'alive')
    const joining = new Set(joins.map(({ id }) => id))
    const isExcused = (id: string) => peers > 0 && joining.has(id)
    const lacking = living.find((id) => !isExcused(id) && !holders.some((holder) => holder.id === id))
    if (need === 'all' && lacking !== undefined)
      this.#fail(`${run.id} says that all hold ${told}; ${names()} do, and not ${lacking}`)
    if (peers > 0) for (const stamp of stamps) this.#acked.push({ stamp, holders: [run, ...holders] })
  }

  /** When nothing is wrong, acks come in time; and else they are waited for as long as is promised, less what their writer stood still. */
  #checkMissed(run: Run, told: string, missing: string, askedMs: number): void {
    const { isCalm, world, config } = this.#cluster
    if (missing === 'SESSIONMESH_NO_PEER' && run.livingPeers().length > 0)
      this.#fail(`${run.id} says that it has no peers to hold ${told}, and has ${run.livingPeers()}`)
    const stoodMs = run.frozeMs >= askedMs ? run.thawedMs - run.frozeMs - 2 * config.heartbeatMs : 0
    const waitedMs = world.nowMs - askedMs - Math.max(0, stoodMs)
    if (missing === 'SESSIONMESH_ACK_TIMEOUT' && waitedMs < config.ackTimeoutMs - 1)
      this.#fail(`${run.id} has waited for ${waitedMs.toFixed(0)} ms for acks of ${told}, and gives up`)
    if (isCalm && missing === 'SESSIONMESH_ACK_TIMEOUT')
      world.fail('liveness', `no ack has come for ${told} of ${run.id}, and nothing was wrong`)
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
        // (Who begins anew loses nothing that others of its part should have had, unless they all do.)
        const goesOn = (each: Run) =>
          each.isRunning || (each.state === 'forgotten' && !this.#partings.gaveWay(each))
        const holder = holders.find(goesOn)
        if (holder !== undefined && this.#isHidden(run, stamp))
          return { invariant: 'survival', text: `${run.id} hides ${short(stamp)}, which was acknowledged` }
        // Of an origin that is gone it need not even be told any more; then the states are compared.
        if (holder === undefined || covers(claims, stamp) || !this.#isTold(stamp)) continue
        const text = `${run.id} lacks ${short(stamp)}, which was acknowledged, and which ${holder.id} holds`
        return { invariant: 'survival', text }
      }
    }
    return undefined
  }

  /** It is held, and nobody gets to see it. */
  #isHidden(run: Run, stamp: Stamp): boolean {
    const write = this.#history.at(stamp)
    if (write === undefined || this.#cluster.canExpire || this.#history.isDestroyed(write.sid)) return false
    return covers(this.#claim(run), stamp) && !run.replica.has(write.sid, run.now)
  }

  /** Once nothing bears its stamps any more, an origin that is gone leaves the digests. */
  #isTold(stamp: Stamp): boolean {
    return this.#cluster.running.some(({ replica }) => covers(join(new Map(), replica.digest()), stamp))
  }

  #fail(text: string): never {
    return this.#cluster.world.fail('survival', text)
  }

  #claim(run: Run): DigestMap {
    return run.isRunning ? this.#cluster.claim(run) : (this.#cluster.claims.get(run) as DigestMap)
  }
}
