/**
 * Digests are exact: a member's state is the merge of precisely the writes that its digest claims, nothing
 * missing and nothing more. Stamps only rise. Looked at again and again while the history runs, and at everything in the end.
 */

import type { Stamp } from '@sessionmesh/core'
import type { Cluster, SessionRecord } from './cluster.js'
import { short } from './describe.js'
import { ClaimedState, type History, type ModelRecord, valueId } from './history.js'
import { SLOWEST_MS } from './network.js'
import type { Run } from './run.js'
import { compareStamps, covers, type DigestMap } from './stamps.js'

/**
 * An age is told in whole ms. Of the time on its way each link counts what the quickest frame took, and not more; and what
 * came on a slow one may be taken for later than what was used just before it, and hide that.
 */
const LATER_MS = 50
/** Besides all sessions of which more is claimed than at the last look. */
const SAMPLES = 10

export class Exactness {
  readonly #cluster: Cluster
  readonly #history: History
  readonly #claimed = new Map<Run, ClaimedState>()
  looks = 0
  /** Looks at which a member held deltas back. */
  held = 0

  constructor(cluster: Cluster, history: History) {
    this.#cluster = cluster
    this.#history = history
  }

  /** Looks at what changed and at some of the rest, or at everything. */
  check(isWhole = false): void {
    for (const run of this.#cluster.running) {
      this.#checkDigest(run)
      this.#checkQueues(run)
      this.#checkHasAll(run)
      if (Number.isFinite(run.readyMs)) this.#checkState(run, isWhole)
    }
  }

