/** What may be read, and what the sweep forgets when. */

import { beforeEach, describe, expect, test } from 'vitest'
import { at, bytes, stamp } from '../test/arbitraries.js'
import { graceMs, resolveConfig } from './config.js'
import { Digest } from './digest.js'
import { Records, type SweepRules } from './records.js'
import type { Delta, SessionRecord } from './session.js'
import type { Stamp } from './stamp.js'

const TTL = 10_000
const config = resolveConfig({ ttlMs: TTL, sweepMs: 1_000 })
const GRACE = graceMs(TTL, config)

let digest: Digest
let records: Records
let expired: string[]
/** Writes that died with all who had them. */
let isNowhere: (stamp: Stamp) => boolean
/** Everything is settled and may be forgotten, unless a test says otherwise. */
const rules = (given: Partial<SweepRules> = {}): SweepRules => ({
  isSettled: () => true,
  isKnownToLiving: () => true,
  appeared: () => {},
  purged: () => {},
  mayJudge: true,
  tellEnd: ({ sid }) => {
    expired.push(sid)
    return true
  },
  ...given,
})

beforeEach(() => {
  digest = new Digest()
  isNowhere = () => false
  records = new Records(config, digest, (stamp) => isNowhere(stamp))
  expired = []
})

const delta = (sid: string, time: number, rest: Partial<Delta> = {}): Delta => ({
  sid,
  created: stamp(time),
  attributes: [{ name: 'x', value: bytes(time), stamp: stamp(time) }],
  ...rest,
})
const tombstone = (sid: string, time: number): Delta => ({
  sid,
  created: stamp(time),
  attributes: [],
  destroyed: stamp(time),
})

/** Merged and covered by the digest, as each delta is. */
function merge(delta: Delta, nowMs = 0): SessionRecord {
  const { record } = records.merge(delta, (of) => digest.covers(of), at(nowMs))
  for (const of of record.stamps()) digest.raise(of)
  return record
}

/** A whole round of the sweep: returns the origins met. */
function sweepAll(nowMs: number, given?: Partial<SweepRules>): ReadonlySet<string> {
  for (let i = 0; i < 100; i++) {
    const origins = records.sweep(at(nowMs + i), rules(given))
    if (origins !== undefined) return origins
  }
  throw new Error('the sweep never ends a round')
}

describe('what may be read', () => {
  test('is a record whose creation is merged here', () => {
    const { record } = records.merge(delta('s', 1), () => false, at(0))
    expect(records.isReadable(record, at(0))).toBe(false)
    digest.raise(stamp(1))
    expect(records.isReadable(record, at(0))).toBe(true)
  })

  test('is a record whose creation is nowhere, with what others wrote later', () => {
    const created = stamp(1, 'gone')
    const { record } = records.merge({ ...delta('s', 2), created }, () => false, at(0))
    digest.raise(stamp(2))
    expect(records.isReadable(record, at(0))).toBe(false)
    isNowhere = ({ origin }) => origin === created.origin
    expect(records.isReadable(record, at(0))).toBe(true)
  })

  test('is not a destroyed one', () => {
    merge(delta('s', 1))
    expect(records.isReadable(merge(tombstone('s', 2)), at(0))).toBe(false)
  })

  test('is not an expired one: its time is over after ttlMs without use', () => {
    const record = merge(delta('s', 1))
    expect(records.isReadable(record, at(TTL - 1))).toBe(true)
    expect(records.isReadable(record, at(TTL))).toBe(false)
    record.use(at(TTL - 1))
    expect(records.isReadable(record, at(2 * TTL - 2))).toBe(true)
  })

  test('goes by the lifetime of the session before the default', () => {
    const record = merge(delta('s', 1, { lifetime: { ttlMs: 500, stamp: stamp(1) } }))
    expect(records.isReadable(record, at(499))).toBe(true)
    expect(records.isReadable(record, at(500))).toBe(false)
  })

  test('is not a part of a session that was forgotten here', () => {
    digest.raise(stamp(5))
    const merged = records.merge(
      { ...delta('s', 3), attributes: [{ name: 'x', value: bytes(1), stamp: stamp(9, 'b') }] },
      (of) => digest.covers(of),
      at(0),
    )
    expect(merged.wasForgotten).toBe(true)
    expect(records.isReadable(merged.record, at(0))).toBe(false)
    merged.record.whole = true
    expect(records.isReadable(merged.record, at(0))).toBe(true)
  })

  test('a destroy of a session that was forgotten here leaves a tombstone, and nothing to ask for', () => {
    digest.raise(stamp(5))
    const merged = records.merge(
      { sid: 's', created: stamp(3), attributes: [], destroyed: stamp(6) },
      (of) => digest.covers(of),
      at(0),
    )
    expect([merged.wasForgotten, merged.record.whole, records.tombstones]).toEqual([false, true, 1])
  })
})

