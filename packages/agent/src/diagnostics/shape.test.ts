import { expect, test } from 'vitest'
import { listOf, number, object, oneOf, optional, recordOf, text } from './shape.js'

const point = object<{ x: number; label?: string | undefined }>({ x: number, label: optional(text) })

test('what has the shape passes, and what is beyond it is left out', () => {
  const given = new Map<string, unknown>([
    ['x', 1],
    ['z', 'more'],
  ])
  expect(point(given)).toEqual({ x: 1 })
  expect(
    point(
      new Map<string, unknown>([
        ['x', 1],
        ['label', 'a'],
      ]),
    ),
  ).toEqual({ x: 1, label: 'a' })
})

test.each<[string, unknown]>([
  ['no object', { x: 1 }],
  ['no object', null],
  ['x: no number', new Map([['x', '1']])],
  ['x: no number', new Map([['x', Number.NaN]])],
  ['x: no number', new Map()],
  [
    'label: no text',
    new Map<string, unknown>([
      ['x', 1],
      ['label', 7],
    ]),
  ],
])('%s', (message, given) => {
  expect(() => point(given)).toThrow(message)
})

test('lists, names and texts are bounded', () => {
  expect(() => listOf(number)(new Array(20_001).fill(1))).toThrow('no list')
  expect(() => text('x'.repeat(65_536))).toThrow('no text')
  expect(() => recordOf(number)(new Map(Array.from({ length: 20_001 }, (_, i) => [`${i}`, i])))).toThrow(
    'too many entries',
  )
  expect(() => oneOf('a', 'b')('c')).toThrow('none of a, b')
})

test("names of a peer's reach no prototype", () => {
  const record = recordOf(number)(new Map([['__proto__', 1]]))
  expect(Object.getPrototypeOf(record)).toBeNull()
  expect(Object.entries(record)).toEqual([['__proto__', 1]])
})
