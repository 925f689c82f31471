/**
 * Reads that must not be served yet. A client's token names what it has seen elsewhere; until that is merged
 * here the read waits: for the delta, which is usually on its way; then for the session itself, asked for by
 * id; then it is served as it is, and counted. The same question brings the whole of a session that was
 * forgotten here as expired and is alive elsewhere.
 */

import type { Context } from './context.js'
import { Digest } from './digest.js'
import type { LinkId, Peer } from './members.js'
import type { Pull, State } from './messages.js'
import { type Delta, SessionRecord, writeStamps } from './session.js'
import { formatStamp, type Instant, type Origin, type Stamp } from './stamp.js'

interface Wait {
  readonly wait: number
  readonly sid: string
  needs: Stamp[]
  /** Then it asks for the session by id. */
  readonly askMs: number
  readonly deadlineMs: number
}

interface Question {
  readonly sid: string
  readonly asked: Set<Origin>
  asking:
    | { readonly link: LinkId; readonly origin: Origin; readonly pull: number; readonly untilMs: number }
    | undefined
  /** Every pull that named it: a late answer is an answer. */
  readonly pulls: Set<number>
  /** Those of the asked that have answered, be it that they cannot. */
  readonly heardFrom: Set<Origin>
  /** The whole as others have it: shown to readers, and merged once our digest covers it. */
  answers: Delta[]
  /** What those that answered have merged. */
  readonly answeredBy: Digest
  readonly sinceMs: number
}

/** A death loses the writes of a moment. */
const MAX_TOLD_LOST = 1_000

export class Reads {
  readonly #context: Context
  readonly #nextPull: () => number
  readonly #waits = new Map<string, Set<Wait>>()
  #lastWait = 0
  readonly #questions = new Map<string, Question>()
  readonly #behindUntilMs: () => number | undefined
  /** Lost writes of which some read has been told. */
  readonly #toldLost = new Set<string>()

  /**
   * @param behindUntilMs until when at the latest this member may have missed what happened, because it stood
   * still and has not caught up: no read is served before.
   */
  constructor(context: Context, nextPull: () => number, behindUntilMs: () => number | undefined) {
    this.#context = context
    this.#nextPull = nextPull
    this.#behindUntilMs = behindUntilMs
  }

  get pending(): number {
    return this.#waits.size + this.#questions.size
  }

