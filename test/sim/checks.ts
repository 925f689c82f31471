/** The promises, each checked against the log of all writes and against what really was the case. */

import type { CoreEvent, Stamp } from '@sessionmesh/core'
import type { Cluster, Observer } from './cluster.js'
import { short } from './describe.js'
import type { Expiry } from './expiry.js'
import { type History, type ModelRecord, valueId } from './history.js'
import type { AckResult, Run } from './run.js'
import { compareStamps, covers, type DigestMap } from './stamps.js'

type Held = NonNullable<ReturnType<Cluster['recordOf']>>

export class Checks implements Observer {
  readonly #cluster: Cluster
  readonly #history: History
  readonly #expiry: Expiry
  readonly #acked: { stamp: Stamp; holders: Run[] }[] = []
  readonly counts = { acked: 0, dead: 0, states: 0 }

  constructor(cluster: Cluster, history: History, expiry: Expiry) {
    this.#cluster = cluster
    this.#history = history
    this.#expiry = expiry
  }

  event(run: Run, event: CoreEvent): void {
    if (event.type === 'member' && event.state === 'dead') this.#checkVerdict(run, event.peer.id)
    if (event.type === 'session' && event.change === 'expired') this.#expiry.event(run, event.sid)
  }

  /** A missed ack is never reported as success: those who are said to hold the write hold it. */
  acked(run: Run, stamp: Stamp, { peers, missing }: AckResult): void {
    if (missing !== undefined) return
    this.counts.acked++
    const holders = this.#cluster.runs.filter((each) => each !== run && covers(this.#claim(each), stamp))
    if (holders.length < peers) {
      this.#fail(`${run.id} says that ${peers} peers hold ${short(stamp)}, and ${names(holders)} do`)
    }
    if (peers > 0) this.#acked.push({ stamp, holders })
  }

