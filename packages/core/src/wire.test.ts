/** Messages survive the codec; whatever else comes is refused with one code; small writes are small. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytes, messageArb, stamp } from '../test/arbitraries.js'
import { packr } from '../test/codec.js'
import {
  MAX_HEARTBEAT_MS,
  MAX_LABEL_LENGTH,
  MAX_MEMBERS,
  MAX_ORIGIN_LENGTH,
  MAX_ORIGINS,
  MAX_TEXT_LENGTH,
  MAX_TOLD_ORIGINS,
  resolveConfig,
} from './config.js'
import { SessionMeshError } from './errors.js'
import type { Message } from './messages.js'
import type { Stamp } from './stamp.js'
import { type Expectations, FORBIDDEN_NAMES, packMessage, parseMessage } from './wire.js'

const config = resolveConfig()

const senderOf = (message: Message) => (message.kind === 'hello' ? undefined : 'sender')

function overTheWire(message: Message): Message {
  const frame = packr.pack(packMessage(message, 'sender'))
  return parseMessage(packr.unpack(frame), senderOf(message))
}

/** The code of the error that a frame is refused with; `undefined` when it is taken. */
function refusal(
  wire: unknown,
  sender: string | undefined,
  expected: Partial<Expectations> = {},
): string | undefined {
  try {
    parseMessage(wire, sender, expected)
    return undefined
  } catch (error) {
    if (error instanceof SessionMeshError) return error.code
    throw error
  }
}

const KINDS: readonly Message[] = [
  {
    kind: 'hello',
    sentMs: 0,
    protocolMin: 1,
    protocolMax: 1,
    cluster: 'shop',
    id: 'sender',
    name: 'first',
    address: '127.0.0.1:7373',
    dial: 3,
    heartbeatMs: 250,
    isJoining: true,
    clockMs: 1_700_000_000_000,
    digest: [stamp(5, 'sender'), stamp(6, 'other')],
    purged: [{ removals: [stamp(6, 'other')], writers: ['third', 'sender'] }],
    roster: [{ id: 'other', name: 'second', address: ':7374', state: 'suspect', digest: undefined }],
  },
  {
    kind: 'delta',
    sentMs: 0,
    previous: stamp(4, 'sender'),
    upTo: stamp(6, 'sender'),
    wantsAck: true,
    deltas: [
      {
        sid: 's',
        created: stamp(3, 'other'),
        attributes: [
          { name: 'x', value: bytes(1, 2, 3), stamp: stamp(5, 'sender') },
          { name: 'y', value: undefined, stamp: stamp(6, 'sender') },
          { name: 'z', value: 'text', stamp: stamp(6, 'sender') },
        ],
        lifetime: { ttlMs: 1_000, stamp: stamp(5, 'sender') },
        destroyed: undefined,
        used: { atMs: 0, stamp: stamp(6, 'sender') },
      },
    ],
  },
  { kind: 'ack', upTo: stamp(6, 'other') },
  {
    kind: 'heartbeat',
    sentMs: 0,
    isJoining: false,
    digest: [stamp(6, 'other')],
    roster: [{ id: 'gone', name: 'third', address: '[::1]:7375', state: 'dead', digest: [stamp(1, 'gone')] }],
  },
  { kind: 'heartbeat', sentMs: 0, isJoining: true, digest: undefined, roster: undefined },
  { kind: 'pull', pull: 3, digest: [], sids: undefined },
  { kind: 'pull', pull: 4, digest: undefined, sids: ['s', 't'] },
  {
    kind: 'state',
    sentMs: 0,
    pull: 3,
    records: [
      {
        sid: 's',
        created: stamp(1, 'third'),
        attributes: [],
        lifetime: undefined,
        destroyed: stamp(9, 'other', 7),
        used: undefined,
      },
    ],
    missing: ['t'],
    end: {
      digest: [stamp(9, 'other', 7)],
      roster: [],
      purged: [{ removals: [stamp(9, 'other', 7)], writers: ['third'] }],
      isReady: true,
    },
  },
  { kind: 'state', sentMs: 0, pull: 3, records: [], missing: undefined, end: undefined },
  { kind: 'leave' },
]

