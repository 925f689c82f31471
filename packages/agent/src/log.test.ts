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

test('of too many the one that was told longest ago is forgotten, and no other', () => {
  const limit = new RateLimit()
  const tell = (from: number, to: number, ms: number) => {
    for (let i = from; i < to; i++) expect(limit.pass(`${i}`, ms)).toBe(0)
  }
  tell(0, 1_000, 0)
  // Told again since, the first is not the oldest any more.
  expect(limit.pass('0', 10_000)).toBe(0)
  tell(1_000, 1_001, 10_001)
  expect([limit.pass('0', 10_002), limit.pass('1000', 10_002), limit.pass('999', 9_999)]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
  expect(limit.pass('1', 9_999)).toBe(0)
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
