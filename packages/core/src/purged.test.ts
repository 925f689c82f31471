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
    purged.join([{ removals: [stamp(5, 'a')], writers: ['a', 'b'] }])
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
      for (const time of times) other.join([{ removals: [stamp(time, 'a')], writers: [`writer ${time}`] }])
      purged.join(other.told())
      expect(purged.missedBy(Digest.of([stamp(6, 'a'), stamp(1, 'writer 5')]))).toEqual(['a'])
      expect(purged.missedBy(Digest.of([stamp(7, 'a'), stamp(1, 'writer 7')]))).toEqual([])
    }
  })

  test('is forgotten with its origin, before any digest forgets that', () => {
    const [purged, digest] = [new Purged(), new Digest()]
    const last = stamp(5, 'gone')
    digest.raise(last)
    purged.join([{ removals: [last], writers: ['gone', 'b'] }])
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
    purged.join([{ removals: [stamp(5, 'a')], writers: ['a', 'creator'] }])
    purged.keep(new Set(['a']))
    expect(purged.missedBy(Digest.of([stamp(1, 'creator')]))).toEqual(['a'])
  })

  test('knows a bounded number of writers, those of our digest last of all to go', () => {
    const purged = new Purged()
    const writers = Array.from({ length: 3_000 }, (_, i) => `run ${i}`)
    purged.join([{ removals: [stamp(5, 'a')], writers }])
    purged.keep(new Set(['a', 'run 0']))
    expect(purged.told().map(({ writers }) => writers.length)).toEqual([1_002])
    expect(purged.missedBy(Digest.of([stamp(1, 'run 0')]))).toEqual(['a'])
    expect(purged.missedBy(Digest.of([stamp(1, 'run 1')]))).toEqual([])
    expect(purged.missedBy(Digest.of([stamp(1, 'run 2999')]))).toEqual(['a'])
    purged.keep(new Set(['run 0']))
    expect(purged.told()).toEqual([])
  })

  test('names no writer again once it is everywhere: of a thousand runs that all removed something a hello is small', () => {
    const runs = Array.from({ length: 1_000 }, (_, i) => `run ${i}`)
    const purged = new Purged()
    for (const run of runs) {
      purged.join([{ removals: [stamp(5, run)], writers: runs }])
      purged.unite(() => true)
    }
    purged.keep(new Set(runs))
    expect(purged.told()).toEqual([{ removals: runs.map((run) => stamp(5, run)), writers: runs }])
  })

  test('is not held against a cluster that was never with ours, and has not merged it yet', () => {
    const [purged, others] = [new Purged(), new Purged()]
    purged.join([{ removals: [stamp(5, 'a')], writers: ['a', 'b'] }])
    others.join([{ removals: [stamp(6, 'c')], writers: ['c', 'd'] }])
    purged.join(others.told())
    const ofOthers = Digest.of([stamp(6, 'c'), stamp(1, 'd')])
    expect(purged.missedBy(ofOthers)).toEqual([])
    expect(purged.missedBy(Digest.of([stamp(1, 'b'), stamp(1, 'd')]))).toEqual(['a', 'c'])
    // Something is removed that both have merged, while a transfer is on its way to them.
    purged.join([{ removals: [stamp(7, 'c')], writers: ['a', 'b', 'c', 'd'] }])
    purged.unite(({ origin }) => origin !== 'a')
    ofOthers.raise(stamp(7, 'c'))
    expect([purged.told().length, purged.missedBy(ofOthers)]).toEqual([2, []])
    ofOthers.raise(stamp(5, 'a'))
    purged.unite(() => true)
    expect([purged.told().length, purged.missedBy(ofOthers)]).toEqual([1, []])
    expect(purged.missedBy(Digest.of([stamp(1, 'd')])).sort()).toEqual(['a', 'c'])
  })

  test('is known once, however often it is told, and of many that nobody has merged all are one', () => {
    const purged = new Purged()
    const purge = { removals: [stamp(5, 'a')], writers: ['a', 'b'] }
    for (let i = 0; i < 3; i++) purged.join([purge, { removals: [], writers: ['c'] }])
    expect(purged.told()).toEqual([purge])
    for (let i = 0; i < 1_000; i++) purged.join([{ removals: [stamp(1, `made ${i}`)], writers: [] }])
    expect(purged.told().length).toBeLessThanOrEqual(64)
  })
})
