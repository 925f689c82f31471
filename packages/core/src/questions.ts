/**
 * Sessions that are asked for by id: because a read waits for what its client has seen elsewhere, or because a session
 * was forgotten here as expired and turns out to be alive elsewhere. One peer is asked after the other; an answer is
 * shown to readers at once, and merged when our digest covers it.
 */

import { inBatches } from './bounded.js'
import type { Context } from './context.js'
import { Digest } from './digest.js'
import type { LinkId, Peer } from './members.js'
import type { Pull, State } from './messages.js'
import { bytesOf, type Delta, SessionRecord, writeStamps } from './session.js'
import type { Instant, Origin, Stamp } from './stamp.js'

interface Question {
  readonly sid: string
  readonly asked: Set<Origin>
  asking:
    | { readonly link: LinkId; readonly origin: Origin; readonly pull: number; readonly untilMs: number }
    | undefined
  /** Every pull that named it and was not answered, and who was asked by it: a late answer is an answer. */
  readonly pulls: Map<number, Origin>
  /** What those of the asked had merged that have answered, be it that they cannot. */
  readonly heardFrom: Map<Origin, Digest>
  /** The whole as others have it: shown to readers, and merged once our digest covers it. */
  answers: Delta[]
  /** What those that answered have merged. */
  readonly answeredBy: Digest
  /** Less what this member stood still since. */
  sinceMs: number
}

/** What reads want, and have to know. */
interface Readers {
  /** What reads of a session wait for; `undefined` when none waits. */
  neededFor(sid: string): readonly Stamp[] | undefined
  /** A write that they may have been shown is to be had no more. */
  tellLost(stamp: Stamp): void
}

/**
 * Sessions asked for at once, beside those for which a read waits. After a cut that was longer than the sessions' time
 * there may be thousands, and all of them in answer to one question would run over the link's buffer.
 */
const MAX_QUESTIONS = 16

export class Questions {
  readonly #context: Context
  readonly #nextPull: () => number
  readonly #readers: Readers
  readonly #questions = new Map<string, Question>()
  /** Sessions that are asked for when others have been answered. */
  readonly #later = new Set<string>()

  constructor(context: Context, nextPull: () => number, readers: Readers) {
    this.#context = context
    this.#nextPull = nextPull
    this.#readers = readers
  }

  get size(): number {
    return this.#questions.size + this.#later.size
  }

  get(sid: string): Readonly<Question> | undefined {
    return this.#questions.get(sid)
  }

  /** The record as readers see it: what is merged here, and what was fetched for them beyond that. */
  view(sid: string, now: Instant): SessionRecord | undefined {
    const record = this.#context.records.get(sid)
    const answers = this.#questions.get(sid)?.answers ?? []
    const [first] = answers
    if (first === undefined) return record
    const view = new SessionRecord(sid, first.created, first.used?.atMs ?? now.monoMs)
    for (const answer of answers) view.merge(answer, () => false)
    const held = record?.above(undefined)
    if (held !== undefined) view.merge(held, () => false)
    return view
  }

  /** The sessions of which readers see more than is merged here. */
  *fetched(now: Instant): Generator<SessionRecord> {
    for (const [sid, { answers }] of this.#questions) {
      const view = answers.length > 0 ? this.view(sid, now) : undefined
      if (view !== undefined && this.isShown(sid, view, now)) yield view
    }
  }

