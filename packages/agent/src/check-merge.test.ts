import { expect, test } from 'vitest'
import { checkMerge } from './check-merge.js'
import { counter } from './counter.js'

interface Item {
  sku: string
  quantity: number
}

const byQuantity = (a: Item, b: Item) => a.quantity - b.quantity
const bySku = (a: Item, b: Item) => (a.sku < b.sku ? -1 : 1)

/** README's. */
const unionBySku = (a: Item[], b: Item[]) =>
  [...new Map([...a, ...b].sort(byQuantity).map((item) => [item.sku, item])).values()].sort(bySku)

/** What each member has counted, by its name: the sum is the count. */
const maxOfEach = (a: Record<string, number>, b: Record<string, number>): Record<string, number> => {
  const merged = { ...a }
  for (const [member, count] of Object.entries(b)) merged[member] = Math.max(count, merged[member] ?? 0)
  return merged
}

test('lets functions pass that are fit for it', () => {
  checkMerge(unionBySku, [
    [],
    [{ sku: 'a', quantity: 1 }],
    [
      { sku: 'a', quantity: 2 },
      { sku: 'b', quantity: 1 },
    ],
  ])
  checkMerge(maxOfEach, [{}, { a: 1 }, { a: 2, b: 1 }, { b: 3 }])
  checkMerge(
    (a: Set<string>, b: Set<string>) => new Set([...a, ...b]),
    [new Set(['a']), new Set(['b']), new Set()],
  )
  checkMerge((a: number, b: number) => Math.max(a, b), [1, 2, 3])
})

test.each<[string, (a: number[], b: number[]) => number[], RegExp]>([
  ['the first', (a) => a, /not commutative/],
  ['one after the other', (a, b) => [...a, ...b], /not idempotent/],
  [
    'a union in order of arrival',
    (a, b) => [...new Set([...a, ...b])],
    /not commutative: merge\(a, b\) is not merge\(b, a\), with a = \[1\], b = \[2\]/,
  ],
  ['the longer', (a, b) => (a.length >= b.length ? a : b), /not commutative/],
  [
    'one that changes its arguments',
    (a, b) => {
      for (const each of b) if (!a.includes(each)) a.push(each)
      return a.sort()
    },
    /changes its arguments/,
  ],
])('finds that %s is not', (_name, merge, message) => {
  expect(() => checkMerge(merge, [[1], [2], [1, 3]])).toThrow(
    expect.objectContaining({ code: 'SESSIONMESH_MERGE_FAILED', message: expect.stringMatching(message) }),
  )
})

test.each<[unknown, unknown, RegExp]>([
  [Math.max, [1], /two samples or more/],
  [Math.max, undefined, /two samples or more/],
  [() => () => {}, [1, 2], /cannot be stored/],
  [counter, [1, 2], /counter needs no check/],
])('says what it cannot check: %o, %o', (merge, samples, message) => {
  const call = () => Reflect.apply(checkMerge, undefined, [merge, samples])
  expect(call).toThrow(expect.objectContaining({ code: 'SESSIONMESH_MERGE_FAILED' }))
  expect(call).toThrow(message)
})
