/** Merge is commutative, associative and idempotent; what is sent of a record is what the other lacks. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { at, bytes, deltaArb, stamp, stampArb } from '../test/arbitraries.js'
import type { Attribute } from './attributes.js'
import { Digest } from './digest.js'
import { type Delta, SessionRecord, writeStamps } from './session.js'
import { compareStamps, formatStamp } from './stamp.js'
import { type Packed, sizeOf, type Value } from './value.js'

const nothingMerged = () => false

const attribute = (name: string, time: number, value?: Value, origin = 'a'): Attribute => ({
  name,
  stamp: stamp(time, origin),
  value,
})
const delta = (attributes: readonly Attribute[], rest: Partial<Delta> = {}): Delta => ({
  sid: 's',
  created: stamp(1),
  attributes,
  ...rest,
})
const recordOf = (...deltas: readonly Delta[]): SessionRecord => {
  const [first] = deltas
  const record = new SessionRecord('s', first?.created ?? stamp(1), 0)
  for (const delta of deltas) record.merge(delta, nothingMerged)
  return record
}

/** All that is replicated of a record, and what is derived from it. */
function contents(record: SessionRecord): unknown {
  return {
    stamps: [...record.stamps()].map(formatStamp).sort(),
    values: [...record.values()].sort(([a], [b]) => (a < b ? -1 : 1)),
    created: record.created,
    lifetime: record.lifetime,
    destroyed: record.destroyed,
    accessedMs: record.accessedMs,
    names: record.names,
    bytes: record.bytes,
  }
}

describe('merge', () => {
  test('gives the same for the same deltas in any order: commutative and associative', () => {
    fc.assert(
      fc.property(
        fc
          .array(deltaArb, { minLength: 1, maxLength: 8 })
          .chain((deltas) =>
            fc.tuple(
              fc.constant(deltas),
              fc.shuffledSubarray(deltas, { minLength: deltas.length, maxLength: deltas.length }),
            ),
          ),
        ([deltas, shuffled]) => {
          expect(contents(recordOf(...shuffled))).toEqual(contents(recordOf(...deltas)))
        },
      ),
      { numRuns: 1_000 },
    )
  })

  test('gives the same however the deltas are grouped on their way', () => {
    fc.assert(
      fc.property(fc.array(deltaArb, { minLength: 2, maxLength: 8 }), fc.nat(), (deltas, split) => {
        const at = 1 + (split % (deltas.length - 1))
        const near = recordOf(...deltas.slice(0, at))
        const far = recordOf(...deltas.slice(at))
        const relayed = far.above(undefined)
        near.merge(relayed ?? far.touch(), nothingMerged)
        expect(contents(near)).toEqual(contents(recordOf(...deltas)))
      }),
      { numRuns: 1_000 },
    )
  })

  test('finds the same last writer in any order', () => {
    const live = deltaArb
      .filter(({ destroyed }) => destroyed === undefined)
      .map((delta) => ({ ...delta, created: stamp(0) }))
    fc.assert(
      fc.property(fc.array(live, { minLength: 1, maxLength: 8 }), (deltas) => {
        const stamps = deltas.flatMap(writeStamps).sort(compareStamps)
        expect(recordOf(...deltas).lastStamp).toEqual(stamps.at(-1) ?? stamp(0))
      }),
    )
  })

  test('is idempotent', () => {
    fc.assert(
      fc.property(fc.array(deltaArb, { minLength: 1, maxLength: 8 }), (deltas) => {
        expect(contents(recordOf(...deltas, ...deltas))).toEqual(contents(recordOf(...deltas)))
      }),
    )
  })

  test('keeps the higher stamp of each attribute', () => {
    const record = recordOf(
      delta([attribute('x', 2, bytes(2)), attribute('y', 5, bytes(5))]),
      delta([attribute('x', 3, bytes(3), 'b'), attribute('y', 4, bytes(4), 'b')]),
    )
    expect(record.values()).toEqual(new Map(Object.entries({ x: bytes(3), y: bytes(5) })))
    expect(record.lastStamp).toEqual(stamp(5))
  })

  test('takes a removal for a value: a later one hides, an earlier one does not', () => {
    const set = delta([attribute('x', 2, bytes(2))])
    expect(recordOf(set, delta([attribute('x', 3)])).values().size).toBe(0)
    expect(recordOf(delta([attribute('x', 1)]), set).get('x')).toEqual(bytes(2))
  })

  test('tells which values are another now, and not which merely bear a new stamp', () => {
    const record = recordOf(delta([attribute('x', 2, bytes(2)), attribute('y', 2, bytes(2))]))
    const merged = record.merge(
      delta([attribute('x', 3, bytes(2)), attribute('y', 3, bytes(3)), attribute('z', 3)]),
      nothingMerged,
    )
    expect(merged).toEqual({ changed: ['y'], destroyed: false })
  })

  test('skips what is merged already', () => {
    const record = recordOf(delta([]))
    const merged = Digest.of([stamp(2)])
    record.merge(
      delta([attribute('x', 2, bytes(2)), attribute('y', 3, bytes(3))], {
        lifetime: { ttlMs: 5, stamp: stamp(2) },
        destroyed: stamp(1),
      }),
      (stamp) => merged.covers(stamp),
    )
    expect(record.values()).toEqual(new Map([['y', bytes(3)]]))
    expect(record.lifetime).toBeUndefined()
    expect(record.destroyed).toBeUndefined()
  })

  test('keeps the lifetime with the higher stamp', () => {
    const short = delta([], { lifetime: { ttlMs: 5, stamp: stamp(3) } })
    const long = delta([], { lifetime: { ttlMs: 500, stamp: stamp(2) } })
    expect(recordOf(short, long).lifetime?.ttlMs).toBe(5)
    expect(recordOf(long, short).lifetime?.ttlMs).toBe(5)
  })
})

