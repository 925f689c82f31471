import { expect, test } from 'vitest'
import { cut, pad, plain, widthOf, wrap } from './text.js'

test.each([
  ['a\x1b[31mred\x1b[0m', 'ared'],
  ['\x1b]0;title\x07name', 'name'],
  ['\x1b]8;;http://evil\x1b\\link', 'link'],
  ['a\x9b2Jb', 'ab'],
  ['two\r\nlines\tand a tab', 'two lines and a tab'],
  ['\u202eevil\u2066', 'evil'],
  ['a\u2028b', 'a b'],
  ['\x1b', ''],
  ['Grüße, 世界 🚀', 'Grüße, 世界 🚀'],
])('nothing that a terminal obeys is left of %j', (given, left) => {
  expect(plain(given)).toBe(left)
})

test('texts are as wide as a terminal shows them', () => {
  expect(['web-1', '世界', '🚀', 'e\u0301', 'ü', '👩‍🚀'].map(widthOf)).toEqual([5, 4, 2, 1, 1, 2])
})

test('what is cut ends with an ellipsis, and fits', () => {
  expect(cut('web-1', 5)).toBe('web-1')
  expect(cut('web-10', 5)).toBe('web-…')
  expect(cut('世界世界', 6)).toBe('世界…')
  expect(cut('web-10', 0)).toBe('')
  expect(cut('two words', 5)).toBe('two…')
})

test('filled up on either side', () => {
  expect(pad('世', 4)).toBe('世  ')
  expect(pad('7', 3, 'right')).toBe('  7')
})

test('lines are broken between words', () => {
  expect(wrap('Not well: a is dead; b is behind.', 20)).toEqual(['Not well: a is dead;', 'b is behind.'])
  expect(wrap('short', Number.POSITIVE_INFINITY)).toEqual(['short'])
  expect(wrap('a-word-that-is-longer-than-a-line and more', 10)).toEqual(['a-word-th…', 'and more'])
})
