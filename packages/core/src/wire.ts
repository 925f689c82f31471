/**
 * Messages as plain arrays of numbers, texts, booleans and `Packed` values, ready for any codec (the agent uses
 * MessagePack), and back. Whatever comes from a peer is checked here, to the last field, before anything else sees it.
 *
 * A frame opens with two tables, since stamps are most of what a small write would weigh:
 *
 *     [kind, origins, stamps, ...fields]
 *     origins: ids other than the sender's; index 0 is the sender, 1 the first of the table
 *     stamps:  [base, (origin, base - time, counter)*]; fields name a stamp by its index, from 1; 0 is none
 *
 * A heartbeat with no news, which is nearly each, is the time of its sending and nothing around it.
 */

import type { Attribute } from './attributes.js'
import {
  MAX_HEARTBEAT_MS,
  MAX_LABEL_LENGTH,
  MAX_MEMBERS,
  MAX_ORIGIN_LENGTH,
  MAX_ORIGINS,
  MAX_TEXT_LENGTH,
  MAX_TOLD_ORIGINS,
} from './config.js'
import type { DigestEntries } from './digest.js'
import { SessionMeshError } from './errors.js'
import {
  type DeltaMessage,
  type Heartbeat,
  type MemberState,
  type Message,
  PROTOCOL,
  type RosterEntry,
  type TransferEnd,
} from './messages.js'
import type { Purge } from './purged.js'
import { type Delta, stampsOf } from './session.js'
import { compareStamps, MAX_COUNTER, type Origin, type Stamp } from './stamp.js'
import { isValue } from './value.js'

export type Wire = readonly unknown[] | number

const KINDS = ['hello', 'delta', 'ack', 'heartbeat', 'pull', 'state', 'leave'] as const
const STATES: readonly MemberState[] = ['alive', 'suspect', 'dead', 'left']

/** Flags of a delta. */
const PARTIAL = 1
const END_TOLD = 2

/** Session attributes of these names could reach a prototype when an application copies them. */
export const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

export function packMessage(message: Message, sender: Origin): Wire {
  if (message.kind === 'heartbeat' && hasNoNews(message)) return message.sentMs
  const table = new StampTable(sender)
  const fields = packFields(message, table)
  return [KINDS.indexOf(message.kind), table.origins, table.pack(), ...fields]
}

function hasNoNews({ isJoining, digest, roster }: Heartbeat): boolean {
  return !isJoining && digest === undefined && roster === undefined
}

function packFields(message: Message, table: StampTable): unknown[] {
  const stamps = (entries: DigestEntries) => entries.map((stamp) => table.addTold(stamp))
  const roster = (entries: readonly RosterEntry[]) =>
    entries.map((entry) => [
      entry.id,
      entry.name,
      entry.address,
      STATES.indexOf(entry.state),
      entry.digest === undefined ? 0 : stamps(entry.digest),
    ])
  const purges = (list: readonly Purge[]) => list.map(({ removals, writers }) => [stamps(removals), writers])
  const packEnd = ({ digest, roster: members, purged, isReady }: TransferEnd) => [
    stamps(digest),
    roster(members),
    purges(purged),
    isReady ? 1 : 0,
  ]
  const deltas = (list: readonly Delta[], sentMs: number) =>
    list.map((delta) => packDelta(delta, sentMs, table))
  switch (message.kind) {
    case 'hello': {
      const { protocolMin, protocolMax, cluster, id, name, address, dial, clockMs, sentMs } = message
      const { heartbeatMs, isJoining } = message
      return [
        protocolMin,
        protocolMax,
        cluster,
        id,
        name,
        address,
        dial,
        heartbeatMs,
        isJoining ? 1 : 0,
        clockMs,
        sentMs,
        stamps(message.digest),
        purges(message.purged),
        roster(message.roster),
      ]
    }
    case 'delta':
      return [
        message.sentMs,
        table.add(message.previous),
        table.add(message.upTo),
        message.wantsAck ? 1 : 0,
        deltas(message.deltas, message.sentMs),
      ]
    case 'ack':
      return [table.add(message.upTo)]
    case 'heartbeat':
      return [
        message.sentMs,
        message.isJoining ? 1 : 0,
        message.digest === undefined ? 0 : stamps(message.digest),
        message.roster === undefined ? 0 : roster(message.roster),
      ]
    case 'pull':
      return [message.pull, message.digest === undefined ? 0 : stamps(message.digest), message.sids ?? 0]
    case 'state': {
      const { sentMs, pull, records, missing, end } = message
      return [sentMs, pull, deltas(records, sentMs), missing ?? 0, end === undefined ? 0 : packEnd(end)]
    }
    case 'leave':
      return []
  }
}