describe('destroy', () => {
  const destroy = delta([], { destroyed: stamp(2) })

  test('is absorbing: whatever comes after it or was before it is gone', () => {
    fc.assert(
      fc.property(fc.array(deltaArb), fc.array(deltaArb), (before, after) => {
        const record = recordOf(...before, destroy, ...after)
        expect(record.destroyed).toBeDefined()
        expect(record.values().size).toBe(0)
        expect([record.names, record.bytes, record.lifetime]).toEqual([0, 0, undefined])
      }),
    )
  })

  test('is told once', () => {
    const record = recordOf(delta([attribute('x', 2, bytes(2))]))
    expect(record.merge(destroy, nothingMerged).destroyed).toBe(true)
    expect(record.merge(delta([], { destroyed: stamp(9) }), nothingMerged).destroyed).toBe(false)
    expect(record.destroyed).toEqual(stamp(9))
  })

  test('is all that bears a stamp then', () => {
    const record = recordOf(
      delta([attribute('x', 2, bytes(2))], { lifetime: { ttlMs: 5, stamp: stamp(3) } }),
      delta([], { destroyed: stamp(4, 'b') }),
    )
    expect([...record.stamps()]).toEqual([stamp(4, 'b')])
  })

  test('makes a partial record whole: there is nothing left to fetch', () => {
    const record = recordOf(delta([]))
    record.whole = false
    record.merge(destroy, nothingMerged)
    expect(record.whole).toBe(true)
  })
})

describe('the size of a record', () => {
  const sizeOf = (record: SessionRecord) =>
    [...record.values()].reduce((sum, [, value]) => sum + (value as Packed).latin1.length, 0)

  test('counts names and values, through replacement and removal', () => {
    const record = recordOf(delta([attribute('abc', 2, bytes(1, 2, 3))]))
    expect(record.bytes).toBe(6)
    record.merge(delta([attribute('abc', 3, bytes(1))]), nothingMerged)
    expect(record.bytes).toBe(4)
    record.merge(delta([attribute('abc', 4)]), nothingMerged)
    expect(record.bytes).toBe(3)
    record.merge(delta([], { lifetime: { ttlMs: 5, stamp: stamp(5) } }), nothingMerged)
    record.dropRemoved(() => true)
    expect([record.bytes, record.names]).toEqual([0, 0])
  })

  test('is what its values and names add up to, for any deltas', () => {
    fc.assert(
      fc.property(fc.array(deltaArb, { minLength: 1 }), (deltas) => {
        const record = recordOf(...deltas)
        // Every name of the random deltas has one character.
        expect(record.bytes).toBe(sizeOf(record) + record.names)
      }),
    )
  })

  test('the marker of the last write stays: it names the owner', () => {
    const record = recordOf(delta([attribute('x', 2), attribute('y', 3)]))
    record.dropRemoved(() => true)
    expect([...record.stamps()]).toEqual([stamp(1), stamp(3)])
    expect(record.lastStamp).toEqual(stamp(3))
  })

  test('markers of removed attributes go only when they are settled', () => {
    const record = recordOf(delta([attribute('x', 2), attribute('y', 4), attribute('z', 1, bytes(1))]))
    record.dropRemoved((of) => compareStamps(of, stamp(3)) < 0)
    expect(record.names).toBe(2)
    expect([...record.stamps()]).toContainEqual(stamp(4))
  })
})

