/** What this member tells of itself, to its own process and to peers that ask, and what it asks them. */

import { type Config, type Peer, type Replica, SessionMeshError, sizeOf } from '@sessionmesh/core'
import { roomInFrames } from '../frames.js'
import type { Link } from '../link.js'
import { attributeOf, slotOf } from '../merged-attributes.js'
import { isPlain } from '../plain.js'
import { checksumOf } from '../values.js'
import { Asked } from './asked.js'
import { CensusTaker, stampReport } from './census.js'
import {
  encodeAnswer,
  encodeAsk,
  encodeReport,
  parseAside,
  type Question,
  report as reportShape,
  session as sessionShape,
} from './frames.js'
import { Journal } from './journal.js'
import { Sampler } from './sampler.js'
import { type Shape, ShapeError } from './shape.js'
import type {
  DiagnosticEvent,
  Diagnostics,
  LinkReport,
  MemberReport,
  ReportOptions,
  Sample,
  SessionReport,
} from './types.js'

const ANSWER_MS = 2_000
/** A link on which so much waits has more urgent things to carry. */
const BUSY_BYTES = 1024 * 1024
/** An attribute takes more in an answer. */
const ATTRIBUTE_BYTES = 64
const LAG_OF_STATUS_MS = 60_000
const LAG_OF_SAMPLE_MS = 1_000
/** After these, other members answer for sessions than before; or it is another state altogether. */
const OTHER_OWNERS = /^(member:|takeover$|anew$)/

/** What there is to tell of. */
export interface Subject {
  readonly config: Config
  self(): { readonly id: string; readonly name: string; readonly address: string }
  isReady(): boolean
  replica(): Replica
  /** What this process counted, former runs included. */
  counters(): Replica['counters']
  links(): Iterable<Link>
  now(): { wallMs: number; monoMs: number }
  /** Once a second. */
  sampled(heapBytes: number): void
}

interface Pending {
  readonly link: Link
  end(answer: unknown): void
}

export class LocalDiagnostics implements Diagnostics {
  readonly #subject: Subject
  readonly #journal = new Journal()
  readonly #sampler: Sampler
  readonly #census: CensusTaker
  readonly #pending = new Map<number, Pending>()
  readonly #asked: Asked<Link>
  readonly #startedMs: number
  #questions = 0

  constructor(subject: Subject) {
    this.#subject = subject
    this.#startedMs = subject.now().monoMs
    this.#sampler = new Sampler((loop) => this.#sample(loop))
    this.#census = new CensusTaker(subject)
    this.#asked = new Asked(() => subject.now().monoMs)
  }

  start(): void {
    this.#sampler.start()
  }

  stop(): void {
    this.#sampler.stop()
    this.#census.stop()
    this.#asked.stop()
    for (const { end } of this.#pending.values()) end(undefined)
  }

  note(event: Omit<DiagnosticEvent, 'number' | 'atMs'>): void {
    if (event.sid === undefined && OTHER_OWNERS.test(event.event)) this.#census.restart()
    this.#journal.add(event, this.#subject.now().wallMs)
  }

  async report({ of, after }: ReportOptions = {}): Promise<MemberReport> {
    if (of === undefined || of === this.#subject.self().id) return this.#report(after)
    return this.#ask(of, { question: 'report', after }, (answer) => {
      const told = reportShape(answer)
      if (told.member.id !== of) throw new ShapeError('it speaks for another member')
      return told
    })
  }

  async inspect(sid: string, { of }: { of?: string | undefined } = {}): Promise<SessionReport | undefined> {
    if (of === undefined || of === this.#subject.self().id) return this.#inspect(sid)
    return this.#ask(of, { question: 'session', sid }, (answer) =>
      answer === null ? undefined : sessionShape(answer),
    )
  }

  /** Of the links as they are now. */
  links(lagMs = LAG_OF_STATUS_MS): LinkReport[] {
    const peers = new Map(
      this.#subject
        .replica()
        .peers()
        .map(({ link, id }) => [link, id]),
    )
    const sinceMs = this.#subject.now().monoMs - lagMs
    const reports: LinkReport[] = []
    for (const link of this.#subject.links()) {
      const peer = peers.get(link.id)
      if (peer !== undefined) reports.push(link.meter.report(peer, link.bufferedBytes, sinceMs))
    }
    return reports
  }

  // ---- the links ----

  onFrame(link: Link, wire: readonly unknown[]): void {
    const aside = parseAside(wire)
    if (aside === undefined) return
    if (aside.kind === 'ask') {
      const { number, question } = aside
      const isTold =
        question !== undefined && this.#asked.add(link, () => this.#answer(link, number, question))
      if (!isTold) this.#cannotTell(link, number)
      return
    }
    const pending = this.#pending.get(aside.number)
    if (pending?.link === link) pending.end(aside.answer)
  }