describe('the numbers', () => {
  test('count sessions and tombstones apart', () => {
    merge(delta('s', 1))
    merge(delta('t', 2))
    merge(tombstone('s', 3))
    merge(tombstone('s', 4))
    merge(tombstone('u', 5))
    expect([records.size, records.tombstones]).toEqual([1, 2])
    records.delete('s')
    records.delete('t')
    records.delete('nothing')
    expect([records.size, records.tombstones]).toEqual([0, 1])
    records.clear()
    expect([records.size, records.tombstones]).toEqual([0, 0])
  })
})

describe('an expired record', () => {
  test('is kept for the grace, in which a late touch saves it, and forgotten after it', () => {
    merge(delta('s', 1))
    sweepAll(TTL + GRACE - 100)
    expect(records.get('s')).toBeDefined()
    merge({ sid: 's', created: stamp(1), attributes: [], used: { atMs: TTL - 5_000, stamp: stamp(2) } }, TTL)
    sweepAll(TTL + GRACE)
    expect([records.get('s') === undefined, expired]).toEqual([false, []])
    sweepAll(TTL + 5_000 + GRACE)
    expect([records.get('s') === undefined, expired]).toEqual([true, ['s']])
  })

  test('is not forgotten while a transfer may tell of a later use', () => {
    merge(delta('s', 1))
    sweepAll(10 * TTL, { mayJudge: false })
    expect([records.size, expired]).toEqual([1, []])
  })

  test('whose creation never came is forgotten, though nobody will ever settle that', () => {
    const created = stamp(1, 'lost')
    records.merge({ ...delta('s', 2), created }, () => false, at(0))
    digest.raise(stamp(2))
    const isSettled = ({ origin }: Stamp) => origin !== created.origin
    sweepAll(10 * TTL, { isSettled })
    expect([records.size, expired]).toEqual([0, ['s']])
    merge({ ...delta('t', 3), created })
    sweepAll(10 * TTL, { isSettled })
    expect(records.size).toBe(1)
  })

  test('of which only a part is here is forgotten without a word', () => {
    merge(delta('s', 1)).whole = false
    sweepAll(10 * TTL)
    expect([records.size, expired]).toEqual([0, []])
  })
})

describe('a tombstone', () => {
  test('is dropped when it is settled, and not before, however old it is', () => {
    merge(tombstone('early', 1))
    merge(tombstone('late', 5))
    sweepAll(100 * TTL, { isSettled: ({ time }) => time < 5 })
    expect([records.get('early'), records.get('late')?.sid]).toEqual([undefined, 'late'])
    expect(expired).toEqual([])
  })
})

describe('the marker of a removed attribute', () => {
  test('is dropped when it is settled', () => {
    const removed = { name: 'y', value: undefined, stamp: stamp(5) }
    const record = merge(delta('s', 1, { attributes: [removed], lifetime: { ttlMs: TTL, stamp: stamp(6) } }))
    sweepAll(1, { isSettled: ({ time }) => time < 5 })
    expect(record.names).toBe(1)
    sweepAll(200)
    expect(record.names).toBe(0)
  })
})