describe('a message', () => {
  test.each(KINDS)('$kind comes out of the codec as it went in', (message) => {
    expect(overTheWire(message)).toEqual(message)
  })

  test('of any content comes out as it went in', () => {
    fc.assert(
      fc.property(messageArb, (message) => {
        expect(overTheWire(message)).toEqual(message)
      }),
      { numRuns: 500 },
    )
  })

  test('leaves to its receiver how the texts of a session are kept', () => {
    const message = KINDS[1] as Extract<Message, { kind: 'delta' }>
    const keep = { text: (text: string) => `kept ${text}`, name: (name: string) => `named ${name}` }
    const parsed = parseMessage(packMessage(message, 'sender'), 'sender', { keep })
    const [delta] = (parsed as typeof message).deltas
    expect(delta?.sid).toBe('kept s')
    expect(delta?.attributes.map(({ name, value }) => [name, value])).toEqual([
      ['named x', bytes(1, 2, 3)],
      ['named y', undefined],
      ['named z', 'kept text'],
    ])
  })
})

describe('a frame that is not right', () => {
  const wires = KINDS.map((message) => ({
    kind: message.kind,
    wire: packMessage(message, 'sender') as readonly unknown[],
    sender: senderOf(message),
  }))

  test.each(wires)('$kind: without its last fields it is refused', ({ wire, sender }) => {
    for (let length = 0; length < wire.length; length++)
      expect(refusal(wire.slice(0, length), sender)).toBe('SESSIONMESH_BAD_FRAME')
  })

  test.each(wires)(
    '$kind: with a field too many it is refused, but for the hello of a later protocol',
    ({ kind, wire, sender }) => {
      expect(refusal([...wire, 0], sender)).toBe(kind === 'hello' ? undefined : 'SESSIONMESH_BAD_FRAME')
    },
  )

  test.each(wires)('$kind: with any field of another type it is refused', ({ wire, sender }) => {
    for (const at of wire.keys())
      for (const junk of [undefined, true, { length: 1 }, Number.NaN, -1, 0.5, 2 ** 60]) {
        // The fields that may be negative or broken numbers are moments on a clock, and a period.
        const clocks: Record<number, number[]> = { 0: [10, 12, 13], 1: [3], 3: [3], 5: [3] }
        const isMoment = clocks[wire[0] as number]?.includes(at)
        const isClock = isMoment && typeof junk === 'number' && !Number.isNaN(junk)
        const changed = wire.with(at, junk)
        if (!isClock)
          expect([at, junk, refusal(changed, sender)]).toEqual([at, junk, 'SESSIONMESH_BAD_FRAME'])
      }
  })

  test.each([
    undefined,
    null,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    'hello',
    {},
    [],
    [99, [], [0]],
    [-1, [], [0]],
    ['ack', [], [0]],
  ])('%j is refused', (wire) => {
    expect(refusal(wire, 'sender')).toBe('SESSIONMESH_BAD_FRAME')
  })

  test('a hello on an established link, and anything else on a new one', () => {
    for (const { kind, wire } of wires)
      expect(refusal(wire, kind === 'hello' ? 'sender' : undefined)).toBe('SESSIONMESH_BAD_FRAME')
  })

  /** Any change of any part of a real frame, as deep as it goes. */
  const mutated = fc
    .tuple(
      messageArb,
      fc.array(fc.nat(), { minLength: 1, maxLength: 6 }),
      fc.oneof(
        fc.constant('drop' as const),
        fc.anything({ withBigInt: true, withTypedArray: true, maxDepth: 2 }).map((junk) => ({ junk })),
      ),
    )
    .map(([message, path, change]) => {
      const wire: unknown = structuredClone(packMessage(message, 'sender'))
      if (!Array.isArray(wire))
        return { wire: change === 'drop' ? undefined : change.junk, sender: senderOf(message) }
      let within = wire as unknown[]
      for (const step of path) {
        if (within.length === 0) break
        const at = step % within.length
        const next = within[at]
        if (Array.isArray(next) && step % 3 !== 0) within = next
        else if (change === 'drop') within.splice(at, 1)
        else within[at] = change.junk
      }
      return { wire, sender: senderOf(message) }
    })

  test('is refused with one code and nothing else, whatever was done to it', () => {
    let refused = 0
    fc.assert(
      fc.property(mutated, ({ wire, sender }) => {
        const code = refusal(wire, sender)
        expect([undefined, 'SESSIONMESH_BAD_FRAME', 'SESSIONMESH_PROTOCOL_MISMATCH']).toContain(code)
        if (code !== undefined) refused++
        else {
          // What was taken is a message in every field: it can be sent on, and comes out as it is.
          const message = parseMessage(wire, sender)
          expect(parseMessage(packMessage(message, 'sender'), sender)).toEqual(message)
        }
      }),
      { numRuns: 3_000 },
    )
    expect(refused).toBeGreaterThan(500)
  })

  /** One stamp, of the sender: index 1 of every table here. */
  const table = [[], [9, 0, 0, 0]] as const
  const state = (session: readonly unknown[]) => [5, ...table, 0, 1, [session], 0, 0]
  test.each([
    ['a stamp of an origin that is not in the table', [2, [], [9, 0, 0, 0], 1], [2, [], [9, 1, 0, 0], 1]],
    ['a stamp from before the epoch', [2, [], [9, 0, 9, 0], 1], [2, [], [9, 0, 10, 0], 1]],
    ['a stamp that is not in the table', [2, ...table, 1], [2, ...table, 2]],
    ['a stamp that must be there and is not', [2, ...table, 1], [2, ...table, 0]],
    ['a table of stamps that is cut off', [2, ...table, 1], [2, [], [9, 0, 0], 1]],
    [
      'an unknown state of a member',
      [3, ...table, 0, 0, [], [['id', 'name', 'x:1', 3, 0]]],
      [3, ...table, 0, 0, [], [['id', 'name', 'x:1', 4, 0]]],
    ],
    [
      'a value that is none',
      state(['s', 1, 0, 1, 0, 0, 0, 'x', bytes(1), 1]),
      state(['s', 1, 0, 1, 0, 0, 0, 'x', ['text'], 1]),
    ],
    [
      'an attribute without its stamp',
      state(['s', 1, 0, 1, 0, 0, 0, 'x', null, 1]),
      state(['s', 1, 0, 1, 0, 0, 0, 'x', null]),
    ],
    ['an idle time of a part of a ms', state(['s', 1, 7, 1, 0, 0, 0]), state(['s', 1, 7.5, 1, 0, 0, 0])],
    ['a use without a stamp', state(['s', 1, 7, 1, 0, 0, 0]), state(['s', 1, 7, 0, 0, 0, 0])],
    ['a use without a time', state(['s', 1, -1, 0, 0, 0, 0]), state(['s', 1, -1, 1, 0, 0, 0])],
    ['a ttl of nothing', state(['s', 1, 0, 1, 0, 0, [1, 1]]), state(['s', 1, 0, 1, 0, 0, [0, 1]])],
    ['a pull for everything and for ids', [4, ...table, 1, [], 0], [4, ...table, 1, [], ['s']]],
    ['a pull for nothing', [4, ...table, 1, 0, ['s']], [4, ...table, 1, 0, 0]],
  ])('is refused for %s', (_, right, wrong) => {
    expect(refusal(right, 'sender')).toBeUndefined()
    expect(refusal(wrong, 'sender')).toBe('SESSIONMESH_BAD_FRAME')
  })

  test('is refused for an attribute name that could reach a prototype', () => {
    for (const name of FORBIDDEN_NAMES) {
      const upTo = stamp(1, 'sender')
      const deltas = [{ sid: 's', created: stamp(1), attributes: [{ name, value: bytes(1), stamp: upTo }] }]
      const wire = packMessage(
        { kind: 'delta', sentMs: 0, previous: undefined, upTo, deltas, wantsAck: false },
        'sender',
      )
      expect(refusal(wire, 'sender')).toBe('SESSIONMESH_BAD_FRAME')
    }
  })

  test('is refused when a live delta speaks of others, or says more than its sender claims', () => {
    const live = (origin: string, time: number, upTo: Stamp, isUse = false) => {
      const own = { time, counter: 0, origin }
      const attributes = isUse ? [] : [{ name: 'x', value: undefined, stamp: own }]
      const used = isUse ? { atMs: 0, stamp: own } : undefined
      const deltas = [{ sid: 's', created: stamp(1), attributes, used }]
      return packMessage(
        { kind: 'delta', sentMs: 0, previous: undefined, upTo, wantsAck: false, deltas },
        'sender',
      )
    }
    const upTo = { time: 5, counter: 0, origin: 'sender' }
    for (const isUse of [false, true]) {
      expect(refusal(live('sender', 5, upTo, isUse), 'sender')).toBeUndefined()
      expect(refusal(live('sender', 6, upTo, isUse), 'sender')).toBe('SESSIONMESH_BAD_FRAME')
      expect(refusal(live('other', 5, upTo, isUse), 'sender')).toBe('SESSIONMESH_BAD_FRAME')
    }
    expect(refusal(live('sender', 5, { ...upTo, origin: 'other' }), 'sender')).toBe('SESSIONMESH_BAD_FRAME')
  })

  test('is refused for texts beyond the limits', () => {
    const withAttributes = (count: number, sid = 's') => {
      const attributes = Array.from({ length: count }, (_, i) => ({
        name: `${i}`,
        value: undefined,
        stamp: stamp(1),
      }))
      const records = [{ sid, created: stamp(1), attributes }]
      return packMessage({ kind: 'state', sentMs: 0, pull: 1, records }, 'sender')
    }
    // Concurrent writes may merge above the limit of one write: a frame's size is the bound here.
    expect(refusal(withAttributes(2 * config.maxAttributes + 1), 'sender')).toBeUndefined()
    // Nor is the limit of those who write here: another member may have a wider one.
    expect(refusal(withAttributes(1, 'x'.repeat(MAX_TEXT_LENGTH)), 'sender')).toBeUndefined()
    expect(refusal(withAttributes(1, 'x'.repeat(MAX_TEXT_LENGTH + 1)), 'sender')).toBe(
      'SESSIONMESH_BAD_FRAME',
    )
  })

  test('is refused for moments that no clock shows, and what comes of those that are taken can be told on', () => {
    const session = (sentMs: number, idleMs: number) => [
      5,
      [],
      [0, 0, 0, 0],
      sentMs,
      1,
      [['s', 1, idleMs, 1, 0, 0, 0]],
      0,
      0,
    ]
    const most = 2 ** 50
    for (const ms of [-most, 0, most]) expect(refusal(session(ms, most), 'sender')).toBeUndefined()
    for (const ms of [2 * most, -2 * most, 1e300, -Number.MAX_VALUE]) {
      expect([refusal(session(ms, 0), 'sender'), refusal(ms, 'sender')]).toEqual([
        'SESSIONMESH_BAD_FRAME',
        'SESSIONMESH_BAD_FRAME',
      ])
      expect(refusal(session(0, Math.trunc(ms)), 'sender')).toBe('SESSIONMESH_BAD_FRAME')
    }
    const told = parseMessage(session(-most, most), 'sender')
    expect(refusal(packMessage({ ...told, sentMs: most } as Message, 'other'), 'other')).toBeUndefined()
  })

  test('is refused for names, rosters and digests that are larger than those of any cluster', () => {
    const hello = KINDS.find(({ kind }) => kind === 'hello') as Extract<Message, { kind: 'hello' }>
    const [member] = hello.roster
    const text = 'x'.repeat(MAX_LABEL_LENGTH)
    const of = (changes: Partial<typeof hello>) =>
      refusal(packMessage({ ...hello, ...changes }, 'sender'), undefined)
    const stamps = (count: number) => Array<Stamp>(count).fill(stamp(1, 'sender'))
    const id = 'x'.repeat(MAX_ORIGIN_LENGTH)
    const half = { ...member!, digest: stamps(MAX_ORIGINS) }
    const most = Array(MAX_TOLD_ORIGINS / MAX_ORIGINS).fill(half)
    const taken = {
      id,
      name: text,
      address: text,
      roster: Array(MAX_MEMBERS).fill(member),
      digest: stamps(MAX_ORIGINS),
      purged: [{ removals: stamps(MAX_ORIGINS), writers: Array(MAX_ORIGINS).fill('w') }],
      heartbeatMs: MAX_HEARTBEAT_MS,
    }
    expect([of(taken), of({ roster: most })]).toEqual([undefined, undefined])
    const refused: Partial<typeof hello>[] = [
      { name: `${text}x` },
      { address: `${text}x` },
      { cluster: `${text}x` },
      { id: `${id}x` },
      { digest: [stamp(1, `${id}x`)] },
      { roster: [{ ...member!, id: `${id}x` }] },
      { roster: [...most, { ...member!, digest: [stamp(1, 'sender')] }] },
      { purged: [{ removals: stamps(MAX_ORIGINS + 1), writers: [] }] },
      { purged: [{ removals: [], writers: Array(MAX_TOLD_ORIGINS + 1).fill('w') }] },
      { purged: [{ removals: [], writers: [`${id}x`] }] },
      { digest: stamps(MAX_ORIGINS + 1) },
      { roster: Array(MAX_MEMBERS + 1).fill(member) },
      { roster: [{ ...member!, name: `${text}x` }] },
      { heartbeatMs: MAX_HEARTBEAT_MS + 1 },
      { heartbeatMs: -1 },
    ]
    for (const changes of refused)
      expect(of(changes), Object.keys(changes).join()).toBe('SESSIONMESH_BAD_FRAME')
  })

  test('is refused for more attributes of one session than any may have', () => {
    const attributes = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ name: `${i}`, value: 1, stamp: stamp(1, 'sender') }))
    const of = (count: number) => {
      const records = [{ sid: 's', created: stamp(1, 'sender'), attributes: attributes(count) }]
      const message: Message = {
        kind: 'state',
        sentMs: 0,
        pull: 1,
        records,
        missing: undefined,
        end: undefined,
      }
      return refusal(packMessage(message, 'sender'), 'sender', { maxAttributes: 4 })
    }
    expect([of(4), of(5)]).toEqual([undefined, 'SESSIONMESH_BAD_FRAME'])
  })

  test('is refused for a stamp too far ahead, whatever the hello said of its clock', () => {
    const wire = packMessage({ kind: 'ack', upTo: stamp(1_001, 'sender') }, 'sender')
    expect(refusal(wire, 'sender', { latestMs: 1_000 })).toBe('SESSIONMESH_CLOCK_DRIFT')
    expect(refusal(wire, 'sender', { latestMs: 1_001 })).toBeUndefined()
  })
})

test('a frame names each origin once, and the sender not at all', () => {
  const created = [stamp(1, 'other'), stamp(2, 'sender'), stamp(3, 'other'), stamp(4, 'third')]
  const records = created.map((created, i) => ({ sid: `${i}`, created, attributes: [] }))
  const [, origins] = packMessage({ kind: 'state', sentMs: 0, pull: 1, records }, 'sender') as unknown[]
  expect(origins).toEqual(['other', 'third'])
})

test('a heartbeat without news is a number, and comes out as the heartbeat it is; as a first frame it is refused', () => {
  const heartbeat: Message = {
    kind: 'heartbeat',
    sentMs: 7.5,
    isJoining: false,
    digest: undefined,
    roster: undefined,
  }
  const wire = packMessage(heartbeat, 'sender')
  expect([wire, packr.pack(wire).length]).toEqual([7.5, 9])
  expect(parseMessage(wire, 'sender', { toLocal: (sentMs) => sentMs + 1 })).toEqual({
    ...heartbeat,
    sentMs: 8.5,
  })
  expect(refusal(wire, undefined)).toBe('SESSIONMESH_BAD_FRAME')
})