describe('the last use', () => {
  test('is told by a touch, and taken up', () => {
    const sender = recordOf(delta([]))
    const used = { atMs: 70, stamp: stamp(5) }
    sender.merge(sender.touch(used), nothingMerged)
    // Nobody is told of that one.
    sender.use(at(80))
    expect(sender.touch().used).toEqual(used)
    const receiver = new SessionRecord('s', stamp(1), 0)
    receiver.merge(sender.touch(), nothingMerged)
    expect([receiver.accessedMs, receiver.used]).toEqual([70, used])
    expect(receiver.idleMs(at(110))).toBe(40)
  })

  test('is not made later by coming again, on other ways', () => {
    const record = recordOf(delta([]))
    record.merge(delta([], { used: { atMs: 70, stamp: stamp(5) } }), nothingMerged)
    record.merge(delta([], { used: { atMs: 75, stamp: stamp(5) } }), () => true)
    expect(record.used).toEqual({ atMs: 70, stamp: stamp(5) })
  })

  test('is the later one by the clock, whatever the stamps say', () => {
    const record = recordOf(delta([]))
    record.merge(delta([], { used: { atMs: 90, stamp: stamp(5) } }), nothingMerged)
    record.merge(delta([], { used: { atMs: 80, stamp: stamp(9) } }), nothingMerged)
    expect(record.used).toEqual({ atMs: 90, stamp: stamp(5) })
    record.merge(delta([], { used: { atMs: 90, stamp: stamp(7) } }), nothingMerged)
    expect(record.used).toEqual({ atMs: 90, stamp: stamp(7) })
  })

  test('only rises: an older use says nothing', () => {
    const record = recordOf(delta([]))
    record.merge(delta([], { used: { atMs: 90, stamp: stamp(1) } }), nothingMerged)
    record.merge(delta([], { used: { atMs: 50, stamp: stamp(2) } }), nothingMerged)
    expect(record.accessedMs).toBe(90)
    record.use(at(80))
    expect(record.accessedMs).toBe(90)
    record.use(at(120))
    expect([record.accessedMs, record.toldMs]).toEqual([120, 90])
  })

  test('is never in the future', () => {
    const record = recordOf(delta([]))
    record.accessedMs = 200
    expect(record.idleMs(at(100))).toBe(0)
  })
})

describe('what is above a digest', () => {
  test('is what a member with that digest lacks, no more and no less', () => {
    fc.assert(
      fc.property(fc.array(deltaArb, { minLength: 1 }), fc.array(stampArb), (deltas, told) => {
        const record = recordOf(...deltas)
        const digest = Digest.of(told)
        const above = record.above(digest)
        const sent = above === undefined ? [] : writeStamps(above)
        for (const stamp of sent) expect(digest.covers(stamp)).toBe(false)
        const all = record.above(undefined)
        const lacked = (all === undefined ? [] : writeStamps(all)).filter((stamp) => !digest.covers(stamp))
        expect(sent.map(formatStamp).sort()).toEqual(lacked.map(formatStamp).sort())
      }),
    )
  })

  test('is nothing when the digest covers all', () => {
    const record = recordOf(delta([attribute('x', 2, bytes(2))]))
    expect(record.above(Digest.of([stamp(2)]))).toBeUndefined()
    expect(record.above(undefined)?.attributes).toHaveLength(1)
  })

  test('of a destroyed session is the destroy alone', () => {
    const record = recordOf(delta([attribute('x', 2, bytes(2))]), delta([], { destroyed: stamp(3) }))
    expect(record.above(Digest.of([]))).toMatchObject({ attributes: [], destroyed: stamp(3) })
  })
})

describe('a session of more attributes than any application has', () => {
  const named = (count: number, time: number, value?: Value) =>
    delta(Array.from({ length: count }, (_, i) => attribute(`a${i}`, time, value)))

  test('is merged, shown and told as any other', () => {
    const record = recordOf(named(2_000, 2, 1), named(1_000, 3), named(1_500, 4, 'later'))
    expect([record.names, record.values().size, record.get('a1499'), record.get('a1500')]).toEqual([
      2_000,
      2_000,
      'later',
      1,
    ])
    expect(record.merge(named(2_000, 3, 'late'), nothingMerged).changed.length).toBe(500)
    expect(contents(recordOf(record.above(undefined)!))).toEqual(contents(record))
    expect(record.bytes).toBe(
      [...record.values()].reduce((sum, [name, value]) => sum + name.length + sizeOf(value), 0),
    )
  })

  test('loses the markers of those that were removed, and no other attribute', () => {
    const record = recordOf(named(3_000, 2, 1), named(2_000, 3), delta([attribute('last', 9, true)]))
    expect(record.dropRemoved((of) => compareStamps(of, stamp(4)) < 0).length).toBe(2_000)
    expect([record.names, record.holds('a1999'), record.get('a2000'), record.get('last')]).toEqual([
      1_001,
      false,
      1,
      true,
    ])
    record.merge(delta([attribute('a0', 10, 'back')]), nothingMerged)
    expect([record.get('a0'), record.names]).toEqual(['back', 1_002])
  })

  test('costs as much for each of them, however many there are', () => {
    const costOnce = (count: number) => {
      const deltas = [named(count, 2, 1), named(count, 3, 2)]
      const startedMs = performance.now()
      recordOf(...deltas)
      return performance.now() - startedMs
    }
    // The best of several: other processes take their time as well.
    const cost = (count: number) => Math.min(...Array.from({ length: 7 }, () => costOnce(count)))
    // (64 times as much, and on a busy machine some times that; 4,000 times, if each looked through all.)
    expect(cost(128_000) / cost(2_000)).toBeLessThan(1_500)
  })
})
