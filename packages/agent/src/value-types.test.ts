import { Packed, type Value } from '@sessionmesh/core'
import { Packr as UsualPackr } from 'msgpackr'
import { beforeAll, describe, expect, it } from 'vitest'
import { Packr } from './msgpack.js'
import { packedOf } from './packed.js'
import { allowTypes } from './value-types.js'
import { packValue, unpackValue } from './values.js'

const packr = new Packr({ structuredClone: true })
/** As a member that keeps no rule may send it. */
const sent = (value: unknown) => packedOf(packr.pack(value))
const load = (held: Value) => unpackValue('value', held)

const unreadable = expect.objectContaining({ code: 'SESSIONMESH_UNREADABLE_ATTRIBUTE' })
const unserialisable = expect.objectContaining({ code: 'SESSIONMESH_UNSERIALISABLE_ATTRIBUTE' })

const parsed = (json: string): unknown => JSON.parse(json)

const KEYS = ['__proto__', 'constructor', 'prototype']
const PLACES: [string, (value: unknown) => unknown][] = [
  ['at the top', (value) => value],
  ['in an array', (value) => [[value]]],
  ['in an object', (value) => ({ a: { b: value } })],
  ['in a Map', (value) => new Map([['a', value]])],
  ['as a key of a Map', (value) => new Map([[value, 'a']])],
  ['in a Set', (value) => new Set([value])],
  ['beside a Date', (value) => ({ at: new Date(0), value })],
]
const KEYS_IN_PLACES = KEYS.flatMap((key) => PLACES.map(([where, put]) => [key, where, put] as const))

describe('a key by which code that copies reaches a prototype', () => {
  it.each(KEYS_IN_PLACES)('is refused when it is stored: %s %s', (key, _, put) => {
    const pack = () => packValue('value', put(parsed(`{"${key}":{"isAdmin":true}}`)))
    expect(pack).toThrow(unserialisable)
    expect(pack).toThrow(key)
  })

  // (Of `__proto__` the codec makes another key: it never gets as far.)
  it.each(KEYS_IN_PLACES.filter(([key]) => key !== '__proto__'))(
    'is refused when a peer sends it: %s %s',
    (key, _, put) => {
      expect(() => load(sent(put({ [key]: { isAdmin: true } })))).toThrow(unreadable)
    },
  )

  it.each(PLACES)('assigns nothing when a peer sends it: __proto__ %s', (_, put) => {
    const bytes = packr.pack(put({ __pr0t0__: { isAdmin: true } })).toString('latin1')
    load(new Packed(bytes.replaceAll('__pr0t0__', '__proto__')))
    expect(({} as Record<string, unknown>).isAdmin).toBeUndefined()
  })

  it('is no such key in a Map, which assigns nothing, nor as a value', () => {
    const words = new Map([['constructor', 1]])
    expect(load(packValue('value', words))).toEqual(words)
    expect(load(packValue('value', { word: 'constructor' }))).toEqual({ word: 'constructor' })
    expect(load(packValue('value', { constructors: 1, proto: 2 }))).toEqual({ constructors: 1, proto: 2 })
  })
})

describe('what a value may hold', () => {
  it.each([
    ['a regular expression', { matches: /(a+)+$/ }],
    ['an error', [new Error('no')]],
    ['an error of a kind', new Map([['why', new RangeError('no')]])],
  ])('is neither stored nor loaded, unless it is asked for: %s', (_, value) => {
    expect(() => packValue('value', value)).toThrow(unserialisable)
    expect(() => packValue('value', value)).toThrow('allowTypes')
    expect(() => load(sent(value))).toThrow(unreadable)
  })

  it.each([
    ['an extension of ours', '\xc7\x01\x01\xc0'],
    ['an extension of nobody', '\xd4\x42'],
    ['an unknown extension', '\xc7\x01\x33\x00'],
    ['no MessagePack within', '\x91\xc1'],
    ['a reference to nothing', '\xd6\x70\x00\x00\x00\x09'],
    ['a method of every object for an error', '\xd4\x65\x00\x92\xa8toString\xa1x'],
    ['more than there is', '\xdd\xff\xff\xff\xff\x00'],
    ['a text that ends early', '\xdb\x7f\xff\xff\xffab'],
    ['nothing', ''],
    ['deep nesting', `${'\x91'.repeat(2_000)}\xc0`],
    ['very deep nesting', `${'\x91'.repeat(200_000)}\xc0`],
  ])('is refused otherwise: %s', (_, latin1) => {
    expect(() => load(new Packed(latin1))).toThrow(unreadable)
  })

  it('is not compiled from the keys that a peer sends', () => {
    const evaluated: string[] = []
    const { Function: original } = globalThis
    globalThis.Function = new Proxy(original, {
      construct: (target, args, newTarget) => {
        evaluated.push(args.join())
        return Reflect.construct(target, args, newTarget)
      },
    })
    try {
      const alike = Array.from({ length: 100 }, (_, i) => ({ at: new Date(i), name: `n${i}` }))
      const bytes = packr.pack(alike)
      expect(load(packedOf(bytes))).toEqual(alike)
      expect(evaluated).toEqual([])
      // (What the usual build does with it: this test can fail.)
      new UsualPackr({ structuredClone: true }).unpack(bytes)
      expect(evaluated).not.toEqual([])
    } finally {
      globalThis.Function = original
    }
  })
})

describe('what was asked for', () => {
  it('names no type that is not known', () => {
    expect(() => allowTypes('Function' as 'Error')).toThrow(
      expect.objectContaining({ code: 'SESSIONMESH_BAD_OPTION' }),
    )
  })

  describe('from then on', () => {
    beforeAll(() => allowTypes('RegExp', 'Error'))

    it('is stored and loaded: a regular expression', () => {
      expect(load(packValue('value', { matches: /a+/gi }))).toEqual({ matches: /a+/gi })
    })

    it.each([
      ['', new Error('no')],
      [' of a kind', new RangeError('no')],
      [' with a cause', new Error('no', { cause: { step: 3 } })],
      [' of an own kind', Object.assign(new Error('no'), { name: 'PaymentError' })],
    ])('is stored and loaded: an error%s', (_, error) => {
      const loaded = load(packValue('value', { error })) as { error: Error }
      expect(loaded.error).toBeInstanceOf(error.constructor)
      expect([loaded.error.name, loaded.error.message, loaded.error.cause]).toEqual([
        error.name,
        error.message,
        error.cause,
      ])
    })

    it('is held as what it is loaded as', () => {
      const first = packValue('value', { error: new TypeError('no'), matches: /a/ })
      expect(packValue('value', load(first), first)).toEqual(first)
    })

    it('keeps the rules of the rest: a cause', () => {
      expect(() => load(sent(new Error('no', { cause: { constructor: 1 } })))).toThrow(unreadable)
    })
  })
})
