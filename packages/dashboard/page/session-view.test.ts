import { expect, test } from 'vitest'
import type { ShownAttribute, ShownReport } from '../src/api.js'
import { attributeRows, expiresInMs } from './session-view.js'

function attribute(name: string, timeMs: number, given: Partial<ShownAttribute> = {}): ShownAttribute {
  return { name, removed: false, bytes: 1, stamp: { origin: 'a', timeMs, counter: 0 }, ...given }
}

function holds(name: string, ...attributes: ShownAttribute[]) {
  const stamp = { origin: 'a', timeMs: 0, counter: 0 }
  const report: ShownReport = {
    state: 'living',
    created: stamp,
    lastWrite: stamp,
    ttlMs: 10,
    idleMs: 0,
    bytes: 0,
    attributes,
  }
  return { id: name, name, report }
}

const shown = (...members: Parameters<typeof attributeRows>[0]['members']) =>
  attributeRows({ members }).map(({ name, slotOf, isSame, holdings }) => [
    slotOf === undefined ? name : `${name}/${slotOf}`,
    isSame ? 'same' : 'differs',
    ...holdings.map(
      ({ members, attribute }) => `${members.join('+')}:${attribute?.stamp.timeMs ?? 'nothing'}`,
    ),
  ])

test('what all hold alike is one line', () => {
  const [one, other] = [holds('a', attribute('cart', 1)), holds('b', attribute('cart', 1))]
  expect(shown(one, other)).toEqual([['cart', 'same', 'a+b:1']])
})

test('where they differ it is told who holds what, and who nothing', () => {
  const members = [
    holds('a', attribute('user', 1), attribute('cart', 2)),
    holds('b', attribute('cart', 1), attribute('user', 1)),
    { id: 'c', name: 'c' },
  ]
  expect(shown(...members)).toEqual([
    ['cart', 'differs', 'a:2', 'b:1', 'c:nothing'],
    ['user', 'differs', 'a+b:1', 'c:nothing'],
  ])
})

test('who could not be asked is not taken to hold nothing', () => {
  expect(shown(holds('a', attribute('cart', 1)), { id: 'b', name: 'b', error: 'no answer' })).toEqual([
    ['cart', 'same', 'a:1'],
  ])
})

test('a mark of removal is forgotten by one member sooner than by another: that is the same', () => {
  expect(shown(holds('a', attribute('cart', 1, { removed: true })), holds('b'))).toEqual([
    ['cart', 'same', 'a:1', 'b:nothing'],
  ])
  expect(
    shown(holds('a', attribute('cart', 2, { removed: true })), holds('b', attribute('cart', 1))),
  ).toEqual([['cart', 'differs', 'a:2', 'b:1']])
})

test('shares of an attribute that is merged are told apart', () => {
  const shares = [attribute('hits', 1, { slotOf: 'b' }), attribute('hits', 2, { slotOf: 'a' })]
  expect(shown(holds('a', ...shares))).toEqual([
    ['hits/a', 'same', 'a:2'],
    ['hits/b', 'same', 'a:1'],
  ])
})

test('it ends a lifetime after its last use', () => {
  expect(expiresInMs({ ttlMs: 10_000, idleMs: 4_000 })).toBe(6_000)
})