function packDelta(delta: Delta, sentMs: number, table: StampTable): unknown[] {
  const { sid, created, attributes, lifetime, destroyed, used, isPartial, isEndTold } = delta
  // (A peer may have told of a use as long ago as can be told.)
  const idleMs =
    used === undefined ? -1 : Math.min(MAX_MOMENT_MS, Math.max(0, Math.round(sentMs - used.atMs)))
  const flags = (isPartial ? PARTIAL : 0) | (isEndTold ? END_TOLD : 0)
  const packed: unknown[] = [
    sid,
    table.add(created),
    idleMs,
    table.add(used?.stamp),
    flags,
    table.add(destroyed),
  ]
  packed.push(lifetime === undefined ? 0 : [lifetime.ttlMs, table.add(lifetime.stamp)])
  for (const { name, value, stamp } of attributes) packed.push(name, value ?? null, table.add(stamp))
  return packed
}

class StampTable {
  readonly origins: Origin[] = []
  readonly #stamps: Stamp[] = []
  readonly #indices = new Map<Stamp, number>()
  /** What was told last of each origin. */
  readonly #told = new Map<Origin, Stamp>()
  readonly #originIndices = new Map<Origin, number>()

  constructor(sender: Origin) {
    this.#originIndices.set(sender, 0)
  }

  add(stamp: Stamp | undefined): number {
    if (stamp === undefined) return 0
    let index = this.#indices.get(stamp)
    if (index === undefined) {
      index = this.#stamps.push(stamp)
      this.#indices.set(stamp, index)
    }
    return index
  }

  /** Of a digest: members that have merged the same tell the same of an origin, each of them as it came to him. */
  addTold(stamp: Stamp): number {
    const last = this.#told.get(stamp.origin)
    if (last !== undefined && compareStamps(last, stamp) === 0) return this.add(last)
    this.#told.set(stamp.origin, stamp)
    return this.add(stamp)
  }

