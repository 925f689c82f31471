import { expect, test } from 'vitest'
import { bytes, clock, count, duration, list, ms, rate, wholeDuration } from './units.js'

test('figures as people read them', () => {
  expect([0, 0.26, 9.94, 9.96, 1234].map(ms)).toEqual(['0', '0.3', '9.9', '10', '1234'])
  expect([0, 999, 1_000, 999_600, 128e6, 3.24e9].map(bytes)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '1.0 MB',
    '128 MB',
    '3.2 GB',
  ])
  expect([0, 0.5, 12.4].map(rate)).toEqual(['0', '0.5', '12'])
  expect([0, 300, 999, 59_999, 60_000, 7_199_000, 86_400_000 * 3].map(duration)).toEqual([
    '0 s',
    '0.3 s',
    '0.9 s',
    '59 s',
    '1 min',
    '1 h',
    '3 d',
  ])
  expect([-5, 999, 2_700].map(wholeDuration)).toEqual(['0 s', '0 s', '2 s'])
  expect([1, 2].map((n) => count(n, 'session'))).toEqual(['1 session', '2 sessions'])
  expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(list)).toEqual(['', 'a', 'a and b', 'a, b and c'])
  expect(clock(Number.MAX_VALUE)).toBe('--:--:--')
})