  /** Whether readers are shown this `view`. */
  isShown(sid: string, record: SessionRecord, now: Instant): boolean {
    const { records } = this.#context
    if (!this.#questions.get(sid)?.answers.length) return records.isReadable(record, now)
    return record.destroyed === undefined && !records.isExpired(record, now)
  }

  /** Asks for the wholes of sessions that were forgotten here, those first who just told of them. */
  fetch(sids: readonly string[], link: LinkId | undefined, now: Instant): void {
    for (const sid of sids)
      if (this.#hasRoom || this.#readers.neededFor(sid) !== undefined) this.#question(sid, now)
      else if (!this.#questions.has(sid)) this.#later.add(sid)
    const unanswered = sids.filter((sid) => this.#questions.get(sid)?.answers.length === 0)
    const teller = this.#context.members.linked().find((peer) => peer.link === link)
    if (teller !== undefined) this.#ask(teller, unanswered, now)
    this.#askNext(sids, now)
  }

  answered(origin: Origin, message: State): void {
    const digest = message.end?.digest ?? []
    for (const record of message.records) {
      const question = this.#answerable(record.sid, message.pull, origin)
      if (question === undefined) continue
      question.answers.push(record)
      question.asked.add(origin)
      question.heardFrom.set(origin, Digest.of(digest))
      question.answeredBy.join(digest)
      for (const stamp of writesIn(record)) this.#context.clock.observe(stamp)
    }
    // It may hold the session but not the whole of it: what it has merged says nothing of what it can give.
    for (const sid of message.missing ?? []) {
      const question = this.#answerable(sid, message.pull, origin)
      question?.asked.add(origin)
      question?.heardFrom.set(origin, Digest.of(digest))
    }
  }

  /** Answers a peer's question for sessions by id. */
  answer(link: LinkId, { pull, sids = [] }: Pull, now: Instant): void {
    const { records, digest, isReady, config } = this.#context
    const missing: string[] = []
    const answers: Delta[] = []
    let leftBytes = config.maxLinkBufferBytes / 2
    for (const sid of new Set(sids)) {
      const record = records.get(sid)
      // (One that was merged above what a frame holds comes with a transfer, in pieces. And what runs over the link's buffer
      // would cut it.)
      const canGive = record?.whole === true && record.bytes <= Math.min(config.maxFrameBytes / 4, leftBytes)
      const whole = canGive && digest.covers(record.created) ? record.above(undefined) : undefined
      if (record === undefined || whole === undefined) {
        missing.push(sid)
        continue
      }
      answers.push(whole)
      leftBytes -= record.bytes
    }
    const end = { digest: digest.entries(), roster: [], purged: [], isReady }
    const batches = inBatches(answers, (whole) => bytesOf([whole]), config.maxBatchBytes)
    for (const [i, wholes] of batches.entries()) {
      const message = { pull, records: wholes, missing: i === 0 ? missing : [], end }
      this.#context.send([link], { kind: 'state', sentMs: now.monoMs, ...message })
    }
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

  /** The digest rose, an answer came, or a member changed. */
  settle(now: Instant): void {
    if (this.size === 0) return
    for (const question of this.#questions.values()) this.#settleQuestion(question, now)
    for (const sid of this.#later) {
      if (!this.#hasRoom) break
      this.#later.delete(sid)
      if (this.#context.records.get(sid)?.whole === false) this.#question(sid, now)
    }
    this.#askNext(this.#questions.keys(), now)
  }

  /** Who does not answer soon may be frozen, or cut off from us: the next one is asked as well. */
  goOnWithoutAnswer(now: Instant): void {
    const late: string[] = []
    for (const question of this.#questions.values()) {
      if (question.asking === undefined || question.asking.untilMs > now.monoMs) continue
      const { origin } = question.asking
      question.asked.add(origin)
      // What it had more than it told before, it does not tell: others come first who may.
      question.heardFrom.get(origin)?.join(this.#context.members.get(origin)?.digest.entries() ?? [])
      question.asking = undefined
      late.push(question.sid)
    }
    this.#askNext(late, now)
  }

  /** Gives up those that nobody could answer for long. */
  expire(now: Instant): void {
    for (const question of this.#questions.values()) this.#expireQuestion(question, now)
  }

  /** What would have come meanwhile is still to be read, and a request that was shown an answer is still to be served. */
  creditStall(ms: number): void {
    for (const question of this.#questions.values()) question.sinceMs += ms
  }

  /** Everybody that there is has been asked, and has answered. */
  isExhausted(question: Readonly<Question> | undefined): boolean {
    if (question === undefined || question.asking !== undefined) return false
    return this.#context.members.linked().every(({ id }) => question.heardFrom.has(id))
  }

  #question(sid: string, now: Instant): Question {
    let question = this.#questions.get(sid)
    if (question === undefined) {
      this.#later.delete(sid)
      this.#context.counters.fetches++
      question = {
        sid,
        asked: new Set(),
        asking: undefined,
        pulls: new Map(),
        heardFrom: new Map(),
        answers: [],
        answeredBy: new Digest(),
        sinceMs: now.monoMs,
      }
      this.#questions.set(sid, question)
    }
    return question
  }

  /** By who was asked, and once: who says it again and again shall not fill our memory. */
  #answerable(sid: string, pull: number, origin: Origin): Question | undefined {
    const question = this.#questions.get(sid)
    if (question?.pulls.get(pull) !== origin) return undefined
    question.pulls.delete(pull)
    if (question.asking?.pull === pull) question.asking = undefined
    return question
  }

  get #hasRoom(): boolean {
    return this.#questions.size < MAX_QUESTIONS
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
    const needs = (this.#readers.neededFor(sid) ?? []).filter((stamp) => !question.answeredBy.covers(stamp))
    if (question.answers.length > 0 && needs.length === 0) return undefined
    // Who has answered may have merged what is needed since, or what a later read needs.
    const hasMore = ({ id, digest }: Peer) => {
      const heard = question.heardFrom.get(id)
      return heard !== undefined && needs.some((stamp) => digest.covers(stamp) && !heard.covers(stamp))
    }
    const open = this.#context.members
      .linked()
      .filter((peer) => !question.asked.has(peer.id) || hasMore(peer))
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
      question.pulls.set(pull, peer.id)
    }
    this.#context.send([link], { kind: 'pull', pull, sids: open })
  }

  #settleQuestion(question: Question, now: Instant): void {
    const { records, digest, members } = this.#context
    // What died with its writer will never be merged, and must not be shown as if it were about to be. It is counted as lost: a
    // request that was shown it, and is answered after this, gets a token that does not name it.
    const isNowhere = (stamp: Stamp) => !digest.covers(stamp) && members.isNowhere(stamp)
    const lost = Digest.of(question.answers.flatMap(writesIn).filter(isNowhere))
    const answers = question.answers.filter((answer) => !writesIn(answer).some(isNowhere))
    for (const stamp of lost.entries()) this.#readers.tellLost(stamp)
    // What is not shown has answered nobody.
    if (answers.length < question.answers.length) question.answeredBy.clear()
    // (Of one that is destroyed here nothing may be shown when its tombstone is gone.)
    question.answers = records.get(question.sid)?.destroyed === undefined ? answers : []
    const stamps = question.answers.flatMap(writesIn)
    if (question.answers.length > 0 && digest.coversAll(stamps)) {
      // (A use that is not merged here yet is still to come: no digest would speak for it.)
      const claimed = (answer: Delta): Delta =>
        answer.used !== undefined && digest.covers(answer.used.stamp)
          ? answer
          : { ...answer, used: undefined }
      // Covered: all of it is here already, but for a session that had been forgotten.
      if (records.get(question.sid)?.whole === false)
        this.#context.absorb(question.answers.map(claimed), [], now, { isWhole: true })
      question.answers = []
    }
    const isWanted =
      records.get(question.sid)?.whole === false || this.#readers.neededFor(question.sid) !== undefined
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

function writesIn(answer: Delta): Stamp[] {
  return [answer.created, ...writeStamps(answer)]
}
