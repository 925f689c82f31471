/** Random stamps, deltas and messages, small enough that they meet each other. */

import fc from 'fast-check'
import type { Attribute } from '../src/attributes.js'
import { type MemberState, type Message, PROTOCOL, type RosterEntry } from '../src/messages.js'
import type { Delta, Lifetime, Use } from '../src/session.js'
import type { Instant, Stamp } from '../src/stamp.js'
import { Packed, type Value } from '../src/value.js'

export const at = (monoMs: number, wallMs = monoMs): Instant => ({ wallMs, monoMs })

export const stamp = (time: number, origin = 'a', counter = 0): Stamp => ({ time, counter, origin })

export const bytes = (...values: number[]): Packed => new Packed(String.fromCharCode(...values))

export const valueArb: fc.Arbitrary<Value> = fc.oneof(
  fc.string({ maxLength: 4 }),
  fc.boolean(),
  fc.double({ noDefaultInfinity: true, noNaN: true }).map((value) => value + 0),
  fc.uint8Array({ maxLength: 40 }).map((values) => bytes(...values)),
)

export const stampArb: fc.Arbitrary<Stamp> = fc.record({
  time: fc.integer({ min: 1, max: 6 }),
  counter: fc.integer({ min: 0, max: 2 }),
  origin: fc.constantFrom('a', 'b', 'c'),
})

/**
 * What one stamp writes is decided once, as with real members: two deltas that bear the same stamp for the
 * same attribute say the same of it.
 */
const attributeArb: fc.Arbitrary<Attribute> = fc
  .record({ name: fc.constantFrom('x', 'y', 'z'), stamp: stampArb })
  .map(({ name, stamp }) => {
    const { time, counter, origin } = stamp
    const isRemoved = (time + counter) % 3 === 0
    return { name, stamp, value: isRemoved ? undefined : bytes(time, counter, origin.charCodeAt(0)) }
  })

const lifetimeArb: fc.Arbitrary<Lifetime> = stampArb.map((stamp) => ({
  ttlMs: 1_000 * stamp.time + 100 * stamp.counter + stamp.origin.charCodeAt(0),
  stamp,
}))

/** When it was is decided once as well. */
const useArb: fc.Arbitrary<Use> = stampArb.map((stamp) => ({
  atMs: 10 * stamp.time + 3 * stamp.counter + stamp.origin.charCodeAt(0),
  stamp,
}))

/** Deltas of one session. A delta that destroys carries nothing else. */
export const deltaArb: fc.Arbitrary<Delta> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      sid: fc.constant('s'),
      created: stampArb,
      attributes: fc.uniqueArray(attributeArb, { maxLength: 3, selector: ({ name }) => name }),
      lifetime: fc.option(lifetimeArb, { nil: undefined }),
      used: fc.option(useArb, { nil: undefined }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      sid: fc.constant('s'),
      created: stampArb,
      attributes: fc.constant([]),
      destroyed: stampArb,
    }),
  },
)

const name = fc.string({ maxLength: 12 })
const time = fc.integer({ min: 0, max: 2 ** 45 })
const wideStamp: fc.Arbitrary<Stamp> = fc.record({
  time,
  counter: fc.nat(),
  origin: fc.constantFrom('sender', 'other', 'third', ''),
})
const writers = fc.array(name, { maxLength: 3 })
const purge = fc.record({ removals: fc.array(wideStamp, { maxLength: 3 }), writers })
const purged = fc.array(purge, { maxLength: 3 })
const digest = fc.array(wideStamp, { maxLength: 4 })
const state: fc.Arbitrary<MemberState> = fc.constantFrom('alive', 'suspect', 'dead', 'left')
const rosterEntry: fc.Arbitrary<RosterEntry> = fc.record({
  id: name,
  name,
  address: name,
  state,
  digest: fc.option(digest, { nil: undefined }),
})
const roster = fc.array(rosterEntry, { maxLength: 3 })
const wideDelta: fc.Arbitrary<Delta> = fc.record({
  sid: name,
  created: wideStamp,
  attributes: fc.array(
    fc.record({
      name: name.filter((text) => !['__proto__', 'constructor', 'prototype'].includes(text)),
      value: fc.option(valueArb, { nil: undefined }),
      stamp: wideStamp,
    }),
    { maxLength: 4 },
  ),
  lifetime: fc.option(fc.record({ ttlMs: fc.integer({ min: 1, max: 2 ** 40 }), stamp: wideStamp }), {
    nil: undefined,
  }),
  destroyed: fc.option(wideStamp, { nil: undefined }),
  // Before the frame was sent, which is at 0 here.
  used: fc.option(fc.record({ atMs: fc.integer({ min: -(2 ** 31), max: 0 }), stamp: wideStamp }), {
    nil: undefined,
  }),
  isPartial: fc.option(fc.constant(true), { nil: undefined }),
  isEndTold: fc.option(fc.constant(true), { nil: undefined }),
})
const deltas = fc.array(wideDelta, { maxLength: 4 })
const count = fc.nat()

/** A live message speaks of the sender's own writes, up to what it claims. */
const ownStamp = wideStamp.map((stamp) => ({ ...stamp, origin: 'sender' }))
const highest = { time: 2 ** 50, counter: 0, origin: 'sender' }
const own = (delta: Delta, stamp: Stamp): Delta => ({
  ...delta,
  attributes: delta.attributes.map((attribute) => ({ ...attribute, stamp })),
  lifetime: delta.lifetime && { ...delta.lifetime, stamp },
  used: delta.used && { ...delta.used, stamp },
  destroyed: delta.destroyed && stamp,
})
const liveArb: fc.Arbitrary<Message> = fc.record({
  kind: fc.constant('delta' as const),
  sentMs: fc.constant(0),
  previous: fc.option(ownStamp, { nil: undefined }),
  upTo: fc.constant(highest),
  deltas: fc.tuple(deltas, ownStamp).map(([list, stamp]) => list.map((delta) => own(delta, stamp))),
  wantsAck: fc.boolean(),
})

/** Every kind of message, each field anything that its type allows. */
export const messageArb: fc.Arbitrary<Message> = fc.oneof<fc.Arbitrary<Message>[]>(
  fc.record({
    kind: fc.constant('hello' as const),
    sentMs: fc.constant(0),
    protocolMin: fc.integer({ min: 0, max: PROTOCOL.max }),
    protocolMax: fc.integer({ min: PROTOCOL.max, max: 2 ** 31 }),
    cluster: name,
    id: fc.constant('sender'),
    name,
    address: name,
    dial: count,
    heartbeatMs: fc.nat({ max: 3_600_000 }),
    isJoining: fc.boolean(),
    clockMs: time,
    digest,
    purged,
    roster,
  }),
  liveArb,
  fc.record({ kind: fc.constant('ack' as const), upTo: wideStamp }),
  fc.record({
    kind: fc.constant('heartbeat' as const),
    sentMs: fc.constant(0),
    isJoining: fc.boolean(),
    digest: fc.option(digest, { nil: undefined }),
    roster: fc.option(roster, { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('pull' as const), pull: count, digest, sids: fc.constant(undefined) }),
  fc.record({
    kind: fc.constant('pull' as const),
    pull: count,
    digest: fc.constant(undefined),
    sids: fc.array(name, { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant('state' as const),
    sentMs: fc.constant(0),
    pull: count,
    records: deltas,
    missing: fc.option(fc.array(name, { maxLength: 3 }), { nil: undefined }),
    end: fc.option(fc.record({ digest, roster, purged, isReady: fc.boolean() }), { nil: undefined }),
  }),
  fc.constant({ kind: 'leave' as const }),
)