  onClosed(link: Link): void {
    this.#asked.drop(link)
    for (const pending of this.#pending.values()) if (pending.link === link) pending.end(undefined)
  }

  #answer(link: Link, number: number, question: Question): void {
    if (isBusy(link)) return
    // What people look at must not be what a link is cut for.
    const { config } = this.#subject
    const { maxBatchBytes } = config
    const fits = (answer: Uint8Array) =>
      answer.length <= maxBatchBytes && isPlain(answer, roomInFrames(config))
    if (question.question === 'report')
      return link.send(encodeReport(number, this.#report(question.after), fits))
    if (this.#isBeyond(question.sid, maxBatchBytes)) return this.#cannotTell(link, number)
    const answer = this.#inspect(question.sid) ?? null
    const frame = encodeAnswer(number, answer)
    link.send(fits(frame) ? frame : encodeAnswer(number, undefined))
  }

  /** Nor must it be made only to find it too large. */
  #isBeyond(sid: string, maxBytes: number): boolean {
    return (this.#subject.replica().record(sid)?.names ?? 0) * ATTRIBUTE_BYTES > maxBytes
  }

  #cannotTell(link: Link, number: number): void {
    if (!isBusy(link)) link.send(encodeAnswer(number, undefined))
  }

  async #ask<T>(of: string, question: Question, shape: Shape<T>): Promise<T> {
    const peer = this.#subject
      .replica()
      .peers()
      .find(({ id }) => id === of)
    const link = [...this.#subject.links()].find(({ id }) => id === peer?.link)
    if (peer === undefined || link === undefined) throw noAnswer(of, peer, 'there is no link to it')
    const number = ++this.#questions
    const answer = await new Promise<unknown>((resolve) => {
      const timer = setTimeout(() => end(undefined), ANSWER_MS).unref()
      const end = (answer: unknown) => {
        clearTimeout(timer)
        this.#pending.delete(number)
        resolve(answer)
      }
      this.#pending.set(number, { link, end })
      link.send(encodeAsk(number, question))
    })
    if (answer === undefined)
      throw noAnswer(of, peer, `it said nothing within ${ANSWER_MS} ms, or its link broke`)
    try {
      return shape(answer)
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error
      throw noAnswer(
        of,
        peer,
        `what it said is not understood (${error.message}): it may be of another version`,
      )
    }
  }

  // ---- what there is to tell ----

  #report(after = { sample: 0, event: 0 }): MemberReport {
    const { id, name, address } = this.#subject.self()
    const now = this.#subject.now()
    const replica = this.#subject.replica()
    const { maxSessions, maxTombstones } = this.#subject.config
    const samples = this.#sampler.after(after.sample)
    const census = this.#census.take()
    return {
      member: { id, name, address },
      atMs: now.wallMs,
      upMs: Math.round(now.monoMs - this.#startedMs),
      node: process.version,
      pid: process.pid,
      ready: this.#subject.isReady(),
      limits: { sessions: maxSessions, tombstones: maxTombstones },
      members: replica.peers().map(({ id, name, address, state, stateMs }) => {
        return { id, name, address, state, sinceMs: Math.round(now.wallMs - (now.monoMs - stateMs)) }
      }),
      digest: replica.digest().map(stampReport),
      samples,
      ...this.#journal.after(after.event),
      cursor: { sample: this.#sampler.last, event: this.#journal.last },
      ...(census !== undefined && { census }),
    }
  }

  #sample(loop: Sample['loop']): Sample {
    const replica = this.#subject.replica()
    const { rss, heapUsed } = process.memoryUsage()
    this.#subject.sampled(heapUsed)
    const counters = this.#subject.counters()
    const {
      writes,
      touches,
      deltasMerged,
      waitedReads,
      staleReads,
      lostWrites,
      writesDropped,
      writesRefused,
    } = counters
    return {
      atMs: this.#subject.now().wallMs,
      sessions: replica.size,
      tombstones: replica.tombstones,
      pending: replica.pending,
      heldBytes: replica.heldBytes,
      rssBytes: rss,
      heapBytes: heapUsed,
      loop,
      writes,
      touches,
      deltasMerged,
      waitedReads,
      staleReads,
      lostWrites,
      writesDropped,
      writesRefused,
      links: this.links(LAG_OF_SAMPLE_MS),
    }
  }

  #inspect(sid: string): SessionReport | undefined {
    const replica = this.#subject.replica()
    const record = replica.record(sid)
    if (record === undefined) return undefined
    const now = this.#subject.now()
    const ttlMs = record.lifetime?.ttlMs ?? this.#subject.config.ttlMs
    const idleMs = record.idleMs(now)
    const attributes = record.above(undefined)?.attributes ?? []
    const owner = replica.owner(sid, now)
    return {
      sid,
      state:
        record.destroyed !== undefined
          ? 'destroyed'
          : replica.has(sid, now)
            ? 'living'
            : idleMs >= ttlMs
              ? 'expired'
              : 'hidden',
      ...(owner !== undefined && { owner }),
      created: stampReport(record.created),
      lastWrite: stampReport(record.lastStamp),
      ...(record.destroyed !== undefined && { destroyed: stampReport(record.destroyed) }),
      ttlMs,
      idleMs: Math.round(idleMs),
      bytes: record.bytes,
      attributes: attributes.map(({ name, value, stamp }) => {
        const slot = slotOf(name)
        return {
          name: attributeOf(name),
          ...(slot !== undefined && { slotOf: slot }),
          removed: value === undefined,
          bytes: sizeOf(value),
          checksum: value === undefined ? 0 : checksumOf(value),
          stamp: stampReport(stamp),
        }
      }),
    }
  }
}

function isBusy({ bufferedBytes }: Link): boolean {
  return bufferedBytes > BUSY_BYTES
}

function noAnswer(of: string, peer: Peer | undefined, why: string): SessionMeshError {
  const who = peer === undefined ? `Member ${of}` : `${peer.name} at ${peer.address}, which is ${peer.state},`
  return new SessionMeshError('SESSIONMESH_NO_ANSWER', `${who} cannot be asked: ${why}`)
}
