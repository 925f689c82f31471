import { describe, expect, test } from 'vitest'
import { arcsOf, bendOf, curvePoint, type Layout, layoutOf, strokeWidth } from './layout.js'

describe.each([
  [560, 400],
  [328, 330],
  [900, 400],
])('in %d × %d', (width, height) => {
  test.each([1, 2, 3, 4, 5, 7, 10, 12])('%d members and their labels are within, and apart', (count) => {
    const layout = layoutOf(count, width, height)
    for (const { x, y } of layout.places) {
      expect(x - layout.node).toBeGreaterThanOrEqual(0)
      expect(x + layout.node).toBeLessThanOrEqual(width)
      // (Two lines of text above or below.)
      expect(y - layout.node).toBeGreaterThanOrEqual(40)
      expect(y + layout.node).toBeLessThanOrEqual(height - 40)
    }
    for (const [i, a] of layout.places.entries())
      for (const b of layout.places.slice(i + 1)) {
        expect(Math.hypot(a.x - b.x, a.y - b.y)).toBeGreaterThan(2 * layout.node)
      }
  })

  test.each([2, 3, 4, 5, 8, 12])('no link of %d members runs through the ring', (count) => {
    const layout = layoutOf(count, width, height)
    for (const [i, a] of layout.places.entries())
      for (const b of layout.places.slice(i + 1)) expect(nearest(layout, a, b)).toBeGreaterThan(layout.ring)
  })
})

test('the bend of a link is the same whichever end is named first', () => {
  const layout = layoutOf(5, 560, 400)
  const [a, , c] = layout.places
  const [one, other] = [bendOf(a!, c!, layout), bendOf(c!, a!, layout)]
  expect(other.x).toBeCloseTo(one.x)
  expect(other.y).toBeCloseTo(one.y)
})

test('a link is wider the more goes over it, and never too wide or too thin to be seen', () => {
  const widths = [0, 100, 1_000, 10_000, 1e6, 1e12].map(strokeWidth)
  expect(widths).toEqual([...widths].sort((a, b) => a - b))
  expect(widths[2]).toBeLessThan(widths[3]!)
  expect(widths.at(0)).toBeGreaterThanOrEqual(1)
  expect(widths.at(-1)).toBeLessThanOrEqual(7)
})

test('shares follow each other around the ring; of nothing there are none', () => {
  const amounts = new Map([
    ['a', 1],
    ['b', 0],
    ['c', 3],
  ])
  expect(arcsOf(amounts)).toEqual([
    { key: 'a', start: 0, share: 0.25 },
    { key: 'b', start: 0.25, share: 0 },
    { key: 'c', start: 0.25, share: 0.75 },
  ])
  expect(arcsOf(new Map([['a', 0]]))).toEqual([{ key: 'a', start: 0, share: 0 }])
})

function nearest(layout: Layout, a: Layout['places'][number], b: Layout['places'][number]): number {
  const bend = bendOf(a, b, layout)
  const points = Array.from({ length: 51 }, (_, i) => curvePoint(a, bend, b, i / 50))
  return Math.min(...points.map(({ x, y }) => Math.hypot(x - layout.middle.x, y - layout.middle.y)))
}
