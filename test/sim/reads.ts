/**
 * What a client is shown, held against what it has seen: it reads what it wrote, never older than it read
 * before. What a member serves without all of that it has to count, and it may do so only when nobody who has
 * it could be reached.
 */

import type { Base, CoreEvent, Stamp, View } from '@sessionmesh/core'
import type { Cluster, Observer } from './cluster.js'
import { short } from './describe.js'
import { type History, valueId, type Write } from './history.js'
import { RECOVERY_MS } from './reach.js'
import type { Run } from './run.js'
import { compareStamps, covers, isNamed, stampKey } from './stamps.js'

/** Stands for the end of a session among what a client has seen of it. */
export const END = '(end)'

/** The stamps of the attributes that a client has seen or written. */
export type Seen = ReadonlyMap<string, Stamp>

/** What a client's cookie stands for. */
export interface Knowledge {
  readonly token: readonly Stamp[]
  readonly seen: Seen
}

/** One read, from its catching up to what was served. */
export interface Attempt {
  readonly run: Run
  readonly sid: string
  readonly startedMs: number
  readonly seen: Seen
  readonly token: readonly Stamp[]
  readonly lostBefore: number
  /** When it began only a part of the session was there, or not its creation. */
  readonly wasPart: boolean
  /** Who had what the client has seen when it asked, and could be reached. */
  readonly holders: ReadonlyMap<string, readonly Run[]>
}

/** Counted as lost, it is not waited for again; counted as stale, until some read is told that it is lost. */
export type Missing = 'given up' | 'awaited'

export class Reads implements Observer {
  readonly #cluster: Cluster
  readonly #history: History
  /** Reads served without all that the client had seen: nobody had it, nobody could be reached, nobody was known. */
  readonly counts = { lost: 0, unreachable: 0, island: 0, shownLost: 0 }

  constructor(cluster: Cluster, history: History) {
    this.#cluster = cluster
    this.#history = history
  }

  event(run: Run, event: CoreEvent): void {
    if (event.type === 'warning' && event.code === 'SESSIONMESH_LOST_WRITE')
      this.#checkLost(run, event.message)
  }

