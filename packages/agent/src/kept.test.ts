import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { Kept } from './kept.js'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

const MEGABYTE = 1_000_000

test.each(['text', 'name'] as const)(
  'a %s that is kept keeps nothing of the frame that it is a part of',
  (of) => {
    const kept = new Kept()
    collect()
    const before = process.memoryUsage().heapUsed
    const texts = Array.from({ length: 50 }, (_, i) => {
      const frame = Buffer.alloc(MEGABYTE, `${i} is the number of this one; `).toString('latin1')
      return kept[of](frame.slice(100, 150))
    })
    collect()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(10 * MEGABYTE)
    expect(texts.every((text) => text.length === 50)).toBe(true)
  },
)

test('what is kept is what it was, and as peers get it', () => {
  const kept = new Kept()
  for (const text of ['', 'a', 'héllo 🦊', 'x'.repeat(MEGABYTE)]) {
    expect(kept.text(text)).toBe(text)
    expect(kept.name(text)).toBe(text)
  }
  expect(kept.text('cut \ud83e')).toBe('cut \ufffd')
})

test('a flood of names is kept, and not gathered', () => {
  const kept = new Kept()
  collect()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 100_000; i++) expect(kept.name(`name ${i} ${'x'.repeat(200)}`)).toContain(`${i}`)
  collect()
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(10 * MEGABYTE)
  expect(kept.name('last')).toBe('last')
})
