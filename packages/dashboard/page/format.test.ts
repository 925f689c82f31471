import { expect, test } from 'vitest'
import {
  ageText,
  bytesText,
  countText,
  durationText,
  figureText,
  lagText,
  listText,
  percentText,
  secondsText,
  shortened,
} from './format.js'

test.each([
  [bytesText(0), '0 B'],
  [bytesText(999), '999 B'],
  [bytesText(1_570), '1.57 kB'],
  [bytesText(20_000), '20 kB'],
  [bytesText(123_456_789), '123 MB'],
  [bytesText(5e15), '5000 TB'],
  [countText(1_204), '1,204'],
  [figureText(0.5), '0.5'],
  [figureText(7.994), '7.99'],
  [figureText(1_234), '1,234'],
  [figureText(12_345), '12.3k'],
  [figureText(2_500_000), '2.5M'],
  [lagText(0), '0 ms'],
  [lagText(0.2634), '263 µs'],
  [lagText(12.34), '12.3 ms'],
  [lagText(3_210), '3.2 s'],
  [durationText(-5), '0.0 s'],
  [durationText(9_990), '9.9 s'],
  [durationText(59_999), '59 s'],
  [durationText(599_000), '9 min 59 s'],
  [durationText(600_000), '10 min'],
  [durationText(5_400_000), '1 h 30 min'],
  [durationText(90_000_000), '1 d 1 h'],
  [secondsText(12_900), '12 s'],
  [secondsText(72_000), '1 min 12 s'],
  [ageText(99_000), '99 s'],
  [ageText(119_000), '1 min'],
  [ageText(7_200_000), '2 h'],
  [percentText(0.004), '<1 %'],
  [percentText(1 / 3), '33 %'],
  [listText([]), ''],
  [listText(['a']), 'a'],
  [listText(['a', 'b', 'c']), 'a, b and c'],
])('%s', (text, expected) => {
  expect(text).toBe(expected)
})

test('a name is cut between its signs, not within one', () => {
  expect(shortened('🦊🦊🦊🦊', 3)).toBe('🦊🦊…')
  expect(shortened('shop-1', 6)).toBe('shop-1')
})
