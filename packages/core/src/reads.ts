/**
 * Reads that must not be served yet. A client's token names what it has seen elsewhere; until that is merged
 * here the read waits: for the delta, which is usually on its way; then for the session itself, asked for by
 * id; then it is served as it is, and counted.
 */

import { dropOldest } from './bounded.js'
import type { Context } from './context.js'
import { Digest } from './digest.js'
import type { Questions } from './questions.js'
import type { SessionRecord } from './session.js'
import { formatStamp, type Instant, laterStamp, type Stamp } from './stamp.js'

interface Wait {
  readonly wait: number
  readonly sid: string
  needs: Stamp[]
  /** The session's creation is among them, whether or not the token names it. */
  needsCreation: boolean
  /** Then it asks for the session by id; `askTimeoutMs` later it is served as it is. */
  askMs: number
}

/** A death loses the writes of a moment. */
const MAX_TOLD_LOST = 1_000

export class Reads {
  readonly #context: Context
  readonly #questions: Questions
  readonly #waits = new Map<string, Set<Wait>>()
  #lastWait = 0
  readonly #behindUntilMs: () => number | undefined
  /** Lost writes of which some read has been told. */
  readonly #toldLost = new Set<string>()

  /**
   * @param behindUntilMs until when at the latest this member may have missed what happened, because it joins, or
   * stood still and has not caught up: no read is served before.
   */
  constructor(context: Context, questions: Questions, behindUntilMs: () => number | undefined) {
    this.#context = context
    this.#questions = questions
    this.#behindUntilMs = behindUntilMs
  }

  /** Sessions that reads wait for. */
  get pending(): number {
    return this.#waits.size
  }

  /** What reads of a session wait for; `undefined` when none waits. */
  neededFor(sid: string): Stamp[] | undefined {
    const waits = this.#waits.get(sid)
    return waits === undefined ? undefined : [...waits].flatMap(({ needs }) => needs)
  }