  /** The number of a `caughtUp` effect to come, or `undefined` when the read may be served at once. */
  catchUp(sid: string, token: readonly Stamp[], now: Instant): number | undefined {
    const { waitMs, askTimeoutMs } = this.#context.config
    // While it catches up, everything is being pulled: nothing is asked for one by one.
    const askMs = (this.#behindUntilMs() ?? now.monoMs) + waitMs
    const wait: Wait = {
      wait: ++this.#lastWait,
      sid,
      needs: [...token],
      askMs,
      deadlineMs: askMs + askTimeoutMs,
    }
    if (this.#isSatisfied(wait)) return undefined
    this.#context.counters.waitedReads++
    const waits = this.#waits.get(sid) ?? new Set()
    this.#waits.set(sid, waits.add(wait))
    return wait.wait
  }

  /**
   * What a client has seen here, joined with what it had seen before, less what every member has that has not
   * left: one that is found dead may be cut off, and be asked by this client when it is back.
   */
  token(sid: string, brought: readonly Stamp[], now: Instant): Stamp[] {
    const { digest, members } = this.#context
    const isKnown = ({ origin }: Stamp) =>
      origin === this.#context.self.id || members.get(origin) !== undefined
    // What was lost is dropped once a read has been told of it: else it would go uncounted.
    const isDropped = (stamp: Stamp) => !isKnown(stamp) || this.#toldLost.has(formatStamp(stamp))
    const seen = Digest.of(brought.filter((stamp) => digest.covers(stamp) || !isDropped(stamp)))
    const record = this.view(sid, now)
    if (record !== undefined) seen.join(record.stamps())
    return seen.entries().filter((stamp) => !digest.covers(stamp) || !members.isSettled(stamp))
  }

  /** The record as readers see it: what is merged here, and what was fetched for them beyond that. */
  view(sid: string, now: Instant): SessionRecord | undefined {
    const record = this.#context.records.get(sid)
    const answers = this.#questions.get(sid)?.answers ?? []
    const [first] = answers
    if (first === undefined) return record
    const view = new SessionRecord(sid, first.created, first.usedMs ?? now.monoMs)
    for (const answer of answers) view.merge(answer, () => false)
    const held = record?.above(undefined)
    if (held !== undefined) view.merge(held, () => false)
    return view
  }

  isReadable(sid: string, record: SessionRecord, now: Instant): boolean {
    const { records } = this.#context
    if (!this.#questions.get(sid)?.answers.length) return records.isReadable(record, now)
    return record.destroyed === undefined && !records.isExpired(record, now)
  }

  /** Asks for the wholes of sessions that were forgotten here, those first who just told of them. */
  fetch(sids: readonly string[], link: LinkId | undefined, now: Instant): void {
    for (const sid of sids) this.#question(sid, now)
    const unanswered = sids.filter((sid) => this.#questions.get(sid)?.answers.length === 0)
    const teller = this.#context.members.linked().find((peer) => peer.link === link)
    if (teller !== undefined) this.#ask(teller, unanswered, now)
    this.#askNext(sids, now)
  }

  answered(origin: Origin, message: State, now: Instant): void {
    const digest = message.end?.digest ?? []
    for (const record of message.records) {
      const question = this.#answerable(record.sid, message.pull)
      if (question === undefined) continue
      question.answers.push(record)
      question.asked.add(origin)
      question.heardFrom.add(origin)
      question.answeredBy.join(digest)
      for (const stamp of stampsOf(record)) this.#context.clock.observe(stamp)
    }
    // It may hold the session but not the whole of it: what it has merged says nothing of what it can give.
    for (const sid of message.missing ?? []) {
      const question = this.#answerable(sid, message.pull)
      question?.asked.add(origin)
      question?.heardFrom.add(origin)
    }
    this.settle(now)
  }

  /** Answers a peer's question for sessions by id. */
  answer(link: LinkId, { pull, sids = [] }: Pull, now: Instant): void {
    const { records, digest } = this.#context
    const wholes: Delta[] = []
    const missing: string[] = []
    for (const sid of sids) {
      const record = records.get(sid)
      const canGive = record?.whole === true && digest.covers(record.created)
      const whole = canGive ? record.above(undefined) : undefined
      if (whole === undefined) missing.push(sid)
      else wholes.push(whole)
    }
    const end = { digest: digest.entries(), roster: [] }
    this.#context.send([link], { kind: 'state', sentMs: now.monoMs, pull, records: wholes, missing, end })
  }

  linkGone(link: LinkId, now: Instant): void {
    const orphaned = [...this.#questions.values()].filter(({ asking }) => asking?.link === link)
    for (const question of orphaned) question.asking = undefined
    this.#askNext(
      orphaned.map(({ sid }) => sid),
      now,
    )
  }

  /** A peer has come: those questions that nobody could answer go on. */
  linkCame(origin: Origin, now: Instant): void {
    for (const question of this.#questions.values()) question.asked.delete(origin)
    this.#askNext(this.#questions.keys(), now)
  }

  /** The digest rose, an answer came, or a member changed: what can be merged and served now? */
  settle(now: Instant): void {
    for (const question of this.#questions.values()) this.#settleQuestion(question, now)
    this.#askNext(this.#questions.keys(), now)
    for (const wait of this.#allWaits()) if (this.#isSatisfied(wait)) this.#end(wait, false)
  }

  tick(now: Instant): void {
    const due: string[] = []
    for (const [sid, waits] of this.#waits) {
      if (!this.#questions.has(sid) && [...waits].some(({ askMs }) => askMs <= now.monoMs)) due.push(sid)
    }
    if (due.length > 0) this.fetch(due, undefined, now)
    this.#goOnWithoutAnswer(now)
    for (const wait of this.#allWaits()) {
      if (wait.deadlineMs > now.monoMs) continue
      this.#context.counters.staleReads++
      this.#context.warn('SESSIONMESH_STALE_READ', STALE)
      this.#end(wait, true)
    }
    for (const question of this.#questions.values()) this.#expireQuestion(question, now)
  }

  nextMs(): number {
    let next = Number.POSITIVE_INFINITY
    for (const { sid, askMs, deadlineMs } of this.#allWaits()) {
      const question = this.#questions.get(sid)
      next = Math.min(
        next,
        question === undefined ? askMs : (question.asking?.untilMs ?? deadlineMs),
        deadlineMs,
      )
    }
    return next
  }

  /** Who does not answer soon may be frozen, or cut off from us: the next one is asked as well. */
  #goOnWithoutAnswer(now: Instant): void {
    const late: string[] = []
    for (const question of this.#questions.values()) {
      if (question.asking === undefined || question.asking.untilMs > now.monoMs) continue
      question.asked.add(question.asking.origin)
      question.asking = undefined
      late.push(question.sid)
    }
    this.#askNext(late, now)
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
    if (record?.whole === false && question !== undefined && question.answers.length === 0) return false
    wait.needs = wait.needs.filter((stamp) => {
      if (this.#context.digest.covers(stamp)) return false
      const isAskedFor = this.#isExhausted(question) && this.#isGone(stamp) && !this.#isHad(stamp)
      if (!isAskedFor && !this.#isLost(stamp)) return true
      this.#tellLost(stamp)
      return false
    })
    return wait.needs.every((stamp) => question?.answeredBy.covers(stamp))
  }

  /** Its origin is dead and no living member has it: nobody will ever send it. */
  #isLost(stamp: Stamp): boolean {
    const { digest, members, self } = this.#context
    if (digest.covers(stamp)) return false
    if (stamp.origin === self.id) return true
    const origin = members.get(stamp.origin)
    if (!this.#isGone(stamp)) return false
    return origin === undefined ? members.livingPeers().length === 0 : members.isNowhere(stamp)
  }

  /** A peer has told of it, if only after it was asked: it will be pulled. */
  #isHad(stamp: Stamp): boolean {
    return this.#context.members.livingPeers().some(({ digest }) => digest.covers(stamp))
  }

  /** Its origin is gone, and wrote it before: one that wrote it after our verdict lives, and is on its way back. */
  #isGone({ origin, time }: Stamp): boolean {
    const { members } = this.#context
    return members.isGone(origin) && time <= (members.get(origin)?.goneWallMs ?? Number.POSITIVE_INFINITY)
  }

  /** Everybody that there is has been asked, and has answered. */
  #isExhausted(question: Question | undefined): boolean {
    if (question === undefined || question.asking !== undefined) return false
    return this.#context.members.linked().every(({ id }) => question.heardFrom.has(id))
  }

  #tellLost(stamp: Stamp): void {
    this.#context.counters.lostWrites++
    this.#toldLost.add(formatStamp(stamp))
    for (const oldest of this.#toldLost) {
      if (this.#toldLost.size <= MAX_TOLD_LOST) break
      this.#toldLost.delete(oldest)
    }
    this.#context.warn(
      'SESSIONMESH_LOST_WRITE',
      `A write of ${stamp.origin} reached no other member before it died. Use acks: 'one' for writes that must survive.`,
    )
  }

  #question(sid: string, now: Instant): Question {
    let question = this.#questions.get(sid)
    if (question === undefined) {
      this.#context.counters.fetches++
      question = {
        sid,
        asked: new Set(),
        asking: undefined,
        pulls: new Set(),
        heardFrom: new Set(),
        answers: [],
        answeredBy: new Digest(),
        sinceMs: now.monoMs,
      }
      this.#questions.set(sid, question)
    }
    return question
  }

  #answerable(sid: string, pull: number): Question | undefined {
    const question = this.#questions.get(sid)
    if (question?.pulls.has(pull) !== true) return undefined
    if (question.asking?.pull === pull) question.asking = undefined
    return question
  }

  /** Goes on to the next member for each of these that needs it, with one message to each. */
  #askNext(sids: Iterable<string>, now: Instant): void {
    const asks = new Map<Peer, string[]>()
    for (const sid of sids) {
      const peer = this.#whomToAsk(sid)
      if (peer === undefined) continue
      const asked = asks.get(peer)
      if (asked === undefined) asks.set(peer, [sid])
      else asked.push(sid)
    }
    for (const [peer, asked] of asks) this.#ask(peer, asked, now)
  }

  /** Of those not asked yet one that has what is needed, else the one that was heard last: it will answer. */
  #whomToAsk(sid: string): Peer | undefined {
    const question = this.#questions.get(sid)
    if (question === undefined || question.asking !== undefined) return undefined
    const needs = [...(this.#waits.get(sid) ?? [])]
      .flatMap((wait) => wait.needs)
      .filter((stamp) => !question.answeredBy.covers(stamp))
    if (question.answers.length > 0 && needs.length === 0) return undefined
    const open = this.#context.members.linked().filter(({ id }) => !question.asked.has(id))
    open.sort((a, b) => b.heardMs - a.heardMs)
    return open.find(({ digest }) => digest.coversAll(needs)) ?? open[0]
  }

  #ask(peer: Peer, sids: readonly string[], now: Instant): void {
    const { link } = peer
    const open = sids.filter((sid) => this.#questions.get(sid)?.asking === undefined)
    if (link === undefined || open.length === 0) return
    const pull = this.#nextPull()
    const untilMs = now.monoMs + 2 * this.#context.config.waitMs
    for (const sid of open) {
      const question = this.#questions.get(sid) as Question
      question.asking = { link, origin: peer.id, pull, untilMs }
      question.pulls.add(pull)
    }
    this.#context.send([link], { kind: 'pull', pull, sids: open })
  }

  #settleQuestion(question: Question, now: Instant): void {
    const { records, digest, members } = this.#context
    // What died with its writer will never be merged, and must not be shown as if it were about to be.
    const isNowhere = (stamp: Stamp) => !digest.covers(stamp) && members.isNowhere(stamp)
    question.answers = question.answers.filter((answer) => !stampsOf(answer).some(isNowhere))
    const stamps = question.answers.flatMap(stampsOf)
    if (question.answers.length > 0 && digest.coversAll(stamps)) {
      // Covered: all of it is here already, but for a session that had been forgotten.
      if (records.get(question.sid)?.whole === false)
        this.#context.absorb(question.answers, [], now, { isWhole: true })
      question.answers = []
    }
    const isWanted = records.get(question.sid)?.whole === false || this.#waits.has(question.sid)
    // Kept while somebody waits, even if nobody is left to ask: who was asked is not asked again at once.
    if (!isWanted && question.asking === undefined && question.answers.length === 0) {
      this.#questions.delete(question.sid)
    }
  }

  /** An answer that our digest never came to cover, or a whole that nobody has. */
  #expireQuestion(question: Question, now: Instant): void {
    if (now.monoMs - question.sinceMs < 2 * this.#context.config.deadAfterMs) return
    const { records } = this.#context
    this.#questions.delete(question.sid)
    if (records.get(question.sid)?.whole !== false) return
    if (question.answers.length > 0) this.fetch([question.sid], undefined, now)
    else records.delete(question.sid)
  }
}

function stampsOf(answer: Delta): Stamp[] {
  return [answer.created, ...writeStamps(answer)]
}

const STALE =
  'A read was served without all that its client had seen before: the member that has it could not be reached in time.'
