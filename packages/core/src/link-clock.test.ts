import { expect, test } from 'vitest'
import { at } from '../test/arbitraries.js'
import { LinkClock, ToldClock } from './link-clock.js'

test('a frame that waited is as old as it is', () => {
  const clock = new LinkClock()
  expect(clock.toLocal(1_000, at(70_000))).toBe(70_000)
  expect(clock.toLocal(2_000, at(70_990))).toBe(70_990)
  // Sent at the same time as the one before, and read eight seconds later.
  expect(clock.toLocal(2_000, at(78_990))).toBeCloseTo(70_998, 0)
})

test('never after now, however the clocks run', () => {
  const clock = new LinkClock()
  clock.toLocal(0, at(1_000))
  expect(clock.toLocal(60_000, at(50_000))).toBe(50_000)
})

test('a clock that stood still with its host is believed again after a while', () => {
  const clock = new LinkClock()
  clock.toLocal(0, at(0))
  // The peer's host was suspended for a second, and its wall clock set back by as much.
  for (let ms = 10_000; ms <= 2_000_000; ms += 10_000) clock.toLocal(ms - 1_000, at(ms))
  expect(clock.toLocal(2_009_000, at(2_010_000))).toBe(2_010_000)
})

test('what a member tells for its clock goes on while its host is suspended, and never back', () => {
  const clock = new ToldClock()
  const aheadAt = (monoMs: number, wallMs: number) => {
    clock.follow(at(monoMs, wallMs))
    return clock.aheadMs
  }
  expect(aheadAt(500, 70_000)).toBe(0)
  expect(aheadAt(1_500, 71_000)).toBe(0)
  // A second passes while the host is suspended for three.
  expect(aheadAt(2_500, 75_000)).toBe(3_000)
  // The wall clock is set back, and right again.
  expect(aheadAt(3_500, 60_000)).toBe(3_000)
  expect(aheadAt(4_500, 77_000)).toBe(3_000)
})