  /** A digest is exact: a member's state is the merge of precisely the writes that it claims. */
  states(): void {
    for (const run of this.#cluster.running) {
      const before = [...(this.#cluster.claims.get(run) as DigestMap).values()]
      for (const stamp of run.replica.digest()) {
        const known = before.find(({ origin }) => origin === stamp.origin)
        if (known !== undefined && compareStamps(known, stamp) > 0) {
          this.#fail(`the digest of ${run.id} sank from ${short(known)} to ${short(stamp)}`)
        }
      }
      if (run.isReady) this.#checkState(run)
    }
  }

  #checkState(run: Run): void {
    this.counts.states++
    const claims = this.#claim(run)
    const expected = this.#history.claimedBy(claims)
    const actual = new Map([...run.replica.records()].map((record) => [record.sid, record]))
    for (const [sid, model] of expected) {
      const held = actual.get(sid)
      if ((held === undefined && model.destroyed !== undefined) || this.#history.isDestroyExcused(sid))
        continue
      // What took an attribute or a session away may be of an origin that a newcomer is not even told of.
      const taken = this.#takenAway(sid, claims)
      if (held === undefined && (this.#cluster.canExpire || taken.has(undefined))) continue
      // Expired, and forgotten here or there.
      if (this.#cluster.canExpire && held?.destroyed === undefined && !run.replica.has(sid, run.now)) continue
      const problem = held === undefined ? 'it is missing' : differs(model, held, taken, run)
      if (problem !== undefined)
        this.#fail(`${run.id} holds of ${sid} not what its digest claims: ${problem}`)
    }
    for (const [sid, held] of actual) {
      if (!expected.has(sid) && held.whole)
        this.#fail(`${run.id} holds ${sid}, of which its digest claims nothing`)
    }
  }

  /**
   * When what was last removed, and (under `undefined`) destroyed, by origins of which the digest says nothing:
   * they are gone, and nothing bears their stamps any more.
   */
  #takenAway(sid: string, claims: DigestMap): Map<string | undefined, Stamp> {
    const taken = new Map<string | undefined, Stamp>()
    for (const { stamp, run, attributes, isDestroy } of this.#history.writesOf(sid)) {
      if (claims.has(stamp.origin) || run.isRunning) continue
      const names: (string | undefined)[] = isDestroy ? [undefined] : []
      for (const [name, value] of attributes) if (value === undefined) names.push(name)
      for (const name of names) {
        const known = taken.get(name)
        if (known === undefined || compareStamps(stamp, known) > 0) taken.set(name, stamp)
      }
    }
    return taken
  }

  /** A verdict of death over a member that answers is wrong, and an own stall accuses nobody. */
  #checkVerdict(run: Run, id: string): void {
    this.counts.dead++
    const accused = this.#cluster.runs.find((each) => each.id === id)
    if (accused?.isRunning !== true || accused.isFrozen) return
    const { nowMs } = this.#cluster.world
    const heardMs = run.heardMs.get(id)
    const { deadAfterMs } = this.#cluster.config
    if (heardMs !== undefined && nowMs - heardMs < deadAfterMs - 1) {
      this.#fail(`${run.id} finds ${id} dead, which it heard ${(nowMs - heardMs).toFixed(0)} ms ago`)
    }
    const wasWell = nowMs - accused.thawedMs > deadAfterMs && nowMs - accused.startedMs > deadAfterMs
    const healthyMs = nowMs - this.#cluster.network.lastCutMs(run.host, accused.host)
    if (wasWell && healthyMs > 3 * deadAfterMs && nowMs - run.thawedMs < 500 && run.frozeMs < run.thawedMs) {
      this.#fail(
        `${run.id} stood still until ${(nowMs - run.thawedMs).toFixed(0)} ms ago, and finds ${id} dead`,
      )
    }
  }

  // ---- when all is well again ----

  /** What keeps the members from being one cluster, if anything. */
  whyNotWhole(): string | undefined {
    const { running } = this.#cluster
    if (running.length < this.#cluster.hosts.length) return 'a host is down'
    for (const run of running) if (!run.isReady) return `${run.id} is not ready`
    for (const a of running)
      for (const b of running)
        if (a !== b && !this.#cluster.isLinkedBothWays(a, b)) return `${a.id} and ${b.id} have no link`
    return undefined
  }

  converged(): void {
    const { running } = this.#cluster
    this.states()
    for (const run of running)
      for (const other of running) if (run !== other) this.#checkHolds(other, this.#stateOf(run), run)
    this.#checkSurvival(running)
  }

  #checkHolds(run: Run, expected: ReadonlyMap<string, string>, of: Run): void {
    const state = this.#stateOf(run)
    for (const [sid, text] of expected) {
      const held = state.get(sid)
      if (held === text || (held === undefined && this.#isAboutToExpire(of, sid))) continue
      this.#fail(`${sid}: ${of.id} holds ${text}, ${run.id} ${held ?? 'nothing'}`)
    }
  }

  /** Clocks and touches are not told at once: the end comes a little earlier here than there. */
  #isAboutToExpire(run: Run, sid: string): boolean {
    const view = run.replica.load(sid, run.now)
    return view === undefined || view.remainingMs < view.ttlMs / 2
  }

  #checkSurvival(running: readonly Run[]): void {
    for (const run of running) {
      const claims = this.#claim(run)
      for (const { stamp, run: writer, isDestroy, sid } of this.#history.writes) {
        if (writer.isRunning && !covers(claims, stamp)) this.#fail(`${run.id} lacks ${short(stamp)}`)
        const isLiving = isDestroy && covers(claims, stamp) && run.replica.has(sid, run.now)
        if (isLiving && !this.#history.isDestroyExcused(sid))
          this.#fail(`${sid} was destroyed, and lives on ${run.id}`)
      }
      for (const { stamp, holders } of this.#acked) {
        const holder = holders.find(({ isRunning }) => isRunning)
        // Of an origin that is gone it need not even be told any more; then the states are compared.
        if (holder !== undefined && !covers(claims, stamp) && claims.has(stamp.origin))
          this.#fail(`${run.id} lacks ${short(stamp)}, which was acknowledged by ${holder.id}`)
      }
    }
  }

  /** All that waits is done, and what was destroyed leaves nothing behind. */
  settled(): void {
    const { running } = this.#cluster
    const [first] = running
    for (const run of running) {
      const { replica } = run
      if (replica.pending > 0) this.#fail(`${run.id} still waits for ${replica.pending} answers`)
      if (replica.tombstones > 0) {
        const sids = [...replica.records()]
          .filter(({ destroyed }) => destroyed !== undefined)
          .map(({ sid }) => sid)
        this.#fail(`${run.id} keeps the tombstones of ${sids}`)
      }
      const digest = (each: Run) => each.replica.digest().map(short).sort().join(' ')
      if (first !== undefined && digest(run) !== digest(first))
        this.#fail(`the digests differ: ${first.id} [${digest(first)}], ${run.id} [${digest(run)}]`)
      for (const peer of replica.peers()) {
        const other = this.#cluster.runs.find(({ id }) => id === peer.id)
        if (other?.isRunning === true && peer.state !== 'alive')
          this.#fail(`${run.id} holds ${peer.id} for ${peer.state}`)
        if (other?.isRunning !== true && (peer.state === 'alive' || peer.state === 'suspect'))
          this.#fail(`${run.id} holds ${peer.id} for ${peer.state}, which is gone`)
      }
    }
  }

  /** The records, and who answers for them, as text. Tombstones and marks of removal go in their own time. */
  #stateOf(run: Run): Map<string, string> {
    const state = new Map<string, string>()
    for (const record of run.replica.records()) {
      if (this.#history.isDestroyExcused(record.sid)) continue
      const whole = record.above(undefined, run.now)
      if (record.destroyed !== undefined || whole === undefined) continue
      const isExpired = !run.replica.has(record.sid, run.now)
      if (isExpired && this.#cluster.canExpire) continue
      const attributes = whole.attributes
        .filter(({ value }) => value !== undefined)
        .map(({ name, value, stamp }) => `${name} ${valueId(value as Uint8Array)} ${short(stamp)}`)
      const owner = run.replica.owner(record.sid, run.now)
      const text = [`created ${short(record.created)}`, ...attributes.sort(), `ttl ${record.lifetime?.ttlMs}`]
      state.set(record.sid, `${text.join(', ')}, owner ${owner}`)
    }
    return state
  }

  #claim(run: Run): DigestMap {
    return run.isRunning ? this.#cluster.claim(run) : (this.#cluster.claims.get(run) as DigestMap)
  }

  #fail(text: string): never {
    return this.#cluster.world.fail(text)
  }
}

function names(runs: readonly Run[]): string {
  return runs.map(({ id }) => id).join(', ') || 'none'
}

/** How what is held differs from the model, if it does. Marks of removal may be gone already. */
function differs(
  model: ModelRecord,
  held: Held,
  taken: ReadonlyMap<string | undefined, Stamp>,
  run: Run,
): string | undefined {
  if (!held.whole || (taken.has(undefined) && held.destroyed !== undefined)) return undefined
  if (model.destroyed !== undefined || held.destroyed !== undefined) {
    const isSame = compareOptional(model.destroyed, held.destroyed)
    return isSame ? undefined : `destroyed ${short(held.destroyed)} instead of ${short(model.destroyed)}`
  }
  const attributes = new Map(
    (held.above(undefined, run.now)?.attributes ?? []).map((each) => [each.name, each]),
  )
  for (const [name, { value, stamp }] of model.attributes) {
    const attribute = attributes.get(name)
    const takenAt = taken.get(name)
    const isTaken = takenAt !== undefined && compareStamps(takenAt, stamp) > 0
    if (attribute === undefined && (value === undefined || isTaken)) continue
    if (!compareOptional(attribute?.stamp, stamp))
      return `${name} ${short(attribute?.stamp)} instead of ${short(stamp)}`
    const id = attribute?.value === undefined ? undefined : valueId(attribute.value)
    if (id !== value) return `${name} is ${id} instead of ${value}`
  }
  for (const { name, stamp } of attributes.values())
    if (!model.attributes.has(name)) return `${name} ${short(stamp)}, which is not claimed`
  if (!compareOptional(model.lifetime?.stamp, held.lifetime?.stamp)) return 'another lifetime'
  if (!compareOptional(model.created, held.created))
    return `created ${short(held.created)} instead of ${short(model.created)}`
  return undefined
}

function compareOptional(a: Stamp | undefined, b: Stamp | undefined): boolean {
  return a === undefined || b === undefined ? a === b : compareStamps(a, b) === 0
}
