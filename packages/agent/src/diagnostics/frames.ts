/**
 * What members ask each other for people's sake, beside the protocol, on the same links:
 *
 *     asker                                          asked
 *       | ['ask', number, question, argument] --------> |
 *       | <---------------- ['answer', number, report]  |   without a report: it cannot be told
 *
 * None of it touches the replicated state, and nothing waits for it.
 */

import { Packr } from '../msgpack.js'
import {
  flag,
  listOf,
  number,
  object,
  oneOf,
  optional,
  recordOf,
  type Shape,
  ShapeError,
  text,
} from './shape.js'
import type {
  AttributeReport,
  Census,
  Cursor,
  DiagnosticEvent,
  Fingerprint,
  LinkReport,
  MemberReport,
  Sample,
  SessionReport,
  StampReport,
} from './types.js'

export type Question =
  | { readonly question: 'report'; readonly after: Cursor | undefined }
  | { readonly question: 'session'; readonly sid: string }

export type Aside =
  | { readonly kind: 'ask'; readonly number: number; readonly question: Question | undefined }
  | { readonly kind: 'answer'; readonly number: number; readonly answer: unknown }

const packr = new Packr({ useRecords: false, variableMapSize: true })

export function encodeAsk(number: number, question: Question): Uint8Array {
  const { question: what } = question
  const argument = what === 'report' ? question.after : question.sid
  return packr.pack(['ask', number, what, argument ?? null])
}

/** @param answer `null`: there is nothing; `undefined`: it cannot be told */
export function encodeAnswer(
  number: number,
  answer: MemberReport | SessionReport | null | undefined,
): Uint8Array {
  return packr.pack(answer === undefined ? ['answer', number] : ['answer', number, answer])
}

/** A report's answer that fits: the oldest of it is left out, and events that are left out are counted. */
export function encodeReport(
  number: number,
  report: MemberReport,
  fits: (answer: Uint8Array) => boolean,
): Uint8Array {
  let left = report
  for (;;) {
    const frame = encodeAnswer(number, left)
    if (fits(frame)) return frame
    const { samples, events, omitted } = left
    if (samples.length + events.length === 0) return encodeAnswer(number, undefined)
    const kept = events.slice(Math.ceil(events.length / 2))
    left = {
      ...left,
      samples: samples.slice(Math.ceil(samples.length / 2)),
      events: kept,
      omitted: omitted + events.length - kept.length,
    }
  }
}

/** Whether a frame is one of these, and none of the protocol's. */
export function isAside(wire: unknown): wire is readonly ['ask' | 'answer', ...unknown[]] {
  return Array.isArray(wire) && (wire[0] === 'ask' || wire[0] === 'answer')
}

/** `undefined` for what is none. A question that this version does not know has no answer. */
export function parseAside(wire: readonly unknown[]): Aside | undefined {
  const [kind, count, first, second] = wire
  if (typeof count !== 'number') return undefined
  if (kind === 'answer') return { kind, number: count, answer: first }
  return { kind: 'ask', number: count, question: parseQuestion(first, second) }
}

function parseQuestion(question: unknown, argument: unknown): Question | undefined {
  try {
    if (question === 'report') return { question, after: optional(cursor)(argument) }
    if (question === 'session') return { question, sid: text(argument) }
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error
  }
  return undefined
}

const cursor: Shape<Cursor> = object({ sample: number, event: number })

const stamp: Shape<StampReport> = object({ origin: text, timeMs: number, counter: number })

const link: Shape<LinkReport> = object({
  peer: text,
  sentBytes: number,
  receivedBytes: number,
  sentFrames: number,
  receivedFrames: number,
  bufferedBytes: number,
  lag: optional(object({ p50Ms: number, p99Ms: number, deltas: number })),
})

const sample: Shape<Sample> = object({
  atMs: number,
  sessions: number,
  tombstones: number,
  pending: number,
  heldBytes: number,
  rssBytes: number,
  heapBytes: number,
  loop: object({ p50Ms: number, maxMs: number }),
  writes: number,
  touches: number,
  deltasMerged: number,
  waitedReads: number,
  staleReads: number,
  lostWrites: number,
  writesDropped: number,
  writesRefused: number,
  links: listOf(link),
})

const event: Shape<DiagnosticEvent> = object({
  number,
  atMs: number,
  event: text,
  peer: optional(object({ id: text, name: text })),
  sid: optional(text),
  changed: optional(listOf(text)),
  sessions: optional(number),
  complete: optional(flag),
  code: optional(text),
  message: optional(text),
  address: optional(text),
})

const fingerprint: Shape<Fingerprint> = object({ digest: listOf(stamp), parts: listOf(number) })

const census: Shape<Census> = object({
  atMs: number,
  owners: recordOf(number),
  bytes: number,
  fingerprint: optional(fingerprint),
})

export const report: Shape<MemberReport> = object({
  member: object({ id: text, name: text, address: text }),
  atMs: number,
  upMs: number,
  node: text,
  pid: number,
  ready: flag,
  limits: object({ sessions: number, tombstones: number }),
  members: listOf(
    object({
      id: text,
      name: text,
      address: text,
      state: oneOf('alive', 'suspect', 'dead', 'left'),
      sinceMs: number,
    }),
  ),
  digest: listOf(stamp),
  samples: listOf(sample),
  events: listOf(event),
  omitted: number,
  cursor,
  census: optional(census),
})

const attribute: Shape<AttributeReport> = object({
  name: text,
  slotOf: optional(text),
  removed: flag,
  bytes: number,
  checksum: number,
  stamp,
})

export const session: Shape<SessionReport> = object({
  sid: text,
  state: oneOf('living', 'expired', 'destroyed', 'hidden'),
  owner: optional(text),
  created: stamp,
  lastWrite: stamp,
  destroyed: optional(stamp),
  ttlMs: number,
  idleMs: number,
  bytes: number,
  attributes: listOf(attribute),
})
