import { expect, test } from 'vitest'
import { rangeOf, sparkline } from './sparkline.js'

test('from the lowest to the highest, with a gap where there is nothing', () => {
  expect(sparkline([0, undefined, 1, 2, 3, 4, 5, 6, 7, 8], 10, { low: 0, high: 8 })).toBe('▁ ▂▃▄▅▆▇██')
  expect(sparkline([5, 5], 10, { low: 5, high: 5 })).toBe('▁▁')
})

test('a peak is seen however narrow it is', () => {
  expect(sparkline([0, 0, 0, 9, 0, 0], 3, { low: 0, high: 9 })).toBe('▁█▁')
})

test('of nothing there is no range', () => {
  expect(rangeOf([undefined])).toBeUndefined()
  expect(rangeOf([3, undefined, 1])).toEqual({ low: 1, high: 3 })
})