  /** What is said to be lost is lacking: somebody may have it, but not who says so. */
  #checkLost(run: Run, message: string): void {
    const origin = /a write of (\S+),/.exec(message)?.[1] ?? ''
    const claims = this.#cluster.claim(run)
    const isLacking = this.#history.writesBy(origin).some(({ stamp }) => !covers(claims, stamp))
    if (!isLacking)
      this.#cluster.world.fail('causality', `${run.id} calls a write of ${origin} lost, and lacks none`)
  }

  begin(run: Run, sid: string, { seen, token }: Knowledge): Attempt {
    const { running, world } = this.#cluster
    const holders = new Map<string, Run[]>()
    const claims = this.#cluster.claim(run)
    for (const stamp of seen.values()) {
      if (covers(claims, stamp)) continue
      const having = running.filter((each) => {
        if (!each.isServing) return false
        const claims = this.#cluster.claim(each)
        // (Without its creation nobody can give a session, or show it.)
        const created = each.replica.record(sid)?.created ?? stamp
        return covers(claims, stamp) && covers(claims, created)
      })
      holders.set(
        stampKey(stamp),
        having.filter((each) => each !== run && this.#cluster.reach.isLinkedBothWays(run, each)),
      )
    }
    const lostBefore = run.replica.counters.lostWrites
    const wasPart = this.#isPart(run, sid)
    return { run, sid, startedMs: world.nowMs, seen, token, lostBefore, wasPart, holders }
  }

  /** Returns the attributes that were missing, rightly so: will they be waited for again? */
  served(attempt: Attempt, view: View | undefined, isStale: boolean): Map<string, Missing> {
    this.#checkDestroyed(attempt.run, attempt.sid, view?.base)
    if (!isStale) this.#checkFresh(attempt)
    else this.checkCounted(attempt.run)
    const missing = new Map<string, Missing>()
    for (const [name, stamp] of attempt.seen) {
      if (this.#isShown(attempt, view, name, stamp)) continue
      missing.set(name, this.#excuse(attempt, name, stamp, view?.base, isStale))
    }
    return missing
  }

  /** What a member serves as stale it counts as that, and nothing else. */
  checkCounted(run: Run): void {
    const { staleReads } = run.replica.counters
    if (staleReads !== run.staleReads)
      this.#cluster.world.fail(
        'causality',
        `${run.id} has served ${run.staleReads} stale reads, and counts ${staleReads}`,
      )
  }

  /** It lacks what the token names, or has a part of the session, or may lack anything. */
  checkStale({ run, sid, token, wasPart }: Attempt): void {
    const claims = this.#cluster.claim(run)
    const isPart = wasPart || this.#isPart(run, sid)
    const isLacking = isPart || run.replica.isBehind || token.some((stamp) => !covers(claims, stamp))
    if (!isLacking)
      this.#cluster.world.fail('causality', `${run.id} calls ${sid} stale, and lacks nothing of it`)
  }

  #isPart(run: Run, sid: string): boolean {
    const record = run.replica.record(sid)
    return record !== undefined && (!record.whole || !covers(this.#cluster.claim(run), record.created))
  }

  #checkDestroyed(run: Run, sid: string, base: Base | undefined): void {
    if (base === undefined) return
    const { world } = this.#cluster
    const claims = this.#cluster.claim(run)
    this.#checkFormer(run, sid)
    if (this.#history.isDestroyExcused(sid)) return
    for (const write of this.#history.writesOf(sid))
      if (write.isDestroy && covers(claims, write.stamp))
        world.fail(
          'destroyed',
          `${run.id} has merged the destroy ${short(write.stamp)} of ${sid}, and shows the session`,
        )
  }

  /** It stood still while peers wrote that it knew to be alive: it has asked them all, or goes on only much later. */
  #checkFresh({ run, startedMs }: Attempt): void {
    const { world, config } = this.#cluster
    const { frozeMs, thawedMs } = run
    // (On a host that was suspended, and whose wall clock was set back meanwhile, nothing shows it.)
    const hasStood = run.stoodMs > config.suspectAfterMs + 2 * config.heartbeatMs
    const isOver = world.nowMs > thawedMs + config.deadAfterMs - SLACK_MS
    if (run.readyMs > frozeMs || !hasStood || startedMs < thawedMs || isOver) return
    const claims = this.#cluster.claim(run)
    // (Whom it has found dead since, it could not reach.)
    const thawedOwnMs = run.now.monoMs - (world.nowMs - thawedMs) - ROUNDING_MS
    const living = new Set(run.replica.peers().flatMap(({ id, goneMs }) => (goneMs < thawedOwnMs ? id : [])))
    for (const { run: other, atMs, stamp } of this.#history.writes) {
      if (atMs < frozeMs || atMs > thawedMs || !other.isRunning || covers(claims, stamp)) continue
      if (!run.livingAtThaw.has(other.id) || !living.has(other.id)) continue
      const when = `${(world.nowMs - thawedMs).toFixed(1)} ms after it stood still`
      world.fail('freshness', `${run.id} serves ${when}, and has not heard of ${short(stamp)}`)
    }
  }

  /** Of a session that was fetched by id, for one read, the end of its former id may still be on its way. */
  #checkFormer(run: Run, sid: string): void {
    const former = this.#history.formerSids.get(sid)
    const record = run.replica.record(sid)
    if (former === undefined || record === undefined || this.#history.isDestroyExcused(former)) return
    if (run.replica.has(former, run.now) && covers(this.#cluster.claim(run), record.created))
      this.#cluster.world.fail(
        'regenerate',
        `${run.id} holds ${sid}, and still shows ${former}, which it was`,
      )
  }

  #isShown({ run, sid }: Attempt, view: View | undefined, name: string, stamp: Stamp): boolean {
    // A session that is over shows nothing, whatever its client has seen of it.
    if (view === undefined) return this.#cluster.canExpire || this.#history.isDestroyed(sid)
    if (name === END) return false
    const { base, isFetched } = view
    const value = base.attributes.get(name)
    if (value !== undefined) {
      const write = this.#history.writesOfValue(valueId(value))?.last
      return write !== undefined && compareStamps(write.stamp, stamp) >= 0
    }
    // Removed since; the member must know that, of its own or from whom it has asked. (Of an origin that is gone, and
    // of which nothing is left, a newcomer is not even told.)
    const claims = this.#cluster.claim(run)
    const isUntold = (write: Write) => !write.run.isRunning && !claims.has(write.stamp.origin)
    const isKnown = (write: Write) => isFetched || covers(claims, write.stamp) || isUntold(write)
    return this.#history.writesOf(sid).some((write) => {
      const removes = write.attributes.has(name) && write.attributes.get(name) === undefined
      return removes && compareStamps(write.stamp, stamp) >= 0 && isKnown(write)
    })
  }

  #excuse(attempt: Attempt, name: string, stamp: Stamp, base: Base | undefined, isStale: boolean): Missing {
    const { run, sid, startedMs, lostBefore } = attempt
    const { world } = this.#cluster
    const what =
      name === END
        ? `the end of ${sid} to a client that ended it as ${short(stamp)}`
        : `${sid}${base === undefined ? '' : `.${name}`} to a client that has seen ${short(stamp)}`
    if (name === END && this.#history.isDestroyExcused(sid)) return this.#count('island')
    const isCounted = isStale || run.replica.counters.lostWrites > lostBefore
    // (What the token did not name all had who were known, and all of them may be gone.)
    if (isNamed(attempt.token, stamp) && !isCounted)
      world.fail('causality', `${run.id} does not show ${what}, which the token names, and does not count it`)
    if (this.#cluster.isLost(stamp)) return this.#count('lost')
    const isIsland = this.#history.at(stamp)?.isIsland || this.#cluster.islands.has(run)
    // (Of islands that have just met each does not know what the other has.)
    const haveMet = (each: Run) =>
      !isIsland || this.#cluster.reach.hasKnown(each, run, startedMs - RECOVERY_MS)
    const holder = attempt.holders
      .get(stampKey(stamp))
      ?.find((each) => haveMet(each) && this.#couldBeReached(run, each, startedMs))
    if (holder !== undefined)
      world.fail('causality', `${run.id} does not show ${what}, which ${holder.id} has and could have told`)
    if (isIsland) return this.#count('island')
    if (!isCounted) world.fail('causality', `${run.id} does not show ${what}, and does not count it`)
    // Counted as stale it is still named by the token, unless its origin is forgotten here; counted as lost it is not.
    this.#count('unreachable')
    const isRemembered = run.replica.peers().some(({ id }) => id === stamp.origin)
    const isLost = run.replica.counters.lostWrites > lostBefore
    return isStale && isRemembered && !isLost ? 'awaited' : 'given up'
  }

  #count(why: keyof Reads['counts']): 'given up' {
    this.counts[why]++
    return 'given up'
  }

  #couldBeReached(run: Run, holder: Run, atMs: number): boolean {
    const isEitherWay =
      this.#cluster.reach.couldReach(run, holder, atMs) && this.#cluster.reach.couldReach(holder, run, atMs)
    // (Who has begun alone just now, and is being found, has nothing yet.)
    const isOld = run.startedMs < atMs - RECOVERY_MS
    return isEitherWay && isOld && holder.isServing && this.#cluster.reach.isLinkedBothWays(run, holder)
  }
}

/** What the network and the end of a turn take. */
const SLACK_MS = 200
/** Of the same moment on another clock. */
const ROUNDING_MS = 0.001
