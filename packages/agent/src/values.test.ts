import { FORBIDDEN_NAMES, Packed, sameValue } from '@sessionmesh/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checksumOf, packAttributes, unpackAttributes } from './values.js'

/** As what databases give for ids and amounts. */
class InJson {
  readonly #json: unknown

  constructor(json: unknown) {
    this.#json = json
  }

  toJSON(): unknown {
    return this.#json
  }
}

class Named {
  readonly name = 'ada'
}

class Members extends Array<number> {}

class Table extends Map<number, number> {}

const twice = { n: 1 }
const id = new InJson('65f0c0ffee')

function nested(depth: number): unknown {
  return depth === 0 ? 1 : { deeper: nested(depth - 1) }
}

const roundTrip = (data: Record<string, unknown>) => unpackAttributes(packAttributes(data, undefined))

describe('attribute values', () => {
  it('keep what structuredClone keeps', () => {
    const cyclic: Record<string, unknown> = { name: 'loop' }
    cyclic.self = cyclic
    const data = {
      date: new Date(1234),
      buffer: Buffer.from([1, 2, 3]),
      map: new Map<unknown, unknown>([
        ['a', 1],
        [{ key: true }, new Set([1n, 'x'])],
      ]),
      set: new Set([1, 'two', new Date(2)]),
      big: 2n ** 80n,
      small: -5n,
      undef: undefined,
      nul: null,
      nested: { list: [1.5, -0.25, { deep: [undefined, Number.NaN] }] },
      floats: new Float64Array([1.5, 2.5]),
      emoji: 'héllo 🦊',
      cyclic,
    }
    expect(roundTrip(data)).toEqual(data)
    expect(roundTrip(data)).toHaveProperty('undef', undefined)
    expect(Object.keys(roundTrip(data))).toContain('undef')
  })

  it('honour toJSON, as a session that went through JSON would', () => {
    class Money {
      readonly cents = 1250
      toJSON() {
        return '12.50'
      }
    }
    expect(roundTrip({ price: new Money() })).toEqual({ price: '12.50' })
  })

  it.each([
    ['a URL', new URL('http://localhost/a')],
    ['an object id', new InJson('65f0c0ffee')],
    ['an amount', new InJson(12.5)],
    ['what is nothing in JSON', new InJson(null)],
    ['what is no number in JSON', new InJson(Number.NaN)],
    ['a nested one', { owner: new InJson('ada') }],
    ['a nested one beside a date', { at: new Date(1234), owner: new InJson('ada') }],
    ['an instance of a class', { owner: new Named() }],
    ['an object without a prototype', { of: Object.assign(Object.create(null), { n: 1 }) }],
    ['an array of a class', { list: Members.of(1, 2) }],
    ['a map of a class', { map: new Table([[1, 2]]) }],
    ['what is there twice', { a: twice, b: twice }],
    ['zeros', { zero: -0, also: 0 }],
    ['half a character', { half: 'a\ud83e' }],
    ['half a character and a whole one', { half: 'a\ud83e', whole: '🦊' }],
    ['an array with holes', { list: new Array(3).fill(1, 0, 1) }],
    ['deep nesting', nested(400)],
    ['an id that is there twice, beside a date', { at: new Date(1234), user: id, owner: id }],
    ['an id that is there twice, before a date', { user: id, owner: id, at: new Date(1234) }],
    ['an id as key and value', new Map([[id, id]])],
    ['an array with a toJSON of its own', Object.assign([1], { toJSON: () => 'one' })],
    ['half a character, beside nothing', { none: undefined, half: 'a\ud83e' }],
    ['what is called toJSON and is a text', { f: Object.assign(Object.create(null), { toJSON: '1' }) }],
    ['a date', new Date(1234)],
    ['a Buffer', Buffer.from([1, 2])],
  ])('are held as what they are loaded as: %s', (_, value) => {
    const first = packAttributes({ value }, undefined)
    const again = packAttributes(unpackAttributes(first), first)
    expect(again.get('value')).toBe(first.get('value'))
  })

  it('are held the same after a load, or a request would overwrite what it did not change', () => {
    const key = fc.oneof(
      fc.string({ minLength: 1, maxLength: 8 }),
      fc.string({ unit: 'binary', maxLength: 8 }),
    )
    const allowed = key.filter((name) => !FORBIDDEN_NAMES.has(name))
    const name = allowed.filter((name) => !name.includes('\0'))
    const plain = fc.anything({
      key: allowed,
      withNullPrototype: true,
      withSparseArray: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withBigInt: true,
      withTypedArray: true,
    })
    // (Some of it twice, and beside what JSON does not keep.)
    const value = fc.oneof(
      plain,
      fc.tuple(plain, plain).map(([a, b]) => ({ at: new Date(0), a: new InJson(a), b: [b, b] })),
      fc.tuple(plain, plain).map(([a, b]) => new Map<unknown, unknown>([[a, { a, b: new InJson(b) }]])),
    )
    fc.assert(
      fc.property(fc.dictionary(name, value), (data) => {
        const first = packAttributes(data, undefined)
        const again = packAttributes(unpackAttributes(first), undefined)
        for (const [name, value] of first) expect(sameValue(value, again.get(name)), name).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  it('are copies: changing what was loaded changes nothing that is held', () => {
    const held = packAttributes(
      { buffer: Buffer.from([1, 2, 3]), bytes: new Uint8Array([4, 5]), list: [1] },
      undefined,
    )
    const loaded = unpackAttributes(held) as { buffer: Buffer; bytes: Uint8Array; list: number[] }
    loaded.buffer[0] = 99
    loaded.bytes[0] = 99
    loaded.list.push(2)
    expect(unpackAttributes(held)).toEqual({
      buffer: Buffer.from([1, 2, 3]),
      bytes: new Uint8Array([4, 5]),
      list: [1],
    })
  })

  it('that never change are held as they are: nothing to decode, and no bytes beside them', () => {
    const data = { text: 'héllo 🦊', empty: '', int: 1, float: -0.25, yes: true, no: false }
    expect(packAttributes(data, undefined)).toEqual(new Map(Object.entries(data)))
    expect(packAttributes({ nul: null, list: [] }, undefined)).toEqual(
      new Map([
        ['nul', new Packed('\xc0')],
        ['list', new Packed('\xc1[]')],
      ]),
    )
  })

  it('are here what they are on the peers: in UTF-8, and with one zero', () => {
    expect(roundTrip({ cut: 'a\ud83e', zero: -0 })).toEqual({ cut: 'a\ufffd', zero: 0 })
  })

  it('of any size come back', () => {
    const big = { bytes: Buffer.alloc(100_000, 7), list: Array.from({ length: 9_000 }, (_, i) => `${i}`) }
    expect(roundTrip(big)).toEqual(big)
  })

  it.each([
    ['a function', () => 1, 'function'],
    ['a nested function', { deep: [{ run() {} }] }, /run.* \(at \.deep\[0\]\.run\)/],
    ['a symbol', Symbol('s'), 'stored: a symbol is known to this process alone\\.'],
    ['a nested symbol', { 'a b': new Map([[1, Symbol('s')]]) }, /symbol.* \(at \["a b"\]\[0\]\)/],
    ['a Blob', new Blob(['bytes']), 'arrayBuffer'],
    ['a nested File', { upload: [new File(['bytes'], 'a.txt')] }, /Blob or File.* \(at \.upload\[0\]\)/],
    ['a SharedArrayBuffer', { bytes: new SharedArrayBuffer(8) }, /copy of its bytes \(at \.bytes\)/],
    ['a forbidden key', { at: new Date(), list: [1, { constructor: 1 }] }, /\(at \.list\[1\]\)/],
    ['a promise', Promise.resolve(1), 'an `await` may be missing'],
    ['a nested promise', { total: [Promise.resolve(1)] }, 'an `await` may be missing'],
    ['a promise in a Map', new Map([['total', Promise.resolve(1)]]), 'an `await` may be missing'],
    ['a WeakMap', new WeakMap(), 'held weakly'],
    ['a WeakRef', new WeakRef({}), 'held weakly'],
    ['bytes of a class', { at: new Date(), bytes: new (class extends Uint8Array {})(2) }, 'typed array'],
    [
      'a getter that throws',
      {
        get total() {
          throw new Error('no total yet')
        },
      },
      'stored: reading its "total" threw: no total yet\\.',
    ],
    ['very deep nesting', nested(501), /more than 500 deep \(at (\.\w+|\[0\]){8}…\)/],
  ])('refuse %s, and name the attribute', (_what, value, hint) => {
    const pack = () => packAttributes({ fine: 1, broken: value }, undefined)
    expect(pack).toThrow(expect.objectContaining({ code: 'SESSIONMESH_UNSERIALISABLE_ATTRIBUTE' }))
    expect(pack).toThrow(/"broken"/)
    expect(pack).toThrow(new RegExp(hint))
  })

  it.each(['__proto__', 'constructor', 'prototype'])('refuse the name %s', (name) => {
    const data = Object.defineProperty({}, name, { value: 1, enumerable: true })
    expect(() => packAttributes(data, undefined)).toThrow(
      expect.objectContaining({ code: 'SESSIONMESH_FORBIDDEN_ATTRIBUTE' }),
    )
  })
})

describe('checksums', () => {
  it('of long texts tell what stands anywhere in them', () => {
    const long = 'x'.repeat(1_000_000)
    const sums = [long, `y${long.slice(1)}`, `${long.slice(1)}y`, `${long}y`, long.slice(1)].map(checksumOf)
    expect(new Set(sums).size).toBe(5)
    expect(checksumOf(`${long.slice(1)}x`)).toBe(sums[0])
  })
})
