/** What frameworks hash that tell by JSON whether a session was changed. */

import { expect, test } from 'vitest'
import { allowTypes } from '../value-types.js'
import { withoutLocal, withPrints } from './changes.js'

allowTypes('RegExp', 'Error')

const hashed = (value: unknown) => JSON.stringify(withPrints({ user: 'ada', value }))

test.each<[string, unknown]>([
  ['plain data', { list: [1, 'two', null, { three: true }], nothing: undefined }],
  ['a Date', new Date(0)],
  ['a Buffer', Buffer.from('bytes')],
  [
    'an object of a class',
    new (class {
      x = 1
    })(),
  ],
  ['what its toJSON shows', { toJSON: () => ({ cents: 5 }) }],
])('%s stays what it is in JSON', (_name, value) => {
  const attributes = { user: 'ada', value }
  expect(withPrints(attributes)).toBe(attributes)
})

test('a print stands for the attribute alone', () => {
  expect(withPrints({ user: 'ada', value: 5n })).toEqual({
    user: 'ada',
    value: { $print: expect.stringMatching(/^.{44}$/) },
  })
})

class Money {
  readonly #cents: bigint

  constructor(cents: bigint) {
    this.#cents = cents
  }

  toJSON() {
    return this.#cents
  }
}

const inACycle = (name: string) => {
  const value: Record<string, unknown> = { name }
  value.self = { value }
  return value
}

test.each<[string, unknown, unknown, unknown]>([
  ['a Map', new Map([['a', 1]]), new Map([['a', 1]]), new Map([['a', 2]])],
  ['a Set deep inside', [{ set: new Set([1]) }], [{ set: new Set([1]) }], [{ set: new Set([2]) }]],
  ['a BigInt', 1n, 1n, '1'],
  ['a boxed BigInt', Object(1n), Object(1n), '1'],
  ['NaN', Number.NaN, Number.NaN, null],
  ['an invalid Date', new Date(Number.NaN), new Date(Number.NaN), null],
  ['a RegExp', /a/, /a/, /b/],
  ['an Error', new Error('a'), new Error('a'), new Error('b')],
  ['bytes', new Uint8Array([1]), new Uint8Array([1]), new Uint8Array([2])],
  ['a BigInt behind toJSON', new Money(1n), new Money(1n), new Money(2n)],
  ['a cycle', inACycle('a'), inACycle('a'), inACycle('b')],
])('%s is itself, and no other', (_name, value, same, other) => {
  expect(hashed(value)).toBe(hashed(same))
  expect(hashed(value)).not.toBe(hashed(other))
})

test.each<[string, () => unknown]>([
  ['a function', () => () => 1],
  ['a function deep inside', () => ({ list: [() => 1] })],
  ['a symbol', () => Symbol('s')],
  [
    'an object whose toJSON fails',
    () => ({
      toJSON() {
        throw new Error('on purpose')
      },
    }),
  ],
])('%s cannot be stored: another one is a change', (_name, make) => {
  expect(hashed(make())).not.toBe(hashed(make()))
})

/** What may stay in a process: nobody may look into it. */
const forbidden = () => {
  const forbid = () => {
    throw new Error('looked into')
  }
  return new Proxy(() => {}, {
    get: forbid,
    has: forbid,
    ownKeys: forbid,
    getPrototypeOf: forbid,
    getOwnPropertyDescriptor: forbid,
  })
}

test('of what stays in this process only its being another one is a change, and nothing shows in JSON', () => {
  const local = ['socket']
  const hash = (socket: unknown) => JSON.stringify(withPrints({ user: 'ada', socket }, local))
  const socket = { sent: 0 }
  const before = hash(socket)
  socket.sent++
  expect(hash(socket)).toBe(before)
  expect(hash({ sent: 1 })).not.toBe(before)
  const hidden = forbidden()
  expect(hash(hidden)).toBe(hash(hidden))
  expect(hash(forbidden())).not.toBe(hash(hidden))
  const primitives = [
    'secret',
    'other',
    1,
    '1',
    1n,
    0,
    -0,
    Number.NaN,
    null,
    undefined,
    true,
    Symbol.for('s'),
  ]
  const hashes = primitives.map(hash)
  expect(primitives.map(hash)).toEqual(hashes)
  expect(new Set(hashes).size).toBe(primitives.length)
  expect(hashes.join()).not.toContain('secret')
  expect(withoutLocal({ user: 'ada', socket: hidden }, local)).toEqual({ user: 'ada' })
})

test('what holds a function cannot be stored, and is no change as long as it is the same', () => {
  const socket = { send: () => {}, sent: 0 }
  const before = hashed(socket)
  socket.sent++
  expect(hashed(socket)).toBe(before)
})

test.each([1, 1n])('what is shared by many is looked at once (%o)', (leaf) => {
  let value: object = { leaf }
  for (let level = 0; level < 200; level++) value = { left: value, right: value }
  expect(Object.keys(withPrints({ value }))).toEqual(['value'])
})