  /** The number of a `caughtUp` effect to come, or `undefined` when the read may be served at once. */
  catchUp(sid: string, token: readonly Stamp[], now: Instant): number | undefined {
    if (token.every((stamp) => this.#context.digest.covers(stamp)) && this.#isPlain(sid)) return undefined
    const { waitMs } = this.#context.config
    // While it catches up, everything is being pulled: nothing is asked for one by one.
    const askMs = (this.#behindUntilMs() ?? now.monoMs) + waitMs
    const wait: Wait = { wait: ++this.#lastWait, sid, needs: [...token], needsCreation: false, askMs }
    if (this.#isSatisfied(wait)) return undefined
    this.#context.counters.waitedReads++
    const waits = this.#waits.get(sid) ?? new Set()
    this.#waits.set(sid, waits.add(wait))
    return wait.wait
  }

  /** Nothing is missing that a read without a token would wait for: as nearly every read finds it. */
  #isPlain(sid: string): boolean {
    if (this.#behindUntilMs() !== undefined) return false
    const record = this.#context.records.get(sid)
    return record === undefined || (record.whole && !this.#isHidden(record))
  }

  /**
   * What a client has seen here, joined with what it had seen before, less what every member has that has not
   * left: one that is found dead may be cut off, and be asked by this client when it is back.
   */
  token(sid: string, brought: readonly Stamp[], now: Instant): Stamp[] {
    const { digest, members } = this.#context
    const seen: Stamp[] = []
    for (const stamp of brought)
      if (this.#isNeeded(stamp) && (digest.covers(stamp) || !this.#isDropped(stamp))) raise(seen, stamp)
    let last: Stamp | undefined
    for (const stamp of this.#questions.view(sid, now)?.stamps() ?? []) {
      // (Most of a session is of one write. And a creation that died with its writer is shown by what others wrote later, and
      // will never come.)
      const isShown = stamp !== last && (digest.covers(stamp) || !members.isNowhere(stamp))
      if (isShown && this.#isNeeded(stamp)) raise(seen, stamp)
      last = stamp
    }
    return seen
  }

  #isNeeded(stamp: Stamp): boolean {
    return !this.#context.isEverywhere(stamp)
  }

  /** What was lost is dropped once a read has been told of it: else it would go uncounted. */
  #isDropped(stamp: Stamp): boolean {
    const { members, self } = this.#context
    if (stamp.origin !== self.id && members.get(stamp.origin) === undefined) return true
    return this.#toldLost.has(formatStamp(stamp)) && members.isGoneForAll(stamp.origin)
  }

  /** This member stood still: what a read waits for may be here, and is still to be read. */
  creditStall(ms: number): void {
    for (const wait of this.#allWaits()) wait.askMs += ms
  }

  /** This member holds again what it should, earlier than it had to: reads that came meanwhile wait no longer than others. */
  caughtUp(now: Instant): void {
    const askMs = now.monoMs + this.#context.config.waitMs
    for (const wait of this.#allWaits()) wait.askMs = Math.min(wait.askMs, askMs)
  }

  /** The digest rose, an answer came, or a member changed: what can be merged and served now? */
  settle(now: Instant): void {
    this.#questions.settle(now)
    if (this.#waits.size === 0) return
    for (const wait of this.#allWaits()) if (this.#isSatisfied(wait)) this.#end(wait, false)
  }

  tick(now: Instant): void {
    if (this.#waits.size === 0 && this.#questions.size === 0) return
    const due: string[] = []
    for (const [sid, waits] of this.#waits) {
      const isDue = [...waits].some(({ askMs }) => askMs <= now.monoMs)
      if (isDue && this.#questions.get(sid) === undefined) due.push(sid)
    }
    if (due.length > 0) this.#questions.fetch(due, undefined, now)
    this.#questions.goOnWithoutAnswer(now)
    for (const wait of this.#allWaits()) {
      if (this.#deadlineMs(wait) > now.monoMs) continue
      // Or each read of this client would wait for it, as long as its token names it. (While this member is behind, a read waits
      // whatever it needs.)
      for (const stamp of this.#context.digest.lacking(wait.needs))
        if (this.#isOutOfReach(stamp, now)) this.tellLost(stamp)
      this.#context.counters.staleReads++
      this.#context.warn('SESSIONMESH_STALE_READ', STALE)
      this.#end(wait, true)
    }
  }

  nextMs(): number {
    let next = Number.POSITIVE_INFINITY
    if (this.#waits.size === 0) return next
    for (const wait of this.#allWaits()) {
      const question = this.#questions.get(wait.sid)
      const deadlineMs = this.#deadlineMs(wait)
      const askMs = question === undefined ? wait.askMs : (question.asking?.untilMs ?? deadlineMs)
      next = Math.min(next, askMs, deadlineMs)
    }
    return next
  }

  #deadlineMs({ askMs }: Wait): number {
    return askMs + this.#context.config.askTimeoutMs
  }

  *#allWaits(): Generator<Wait> {
    for (const waits of this.#waits.values()) yield* waits
  }

  #end(wait: Wait, isStale: boolean): void {
    const waits = this.#waits.get(wait.sid)
    waits?.delete(wait)
    if (waits?.size === 0) this.#waits.delete(wait.sid)
    this.#context.effect({ type: 'caughtUp', wait: wait.wait, isStale })
  }

  #isSatisfied(wait: Wait): boolean {
    if (this.#behindUntilMs() !== undefined) return false
    const question = this.#questions.get(wait.sid)
    const record = this.#context.records.get(wait.sid)
    if (record?.whole === false && !question?.answers.length) return false
    if (record !== undefined) this.#needCreation(wait, record)
    wait.needs = wait.needs.flatMap((stamp) => {
      if (this.#context.digest.covers(stamp)) return []
      const isAskedFor = this.#questions.isExhausted(question) && this.#isGone(stamp) && !this.#isHad(stamp)
      if (!isAskedFor && !this.#isLost(stamp)) return [stamp]
      this.tellLost(stamp)
      return this.#stillHad(stamp)
    })
    return wait.needs.every((stamp) => question?.answeredBy.covers(stamp))
  }

  /** The client may have been shown the session where its creation had been found lost: no token names that then. */
  #needCreation(wait: Wait, record: SessionRecord): void {
    if (wait.needsCreation || !this.#isHidden(record)) return
    wait.needsCreation = true
    wait.needs.push(record.created)
  }

  #isHidden(record: SessionRecord): boolean {
    return record.destroyed === undefined && this.#context.records.lacksCreation(record)
  }

  /** Its origin is dead and no living member has it: nobody will ever send it. */
  #isLost(stamp: Stamp): boolean {
    const { members } = this.#context
    const origin = members.get(stamp.origin)
    if (!this.#isGone(stamp)) return false
    return origin === undefined ? members.livingPeers().length === 0 : members.isNowhere(stamp)
  }

  /** The client has seen what its origin wrote before as well: that much of it as some peer has, and we do not yet. */
  #stillHad({ origin }: Stamp): Stamp[] {
    const { members, digest } = this.#context
    const had = members.livingPeers().flatMap((peer) => peer.digest.get(origin) ?? [])
    return Digest.of(digest.lacking(had)).entries()
  }

  /** A peer has told of it, if only after it was asked: it will be pulled. */
  #isHad(stamp: Stamp): boolean {
    return this.#context.members.livingPeers().some(({ digest }) => digest.covers(stamp))
  }

  /** Its origin has been gone for long, wherever it may live and write, and nobody in reach has it. */
  #isOutOfReach(stamp: Stamp, now: Instant): boolean {
    const { members, config } = this.#context
    // (One that is not known here may be new, and the token leaves it out anyway.)
    const goneMs = members.get(stamp.origin)?.goneMs ?? now.monoMs
    const isLongGone = now.monoMs - goneMs > 2 * config.deadAfterMs
    return isLongGone && members.isGoneForAll(stamp.origin) && !this.#isHad(stamp)
  }

  /** Its origin is gone, and wrote it before: one that wrote it after our verdict lives, and is on its way back. */
  #isGone({ origin, time }: Stamp): boolean {
    const { members } = this.#context
    return (
      members.isGoneForAll(origin) && time <= (members.get(origin)?.goneWallMs ?? Number.POSITIVE_INFINITY)
    )
  }

  /** Counts a lost write, for a read that does without it or one that was shown it before. */
  tellLost(stamp: Stamp): void {
    this.#context.counters.lostWrites++
    this.#toldLost.add(formatStamp(stamp))
    dropOldest(this.#toldLost, MAX_TOLD_LOST)
    this.#context.warn(
      'SESSIONMESH_LOST_WRITE',
      `No member that can be reached has a write of ${stamp.origin}, which is dead or cut off. If it is cut off, the write comes back with it; if it died, acks: 'one' would have saved the write.`,
    )
  }
}

const STALE =
  'A read was served without all that its client had seen before: the member that has it could not be reached in time.'

/** `seen` has one stamp of each origin, the highest. */
function raise(seen: Stamp[], stamp: Stamp): void {
  const at = seen.findIndex(({ origin }) => origin === stamp.origin)
  if (at < 0) seen.push(stamp)
  else seen[at] = laterStamp(seen[at]!, stamp)
}
