import { expect, test } from 'vitest'
import { at } from '../test/arbitraries.js'
import { LinkClock } from './link-clock.js'

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
  // The peer's host was suspended for a second.
  for (let ms = 10_000; ms <= 2_000_000; ms += 10_000) clock.toLocal(ms - 1_000, at(ms))
  expect(clock.toLocal(2_009_000, at(2_010_000))).toBe(2_010_000)
})
