import { expect, test, vi } from 'vitest'
import { Asked } from './asked.js'

test('after an answer that took long nothing is answered for longer', () => {
  vi.useFakeTimers()
  try {
    let nowMs = 0
    const asked = new Asked<object>(() => nowMs)
    const answered: number[] = []
    const link = {}
    for (const number of [1, 2, 3])
      asked.add(link, () => {
        answered.push(number)
        nowMs += 100
      })
    expect(answered).toEqual([1])
    vi.advanceTimersByTime(399)
    expect(answered).toEqual([1])
    vi.advanceTimersByTime(1)
    expect(answered).toEqual([1, 2])
    asked.stop()
    vi.advanceTimersByTime(1_000)
    expect(answered).toEqual([1, 2])
  } finally {
    vi.useRealTimers()
  }
})
