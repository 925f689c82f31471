/** What is remembered of removals that are not kept, and against whom it is held. */

import { describe, expect, test } from 'vitest'
import { Digest } from './digest.js'
import { Purged } from './purged.js'
import type { Stamp } from './stamp.js'

const stamp = (time: number, origin: string): Stamp => ({ time, counter: 0, origin })

describe('a removal that is not kept', () => {
  test('is missed by who was there before it alone', () => {
    const purged = new Purged()
    expect(purged.missedBy(Digest.of([stamp(1, 'a')]))).toEqual([])
    purged.add(stamp(5, 'a'), ['a', 'b'])
    expect(purged.missedBy(Digest.of([stamp(5, 'a'), stamp(1, 'b')]))).toEqual([])
    expect(purged.missedBy(Digest.of([stamp(4, 'a')]))).toEqual(['a'])
    expect(purged.missedBy(Digest.of([stamp(1, 'b')]))).toEqual(['a'])
    expect(purged.missedBy(Digest.of([stamp(9, 'c')]))).toEqual([])
    expect(purged.missedBy(new Digest())).toEqual([])
  })

  test('counts up to the latest one of its origin, in whatever order they are told', () => {
    for (const times of [
      [5, 7],
      [7, 5],
    ]) {
      const purged = new Purged()
      const other = new Purged()
      for (const time of times) other.add(stamp(time, 'a'), [`writer ${time}`])
      purged.join(other.told())
      expect(purged.missedBy(Digest.of([stamp(6, 'a'), stamp(1, 'writer 5')]))).toEqual(['a'])
      expect(purged.missedBy(Digest.of([stamp(7, 'a'), stamp(1, 'writer 7')]))).toEqual([])
    }
  })

  test('is forgotten with its origin, before any digest forgets that', () => {
    const [purged, digest] = [new Purged(), new Digest()]
    const last = stamp(5, 'gone')
    digest.raise(last)
    purged.add(last, ['gone', 'b'])
    digest.raise(stamp(1, 'b'))
    for (let i = 0; i < 600; i++) {
      digest.raise(stamp(10 + i, `run ${i}`))
      if (i === 99) digest.retire('gone')
      digest.retire(`run ${i}`)
      purged.keep(digest.lately())
      expect(digest.covers(last)).toBe(true)
      // After it 500 others were retired: of 1,000 the later half.
      expect(purged.isEmpty).toBe(i >= 598)
    }
  })

  test('is held against who has writes of somebody whom our digest does not name', () => {
    const purged = new Purged()
    purged.add(stamp(5, 'a'), ['a', 'creator'])
    purged.keep(new Set(['a']))
    expect(purged.missedBy(Digest.of([stamp(1, 'creator')]))).toEqual(['a'])
  })

  test('knows a bounded number of writers, those of our digest last of all to go', () => {
    const purged = new Purged()
    purged.add(
      stamp(5, 'a'),
      Array.from({ length: 3_000 }, (_, i) => `run ${i}`),
    )
    purged.keep(new Set(['a', 'run 0']))
    expect(purged.told().map(({ writers }) => writers.length)).toEqual([1_002])
    expect(purged.missedBy(Digest.of([stamp(1, 'run 0')]))).toEqual(['a'])
    expect(purged.missedBy(Digest.of([stamp(1, 'run 1')]))).toEqual([])
    expect(purged.missedBy(Digest.of([stamp(1, 'run 2999')]))).toEqual(['a'])
    purged.keep(new Set(['run 0']))
    expect(purged.told()).toEqual([])
  })

  test('names no writer again: of a thousand runs that all removed something a hello is small', () => {
    const runs = Array.from({ length: 1_000 }, (_, i) => `run ${i}`)
    const purged = new Purged()
    for (const run of runs) purged.add(stamp(5, run), runs)
    purged.keep(new Set(runs))
    expect(purged.told()).toEqual([{ removals: runs.map((run) => stamp(5, run)), writers: runs }])
  })

  test('is not held against a cluster that was never with ours, until there is one that was with both', () => {
    const [purged, others] = [new Purged(), new Purged()]
    purged.add(stamp(5, 'a'), ['a', 'b'])
    others.add(stamp(6, 'c'), ['c', 'd'])
    purged.join(others.told())
    expect(purged.missedBy(Digest.of([stamp(6, 'c'), stamp(1, 'd')]))).toEqual([])
    expect(purged.missedBy(Digest.of([stamp(1, 'b'), stamp(1, 'd')]))).toEqual(['a', 'c'])
    const both = [stamp(5, 'a'), stamp(6, 'c')]
    purged.add(stamp(7, 'a'), ['a', 'b', 'c', 'd'])
    expect(purged.told()).toHaveLength(1)
    expect(purged.missedBy(Digest.of([...both, stamp(1, 'd')]))).toEqual(['a'])
    expect(purged.missedBy(Digest.of([stamp(1, 'd')])).sort()).toEqual(['a', 'c'])
  })
})
