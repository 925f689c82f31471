import { expect, test } from 'vitest'
import { RateLimit } from './log.js'

test('a warning that repeats is told once in ten seconds, with how often it came', () => {
  const limit = new RateLimit()
  expect([limit.pass('a', 0), limit.pass('a', 1), limit.pass('b', 2), limit.pass('a', 9_999)]).toEqual([
    0,
    undefined,
    0,
    undefined,
  ])
  expect(limit.pass('a', 10_000)).toBe(2)
})

test('of one that goes on for an hour eleven are told, and anew when it comes back', () => {
  const limit = new RateLimit()
  let told = 0
  for (let ms = 0; ms < 3_600_000; ms += 1_000) if (limit.pass('a', ms) !== undefined) told++
  expect(told).toBe(11)
  expect(limit.pass('a', 10 * 3_600_000)).toBeGreaterThan(0)
  expect([limit.pass('a', 10 * 3_600_000 + 9_999), limit.pass('a', 10 * 3_600_000 + 10_000)]).toEqual([
    undefined,
    1,
  ])
})
