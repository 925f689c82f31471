/** The order of stamps is total, and the clock that issues them only rises. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { at, stamp, stampArb } from '../test/arbitraries.js'
import { compareStamps, formatStamp, HybridClock, laterStamp, type Stamp } from './stamp.js'

describe('the order of stamps', () => {
  test('goes by time, then counter, then origin', () => {
    const ordered = [stamp(1, 'z', 9), stamp(2, 'z', 0), stamp(2, 'a', 1), stamp(2, 'b', 1)]
    expect([...ordered].reverse().sort(compareStamps)).toEqual(ordered)
  })

  test('is total: antisymmetric, transitive, and equal for the same stamp alone', () => {
    fc.assert(
      fc.property(stampArb, stampArb, stampArb, (a, b, c) => {
        expect(Math.sign(compareStamps(a, b))).toBe(0 - Math.sign(compareStamps(b, a)))
        expect(compareStamps(a, b) === 0).toBe(formatStamp(a) === formatStamp(b))
        if (compareStamps(a, b) <= 0 && compareStamps(b, c) <= 0)
          expect(compareStamps(a, c)).toBeLessThanOrEqual(0)
      }),
    )
  })

  test('laterStamp takes the higher of two, whichever comes first', () => {
    expect(laterStamp(stamp(1), stamp(2))).toEqual(stamp(2))
    expect(laterStamp(stamp(2), stamp(1))).toEqual(stamp(2))
  })

  test('a stamp prints as time.counter@origin', () => {
    expect(formatStamp(stamp(17, 'a', 3))).toBe('17.3@a')
  })
})

describe('the hybrid clock', () => {
  const walls = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 2, maxLength: 30 })

  test('issues ever higher stamps, however the wall clock jumps', () => {
    fc.assert(
      fc.property(walls, (jumps) => {
        const clock = new HybridClock('a')
        const issued = jumps.map((wallMs) => clock.issue(at(0, wallMs)))
        for (const [i, next] of issued.entries()) {
          const before = issued[i - 1]
          if (before !== undefined) expect(compareStamps(before, next)).toBeLessThan(0)
          expect(next.time).toBeGreaterThanOrEqual(jumps[i] as number)
        }
      }),
    )
  })

  test('issues above all that it observed', () => {
    fc.assert(
      fc.property(walls, fc.array(stampArb, { maxLength: 30 }), (jumps, seen) => {
        const clock = new HybridClock('a')
        let highest: Stamp | undefined
        for (const [i, wallMs] of jumps.entries()) {
          const observed = seen[i]
          if (observed !== undefined) {
            clock.observe(observed)
            highest = highest === undefined ? observed : laterStamp(highest, observed)
          }
          const issued = clock.issue(at(0, wallMs))
          if (highest !== undefined) expect(compareStamps(issued, highest)).toBeGreaterThan(0)
        }
      }),
    )
  })

  test('stays at the wall clock while that leads, and starts the counter anew with each ms', () => {
    const clock = new HybridClock('a')
    expect(clock.issue(at(0, 5))).toEqual(stamp(5, 'a', 0))
    expect(clock.issue(at(0, 5))).toEqual(stamp(5, 'a', 1))
    expect(clock.issue(at(0, 4))).toEqual(stamp(5, 'a', 2))
    expect(clock.issue(at(0, 9))).toEqual(stamp(9, 'a', 0))
  })

  test('tells the highest time that it issued or observed', () => {
    const clock = new HybridClock('a')
    expect(clock.timeAt(at(0, 7))).toBe(7)
    clock.observe(stamp(30, 'b'))
    expect(clock.timeAt(at(0, 7))).toBe(30)
    expect(clock.timeAt(at(0, 40))).toBe(40)
  })

  test('observing something old changes nothing', () => {
    const clock = new HybridClock('a')
    clock.observe(stamp(10, 'b', 4))
    clock.observe(stamp(10, 'b', 2))
    clock.observe(stamp(3, 'b', 9))
    expect(clock.issue(at(0, 1))).toEqual(stamp(10, 'a', 5))
  })
})
