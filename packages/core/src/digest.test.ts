/** What a digest covers, and what a retired origin still counts for. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { stamp, stampArb } from '../test/arbitraries.js'
import { Digest } from './digest.js'
import { compareStamps, type Stamp } from './stamp.js'

describe('a digest', () => {
  test('covers what is at or below the entry of its origin, and nothing of another origin', () => {
    const digest = Digest.of([stamp(5, 'a', 1)])
    expect(digest.covers(stamp(5, 'a', 1))).toBe(true)
    expect(digest.covers(stamp(5, 'a', 0))).toBe(true)
    expect(digest.covers(stamp(5, 'a', 2))).toBe(false)
    expect(digest.covers(stamp(1, 'b'))).toBe(false)
    expect(digest.coversAll([stamp(1), stamp(5)])).toBe(true)
    expect(digest.coversAll([stamp(1), stamp(6)])).toBe(false)
  })

  test('is never lowered by a raise', () => {
    const digest = Digest.of([stamp(5)])
    digest.raise(stamp(3))
    expect(digest.entries()).toEqual([stamp(5)])
    digest.raise(stamp(6))
    expect(digest.entries()).toEqual([stamp(6)])
  })

  test('is the maximum per origin of what was raised, in any order', () => {
    fc.assert(
      fc.property(fc.array(stampArb), (raised) => {
        const digest = Digest.of(raised)
        for (const stamp of raised) expect(digest.covers(stamp)).toBe(true)
        for (const entry of digest.entries()) expect(raised).toContainEqual(entry)
        const again = Digest.of([...raised].reverse())
        const sorted = (entries: Stamp[]) => entries.sort(compareStamps)
        expect(sorted(again.entries())).toEqual(sorted(digest.entries()))
        expect(digest.size).toBe(new Set(raised.map(({ origin }) => origin)).size)
      }),
    )
  })

  test('lacks exactly what it does not cover, and nothing after a join', () => {
    fc.assert(
      fc.property(fc.array(stampArb), fc.array(stampArb), (mine, theirs) => {
        const digest = Digest.of(mine)
        const told = Digest.of(theirs).entries()
        expect(digest.lacking(told)).toEqual(told.filter((stamp) => !digest.covers(stamp)))
        digest.join(told)
        expect(digest.lacking(told)).toEqual([])
        expect(digest.coversAll(mine)).toBe(true)
      }),
    )
  })
})

describe('a retired origin', () => {
  test('is no longer told, and still covered', () => {
    const digest = Digest.of([stamp(5), stamp(7, 'b')])
    digest.retire('a')
    expect(digest.entries()).toEqual([stamp(7, 'b')])
    expect(digest.size).toBe(1)
    expect(digest.covers(stamp(5))).toBe(true)
    expect(digest.get('a')).toEqual(stamp(5))
    expect(digest.lacking([stamp(5)])).toEqual([])
  })

  test('stays retired when others still tell of it', () => {
    const digest = Digest.of([stamp(5)])
    digest.retire('a')
    digest.join([stamp(5), stamp(4)])
    expect(digest.entries()).toEqual([])
  })

  test('comes back with a higher stamp', () => {
    const digest = Digest.of([stamp(5)])
    digest.retire('a')
    digest.raise(stamp(6))
    expect(digest.entries()).toEqual([stamp(6)])
    expect(digest.get('a')).toEqual(stamp(6))
  })

  test('retiring what is unknown or retired already changes nothing', () => {
    const digest = Digest.of([stamp(5)])
    digest.retire('b')
    digest.retire('a')
    digest.retire('a')
    expect(digest.covers(stamp(5))).toBe(true)
    expect(digest.get('b')).toBeUndefined()
  })

  test('is forgotten with everything else by clear', () => {
    const digest = Digest.of([stamp(5), stamp(6, 'b')])
    digest.retire('a')
    digest.clear()
    expect(digest.covers(stamp(5))).toBe(false)
    expect(digest.covers(stamp(6, 'b'))).toBe(false)
  })
})