describe('the sweep', () => {
  test('visits all records once in sweepMs, a share at a time', () => {
    for (let i = 0; i < 1_000; i++) merge(tombstone(`s${i}`, i + 1))
    const visited: number[] = []
    const isSettled = ({ time }: { time: number }) => {
      visited.push(time)
      return false
    }
    records.sweep(at(0), rules({ isSettled }))
    const turns = [250, 500, 750, 1_000].map((ms) => {
      visited.splice(0)
      const origins = records.sweep(at(ms), rules({ isSettled }))
      return [visited.length, origins?.size]
    })
    // One more than a quarter each time, so that a round ends even when there is next to nothing.
    expect(turns).toEqual([
      [251, undefined],
      [251, undefined],
      [251, undefined],
      [246, 1],
    ])
  })

  test('takes no longer when what it visits goes, or more comes', () => {
    for (let i = 0; i < 1_000; i++) merge(tombstone(`s${i}`, i + 1))
    records.sweep(at(0), rules({ isSettled: () => false }))
    const rounds: number[] = []
    for (let turn = 1; turn <= 12; turn++) {
      // First all go; later many come, in the middle of rounds.
      if (turn > 5) for (let i = 0; i < 100; i++) merge(tombstone(`t${turn}.${i}`, 2_000 + i))
      if (records.sweep(at(250 * turn), rules({ isSettled: () => turn <= 5 })) !== undefined)
        rounds.push(turn)
    }
    expect(rounds[0]).toBe(4)
    expect(rounds.length).toBeGreaterThanOrEqual(3)
  })

  test('takes no longer in one turn after a long stall, and goes on soon', () => {
    for (let i = 0; i < 25_000; i++) merge(tombstone(`s${i}`, i + 1))
    let ms = 1_000_000
    const turns: number[] = []
    for (let left = records.tombstones; left > 0; left = records.tombstones) {
      records.sweep(at(ms), rules())
      turns.push(left - records.tombstones)
      const nextMs = Math.ceil(records.nextSweepMs())
      expect(nextMs - ms).toBeLessThanOrEqual(records.tombstones > 0 ? 10 : config.sweepMs)
      ms = nextMs
    }
    expect(Math.max(...turns)).toBe(5_000)
  })

  test('takes less of those that have ended in one turn, and not as few of those that are kept', () => {
    for (let i = 0; i < 25_000; i++) merge(delta(`s${i}`, i + 1))
    records.sweep(at(10 * TTL), rules())
    expect([records.size, expired.length]).toEqual([24_750, 250])
    const tellEnd = (record: SessionRecord) => {
      expired.push(record.sid)
      record.teller = { owner: 'a', sinceMs: 0 }
      return true
    }
    const keepAll = rules({ tellEnd, isSettled: () => false })
    let nowMs = 11 * TTL
    const sweepOn = () => {
      expired = []
      const origins = records.sweep(at(nowMs), keepAll)
      return [expired.length, origins !== undefined]
    }
    for (let left = 24_750; left > 0; left -= 250) expect(sweepOn()).toEqual([250, false])
    expect(sweepOn()).toEqual([0, true])
    nowMs = 12 * TTL
    expect(sweepOn()).toEqual([1_250, false])
  })

  test('comes by more often the more there are, and no more often than once in a heartbeat when they are few', () => {
    const betweenMs = () => records.nextSweepMs()
    records.sweep(at(0), rules())
    expect(betweenMs()).toBe(Number.POSITIVE_INFINITY)
    for (let i = 0; i < 10_000; i++) merge(tombstone(`s${i}`, i + 1))
    expect(betweenMs()).toBe(450)
    for (let i = 10_000; i < 50_000; i++) merge(tombstone(`s${i}`, i + 1))
    expect(betweenMs()).toBe(90)
    for (let i = 50_000; i < 150_000; i++) merge(tombstone(`s${i}`, i + 1))
    // However many they are: that is 100,000 a second.
    expect(betweenMs()).toBe(45)
  })

  test('tells at the end of a round which origins bear anything, and of those alone', () => {
    merge(delta('s', 1, { attributes: [{ name: 'x', value: bytes(1), stamp: stamp(2, 'b') }] }))
    merge(
      delta('t', 3, { created: stamp(3, 'c'), attributes: [], lifetime: { ttlMs: 1, stamp: stamp(3, 'd') } }),
    )
    expect(sweepAll(0)).toEqual(new Set(['a', 'b', 'c', 'd']))
    // The session with the short life is over by then.
    expect(sweepAll(GRACE + 10)).toEqual(new Set(['a', 'b']))
  })

  test('counts who wrote to a session that turns out to be of another one', () => {
    merge(delta('s', 2))
    merge({ ...delta('s', 1), created: stamp(1, 'c'), attributes: [] })
    expect(sweepAll(0)).toEqual(new Set(['a', 'c']))
    // In another round nothing is merged that would show it.
    expect(sweepAll(500)).toEqual(new Set(['a', 'c']))
  })

  test('counts an origin that came while a round was going on', () => {
    for (let i = 0; i < 10; i++) merge(delta(`s${i}`, i + 1))
    expect(records.sweep(at(0), rules())).toBeUndefined()
    const attribute = (name: string, stamp: Stamp) => ({ name, value: bytes(2), stamp })
    const attributes = [attribute('x', stamp(20, 'late')), attribute('y', stamp(30))]
    merge(delta('s0', 1, { attributes }))
    expect(sweepAll(500)).toContain('late')
  })

  test('counts who destroyed a session while a round was going on, though others wrote to it later', () => {
    for (let i = 0; i < 10; i++) merge(delta(`s${i}`, i + 1))
    expect(records.sweep(at(0), rules())).toBeUndefined()
    merge(delta('s0', 30))
    const record = merge({ ...tombstone('s0', 1), destroyed: stamp(20, 'late') })
    expect(record.lastStamp.origin).not.toBe('late')
    expect(sweepAll(500, { isSettled: () => false })).toContain('late')
  })
})