  #checkDigest(run: Run): void {
    const claims = this.#cluster.claims.get(run) as DigestMap
    for (const stamp of run.replica.digest()) {
      const known = claims.get(stamp.origin)
      if (known !== undefined && compareStamps(known, stamp) > 0)
        this.#fail(`the digest of ${run.id} sank from ${short(known)} to ${short(stamp)}`)
    }
    // A member that is not ready yet may tell of an origin, and no more of it once it is.
    this.#cluster.claim(run)
  }

  /** For each link what one may take. (That one is counted as it is held, not as it is sent.) */
  #checkQueues({ id, replica, links, unreadBytes }: Run): void {
    const { world, config } = this.#cluster
    const most = config.maxLinkBufferBytes * links
    if (replica.heldBytes > most)
      world.fail('limits', `${id} holds back ${replica.heldBytes} bytes of deltas of ${links} links`)
    if (unreadBytes > most)
      world.fail('limits', `${id} keeps ${unreadBytes} bytes for slow readers of ${links} links`)
    if (replica.heldBytes > 0) this.held++
  }

  /** Nobody has more of who is gone than who says that he has all of it. (What is cut short by that, counts on it.) */
  #checkHasAll(run: Run): void {
    const { running } = this.#cluster
    // (Who stands still has not heard that it is back.)
    if (run.isFrozen) return
    const peers = run.replica.peers()
    const isKnown = ({ id }: Run) =>
      id === run.id || peers.some((peer) => peer.id === id && peer.state !== 'left')
    if (!running.every(isKnown)) return
    const claims = this.#cluster.claim(run)
    for (const { id, state } of peers) {
      // (One that lives, and is held for dead, may tell somebody else any moment.)
      const isGone = (state === 'dead' || state === 'left') && !running.some((each) => each.id === id)
      if (!isGone || !run.replica.hasAllOf(id)) continue
      for (const other of running) {
        const theirs = this.#cluster.claim(other).get(id)
        if (theirs !== undefined && !covers(claims, theirs))
          this.#fail(`${run.id} says that it has all of ${id}, and ${other.id} has ${short(theirs)}`)
      }
    }
  }

  #checkState(run: Run, isWhole: boolean): void {
    this.looks++
    const claims = this.#cluster.claim(run)
    const claimed = this.#claimed.get(run) ?? new ClaimedState(this.#history)
    this.#claimed.set(run, claimed)
    const sids = claimed.follow(claims)
    for (const sid of this.#sample(claimed, isWhole)) sids.add(sid)
    for (const sid of sids) this.#checkRecord(run, sid, claimed.records.get(sid), claims)
    const isNew = (sid: string) => !claimed.records.has(sid)
    for (const { sid, whole } of run.replica.records())
      if (whole && isNew(sid)) this.#fail(`${run.id} holds ${sid}, of which its digest claims nothing`)
  }

  *#sample({ records }: ClaimedState, isWhole: boolean): Generator<string> {
    const { checking } = this.#cluster.world
    const share = isWhole ? 1 : SAMPLES / records.size
    for (const sid of records.keys()) if (isWhole || checking.chance(share)) yield sid
  }

  #checkRecord(run: Run, sid: string, model: ModelRecord | undefined, claims: DigestMap): void {
    const held = run.replica.record(sid)
    if (model === undefined || (held === undefined && model.destroyed !== undefined)) return
    if (this.#history.isDestroyExcused(sid)) return
    // What took an attribute or a session away may be of an origin that a newcomer is not even told of.
    const taken = this.#takenAway(sid, claims)
    if (held === undefined && (this.#cluster.canExpire || taken.has(undefined))) return
    // Expired, and forgotten here or there.
    const { canExpire } = this.#cluster
    if (canExpire && held?.destroyed === undefined && !run.replica.has(sid, run.now)) return
    const problem =
      held === undefined
        ? 'it is missing'
        : (differs(model, held, taken, this.#cluster.graceHolds) ?? this.#usedElse(run, model, held))
    if (problem !== undefined) this.#fail(`${run.id} holds of ${sid} not what its digest claims: ${problem}`)
  }

  /** How the last use of which all were told differs from the model, if it does. (Where hosts are suspended nothing expires.) */
  #usedElse(run: Run, { usedMs, destroyed }: ModelRecord, held: SessionRecord): string | undefined {
    if (!this.#cluster.canExpire || !held.whole || destroyed !== undefined || held.destroyed !== undefined)
      return undefined
    if (held.used === undefined) return 'never used'
    const wrongMs = run.now.monoMs - held.used.atMs - (this.#cluster.world.nowMs - usedMs)
    const isRight = wrongMs < this.#laterMs && -wrongMs < this.#cluster.config.deadAfterMs
    return isRight ? undefined : `used ${wrongMs.toFixed(0)} ms before it was`
  }

  get #laterMs(): number {
    return LATER_MS + (this.#cluster.scenario.faults.includes('slow') ? SLOWEST_MS : 0)
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

  #fail(text: string): never {
    return this.#cluster.world.fail('exactness', text)
  }
}

/** How what is held differs from the model, if it does. Marks of removal may be gone already. */
function differs(
  model: ModelRecord,
  held: SessionRecord,
  taken: ReadonlyMap<string | undefined, Stamp>,
  hasGrace: boolean,
): string | undefined {
  if (!held.whole || (taken.has(undefined) && held.destroyed !== undefined)) return undefined
  if (model.destroyed !== undefined || held.destroyed !== undefined) {
    // (Where tombstones go at once, the later of two destroys may be gone before the earlier one comes.)
    const isOlder = !hasGrace && model.destroyed !== undefined && held.destroyed !== undefined
    const isSame = isOlder || compareOptional(model.destroyed, held.destroyed)
    return isSame ? undefined : `destroyed ${short(held.destroyed)} instead of ${short(model.destroyed)}`
  }
  const attributes = new Map((held.above(undefined)?.attributes ?? []).map((each) => [each.name, each]))
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
  if (model.lifetime?.ttlMs !== held.lifetime?.ttlMs)
    return `ttl ${held.lifetime?.ttlMs} instead of ${model.lifetime?.ttlMs}`
  if (!compareOptional(model.created, held.created))
    return `created ${short(held.created)} instead of ${short(model.created)}`
  return undefined
}

function compareOptional(a: Stamp | undefined, b: Stamp | undefined): boolean {
  return a === undefined || b === undefined ? a === b : compareStamps(a, b) === 0
}
