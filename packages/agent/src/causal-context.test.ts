import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CausalContext, type Dot } from './causal-context.js'

const dot = fc.record({ origin: fc.constantFrom('a', 'b', 'c'), count: fc.integer({ min: 1, max: 8 }) })
const dots = fc.array(dot, { maxLength: 20 })
const all: Dot[] = ['a', 'b', 'c'].flatMap((origin) =>
  Array.from({ length: 9 }, (_, i) => ({ origin, count: i + 1 })),
)

function contextOf(seen: readonly Dot[]): CausalContext {
  const context = new CausalContext()
  for (const each of seen) context.add(each)
  return context
}

const isIn = (seen: readonly Dot[], { origin, count }: Dot) =>
  seen.some((each) => each.origin === origin && each.count === count)

test('covers what it has seen and nothing else, alone, joined, copied, and stored', () => {
  fc.assert(
    fc.property(dots, dots, (some, others) => {
      const joined = contextOf(some)
      joined.join(contextOf(others))
      const stored = CausalContext.unpack(joined.pack())
      const copy = joined.copy()
      copy.add({ origin: 'a', count: 9 })
      for (const each of all) {
        expect(contextOf(some).covers(each)).toBe(isIn(some, each))
        expect(joined.covers(each)).toBe(isIn([...some, ...others], each))
        expect(stored.covers(each)).toBe(joined.covers(each))
      }
      const latest = Math.max(
        0,
        ...[...some, ...others].filter(({ origin }) => origin === 'a').map(({ count }) => count),
      )
      expect(joined.latest('a')).toBe(latest)
    }),
  )
})

test('takes no more room for what has no gaps, in whatever order it was seen', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray([1, 2, 3, 4, 5, 6], { minLength: 6 }), (counts) => {
      expect(contextOf(counts.map((count) => ({ origin: 'a', count }))).pack()).toEqual([['a', 6]])
    }),
  )
})