  pack(): number[] {
    let base = 0
    for (const { time } of this.#stamps) base = Math.max(base, time)
    const packed = [base]
    for (const { time, counter, origin } of this.#stamps)
      packed.push(this.#origin(origin), base - time, counter)
    return packed
  }

  #origin(origin: Origin): number {
    let index = this.#originIndices.get(origin)
    if (index === undefined) {
      index = this.origins.push(origin)
      this.#originIndices.set(origin, index)
    }
    return index
  }
}

/** Of texts that are held for long: such as do not keep in memory the frame that they came in. */
export interface Keep {
  text(text: string): string
  /** Of an attribute: one for all sessions. */
  name(name: string): string
}

const asTheyAre: Keep = { text: (text) => text, name: (name) => name }

/** When a frame was sent, on its sender's monotonic clock, if it is one that tells. For those who measure links. */
export function sentMsOf(wire: unknown): { ms: number; isDelta: boolean } | undefined {
  if (typeof wire === 'number') return { ms: wire, isDelta: false }
  // (Nothing is checked yet: to look up what is no number might run its code, or come to the end of the stack.)
  if (!Array.isArray(wire) || typeof wire[0] !== 'number') return undefined
  const kind = KINDS[wire[0]]
  if (kind !== 'delta' && kind !== 'heartbeat') return undefined
  return typeof wire[3] === 'number' ? { ms: wire[3], isDelta: kind === 'delta' } : undefined
}

export interface Expectations {
  /** The highest time that a stamp may have. */
  readonly latestMs: number
  /** Of one session in one delta. */
  readonly maxAttributes: number
  /** A moment on the sender's monotonic clock as one on ours. */
  readonly toLocal: (sentMs: number) => number
  readonly keep: Keep
}

const ANYTHING: Expectations = {
  latestMs: Number.POSITIVE_INFINITY,
  maxAttributes: Number.POSITIVE_INFINITY,
  toLocal: (sentMs) => sentMs,
  keep: asTheyAre,
}

/**
 * @param sender the member at the other end of the link; `undefined` until its hello.
 * @param expected any of these.
 * @throws SessionMeshError `SESSIONMESH_BAD_FRAME`, `SESSIONMESH_CLOCK_DRIFT`, `SESSIONMESH_PROTOCOL_MISMATCH`: the link must
 * be cut.
 */
export function parseMessage(
  wire: unknown,
  sender: Origin | undefined,
  expected: Partial<Expectations> = {},
): Message {
  const { toLocal, ...others } = { ...ANYTHING, ...expected }
  if (typeof wire === 'number' && sender !== undefined) {
    const sentMs = toLocal(moment(wire, 'time of sending'))
    return { kind: 'heartbeat', sentMs, isJoining: false, digest: undefined, roster: undefined }
  }
  const frame = new Reader(array(wire, 'frame'), [], others)
  const kind = KINDS[frame.count('kind')]
  if (kind === undefined) throw bad('its kind is unknown')
  if ((kind === 'hello') !== (sender === undefined)) throw bad(`a ${kind} is out of order`)
  if (kind === 'hello') checkProtocol(frame.peek(2), frame.peek(3))
  const origins = frame.origins('origins')
  const stamps = array(frame.next(), 'stamps')
  // A hello names its sender itself.
  const self = sender ?? origin(frame.peek(3), 'member id')
  frame.use(stampTable(stamps, [self, ...origins], others.latestMs))
  const message = parseFields(kind, frame, self, toLocal)
  // A later protocol that speaks this one as well may say more in its hello.
  if (kind !== 'hello') frame.end()
  return message
}

/** Before all else: of what a member of another protocol says nothing but these two numbers can be told. */
function checkProtocol(min: unknown, max: unknown): void {
  const [oldest, newest] = [count(min, 'protocol'), count(max, 'protocol')]
  if (oldest <= PROTOCOL.max && newest >= PROTOCOL.min) return
  throw new SessionMeshError(
    'SESSIONMESH_PROTOCOL_MISMATCH',
    `A member speaks protocol ${oldest} to ${newest}, this one ${PROTOCOL.min} to ${PROTOCOL.max}: upgrade the older one`,
  )
}

function parseFields(
  kind: (typeof KINDS)[number],
  frame: Reader,
  sender: Origin,
  toLocal: (sentMs: number) => number,
): Message {
  switch (kind) {
    case 'hello':
      return {
        kind,
        protocolMin: frame.count('protocol'),
        protocolMax: frame.count('protocol'),
        cluster: frame.label('cluster'),
        id: frame.origin('member id'),
        name: frame.label('name'),
        address: frame.label('address'),
        dial: frame.count('dial'),
        heartbeatMs: frame.period(),
        isJoining: frame.count('joining') === 1,
        clockMs: frame.number('clock'),
        sentMs: frame.sent(toLocal),
        digest: frame.stamps('digest'),
        purged: frame.purges(),
        roster: frame.roster(),
      }
    case 'delta': {
      const sentMs = frame.sent(toLocal)
      const previous = frame.optionalStamp('previous')
      const upTo = frame.stamp('upTo')
      const message = {
        kind,
        sentMs,
        previous,
        upTo,
        wantsAck: frame.count('wantsAck') === 1,
        deltas: frame.deltas(),
      }
      checkOwn(message, sender)
      return message
    }
    case 'ack':
      return { kind, upTo: frame.stamp('upTo') }
    case 'heartbeat':
      return {
        kind,
        sentMs: frame.sent(toLocal),
        isJoining: frame.count('joining') === 1,
        digest: frame.peek() === 0 ? frame.skip() : frame.stamps('digest'),
        roster: frame.peek() === 0 ? frame.skip() : frame.roster(),
      }
    case 'pull': {
      const pull = frame.count('pull')
      const digest = frame.peek() === 0 ? frame.skip() : frame.stamps('digest')
      const sids = frame.peek() === 0 ? frame.skip() : frame.strings('sids')
      if ((digest === undefined) === (sids === undefined)) throw bad('a pull names a digest or ids')
      return { kind, pull, digest, sids }
    }
    case 'state': {
      const sentMs = frame.sent(toLocal)
      const pull = frame.count('pull')
      const records = frame.deltas()
      const missing = frame.peek() === 0 ? frame.skip() : frame.strings('missing')
      if (frame.peek() === 0) return { kind, sentMs, pull, records, missing, end: frame.skip() }
      const end = frame.inner('end').transferEnd()
      return { kind, sentMs, pull, records, missing, end }
    }
    case 'leave':
      return { kind }
  }
}

function stampTable(packed: readonly unknown[], origins: readonly Origin[], latestMs: number): Stamp[] {
  const base = number(packed[0], 'stamp base')
  if (base > latestMs) {
    throw new SessionMeshError(
      'SESSIONMESH_CLOCK_DRIFT',
      `A frame is refused: a stamp is ${base - latestMs} ms too far ahead`,
    )
  }
  const table: Stamp[] = []
  for (let i = 1; i < packed.length; i += 3) {
    const origin = origins[count(packed[i], 'origin index')]
    if (origin === undefined) throw bad('a stamp names no origin')
    const time = base - count(packed[i + 1], 'stamp time')
    if (!Number.isSafeInteger(time) || time < 0) throw bad('a stamp has no valid time')
    const counter = count(packed[i + 2], 'stamp counter')
    if (counter > MAX_COUNTER) throw bad('a stamp has no valid counter')
    table.push({ time, counter, origin })
  }
  return table
}

/** A live message speaks of the sender's own writes alone, and its digest entry rises over all of them. */
function checkOwn({ previous, upTo, deltas }: DeltaMessage, sender: Origin): void {
  const isOwn = (stamp: Stamp | undefined) => stamp === undefined || stamp.origin === sender
  if (!isOwn(previous) || !isOwn(upTo)) throw bad('a delta of another origin')
  for (const delta of deltas) {
    for (const stamp of stampsOf(delta)) {
      if (!isOwn(stamp)) throw bad('a delta of another origin')
      if (compareStamps(stamp, upTo) > 0) throw bad('a delta says more than it claims')
    }
  }
}

type FieldExpectations = Pick<Expectations, 'keep' | 'maxAttributes'>

/** Name, value, stamp. */
const ATTRIBUTE_FIELDS = 3

/** Takes the fields of one array in order, each checked. */
class Reader {
  readonly #fields: readonly unknown[]
  #table: readonly Stamp[]
  readonly #expected: FieldExpectations
  #sentMs: number
  #at = 0

  constructor(fields: readonly unknown[], table: readonly Stamp[], expected: FieldExpectations, sentMs = 0) {
    this.#fields = fields
    this.#table = table
    this.#expected = expected
    this.#sentMs = sentMs
  }

  use(table: readonly Stamp[]): void {
    this.#table = table
  }

  /** When the frame was sent, as a moment here: what ages count from. */
  sent(toLocal: (sentMs: number) => number): number {
    this.#sentMs = toLocal(moment(this.next(), 'time of sending'))
    return this.#sentMs
  }

  next(): unknown {
    if (this.#at >= this.#fields.length) throw bad('it ends early')
    return this.#fields[this.#at++]
  }

  peek(ahead = 0): unknown {
    return this.#fields[this.#at + ahead]
  }

  skip(): undefined {
    this.#at++
    return undefined
  }

  end(): void {
    if (this.#at < this.#fields.length) throw bad('it has more fields than its kind')
  }

  number(what: string): number {
    return number(this.next(), what)
  }

  count(what: string): number {
    return count(this.next(), what)
  }

  text(what: string): string {
    return text(this.next(), what)
  }

  label(what: string): string {
    return label(this.next(), what)
  }

  origin(what: string): Origin {
    return origin(this.next(), what)
  }

  origins(what: string): Origin[] {
    return array(this.next(), what).map((item) => origin(item, what))
  }

  strings(what: string): string[] {
    return array(this.next(), what).map((item) => text(item, what))
  }

  period(): number {
    const ms = this.number('heartbeat period')
    if (ms < 0 || ms > MAX_HEARTBEAT_MS) throw bad(`a heartbeat period of ${ms} ms`)
    return ms
  }

  stamp(what: string): Stamp {
    return this.#stampAt(this.next(), what)
  }

  optionalStamp(what: string): Stamp | undefined {
    return this.peek() === 0 ? this.skip() : this.stamp(what)
  }

  /** One of each origin, as in a digest. */
  stamps(what: string): Stamp[] {
    return atMost(MAX_ORIGINS, this.next(), what).map((index) => this.#stampAt(index, what))
  }

  inner(what: string): Reader {
    return this.#reader(this.next(), what)
  }

  inners(what: string, most = Number.POSITIVE_INFINITY): Reader[] {
    return atMost(most, this.next(), what).map((packed) => this.#reader(packed, what))
  }

  roster(): RosterEntry[] {
    let told = 0
    return this.inners('roster', MAX_MEMBERS).map((entry) => {
      const [id, name, address] = [entry.origin('member id'), entry.label('name'), entry.label('address')]
      const state = STATES[entry.count('state')]
      if (state === undefined) throw bad('a roster entry has an unknown state')
      const packed = entry.peek()
      told = within(MAX_TOLD_ORIGINS, told + (Array.isArray(packed) ? packed.length : 0), 'roster')
      return { id, name, address, state, digest: packed === 0 ? entry.skip() : entry.stamps('digest') }
    })
  }

  transferEnd(): TransferEnd {
    return {
      digest: this.stamps('digest'),
      roster: this.roster(),
      purged: this.purges(),
      isReady: this.count('ready') === 1,
    }
  }

  purges(): Purge[] {
    let told = 0
    return this.inners('purged', MAX_ORIGINS).map((purge) => {
      const [removals, writers] = [purge.stamps('removals'), purge.origins('writers')]
      told = within(MAX_TOLD_ORIGINS, told + removals.length + writers.length, 'purged')
      return { removals, writers }
    })
  }

  deltas(): Delta[] {
    return this.inners('delta').map((delta) => delta.delta())
  }

  delta(): Delta {
    const sid = this.#expected.keep.text(this.text('session id'))
    const created = this.stamp('created')
    const idleMs = moment(this.next(), 'idle time')
    if (!Number.isInteger(idleMs)) throw bad('an idle time is not in whole ms')
    const use = this.optionalStamp('use')
    if (idleMs < 0 !== (use === undefined)) throw bad('a use has no stamp, or no time')
    const flags = this.count('flags')
    if (flags > (PARTIAL | END_TOLD)) throw bad('a session is marked in no known way')
    const destroyed = this.optionalStamp('destroyed')
    const lifetime = this.peek() === 0 ? this.skip() : this.inner('lifetime').lifetime()
    const { maxAttributes } = this.#expected
    if (this.#fields.length - this.#at > ATTRIBUTE_FIELDS * maxAttributes)
      throw bad(
        `a session has more than ${maxAttributes} attributes. Give all members the same config.maxAttributes`,
      )
    const attributes: Attribute[] = []
    while (this.#at < this.#fields.length) attributes.push(this.attribute())
    return {
      sid,
      created,
      attributes,
      lifetime,
      destroyed,
      used: use && { atMs: this.#sentMs - idleMs, stamp: use },
      isPartial: (flags & PARTIAL) !== 0 || undefined,
      isEndTold: (flags & END_TOLD) !== 0 || undefined,
    }
  }

  lifetime(): { ttlMs: number; stamp: Stamp } {
    const ttlMs = this.number('ttl')
    if (ttlMs <= 0) throw bad('a ttl is not above 0')
    return { ttlMs, stamp: this.stamp('lifetime') }
  }

  attribute(): Attribute {
    const name = this.#expected.keep.name(this.text('attribute name'))
    if (FORBIDDEN_NAMES.has(name)) throw bad(`an attribute is named ${name}`)
    const value = this.next()
    if (value !== null && !isValue(value)) throw bad('an attribute has no value')
    const kept = typeof value === 'string' ? this.#expected.keep.text(value) : (value ?? undefined)
    return { name, value: kept, stamp: this.stamp('attribute') }
  }

  #reader(packed: unknown, what: string): Reader {
    return new Reader(array(packed, what), this.#table, this.#expected, this.#sentMs)
  }

  #stampAt(index: unknown, what: string): Stamp {
    const stamp = this.#table[count(index, what) - 1]
    if (stamp === undefined) throw bad(`${what} names no stamp`)
    return stamp
  }
}

function array(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw bad(`${what} is not an array`)
  return value
}

function number(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw bad(`${what} is not a number`)
  // (No -0: packed again, it would be another number.)
  return value + 0
}

/** Of a monotonic clock, or what two of them are apart: any sum of a few is a number that others take as well. */
function moment(value: unknown, what: string): number {
  const ms = number(value, what)
  if (Math.abs(ms) > MAX_MOMENT_MS) throw bad(`${what} is no moment of a clock`)
  return ms
}

/** Some 35,000 years. */
const MAX_MOMENT_MS = 2 ** 50

function atMost(most: number, value: unknown, what: string): readonly unknown[] {
  const list = array(value, what)
  if (list.length > most) throw bad(`${what} has ${list.length} entries, more than ${most}`)
  return list
}

function count(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw bad(`${what} is not a count`)
  return value
}

function text(value: unknown, what: string, most = MAX_TEXT_LENGTH): string {
  if (typeof value !== 'string' || value.length > most) {
    throw bad(`${what} is not a text of at most ${most} characters`)
  }
  return value
}

function label(value: unknown, what: string): string {
  return text(value, what, MAX_LABEL_LENGTH)
}

function origin(value: unknown, what: string): Origin {
  return text(value, what, MAX_ORIGIN_LENGTH)
}

function within(most: number, told: number, what: string): number {
  if (told > most) throw bad(`${what} names origins more than ${most} times`)
  return told
}

function bad(what: string): SessionMeshError {
  return new SessionMeshError('SESSIONMESH_BAD_FRAME', `A frame is refused: ${what}`)
}
