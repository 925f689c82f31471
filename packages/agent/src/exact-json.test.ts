import { Packed } from '@sessionmesh/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isJson } from './exact-json.js'
import { packValue, unpackValue } from './values.js'

const isHeldAsJson = (value: unknown) => {
  const held = packValue('value', value)
  return held instanceof Packed && isJson(held)
}

const loop: Record<string, unknown> = {}
loop.self = loop

describe('objects that JSON keeps exactly', () => {
  it('are held as JSON, and come back equal', () => {
    const objects = fc.oneof(fc.array(fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()))
    const isOrdinary = (json: string) => !/__proto__|constructor|prototype/.test(json)
    fc.assert(
      fc.property(objects, (value) => {
        const json = JSON.stringify(value)
        fc.pre(isOrdinary(json))
        expect(isHeldAsJson(value)).toBe(true)
        // (Of -0 neither JSON nor MessagePack keeps more than that it is 0.)
        expect(unpackValue('value', packValue('value', value))).toEqual(JSON.parse(json))
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['beyond ASCII', { name: 'Zoë Müller' }],
    ['beyond latin1', { name: 'Łukasz', city: '東京', mood: '🦊' }],
    ['half of one', { half: 'a\ud83e', whole: '🦊' }],
  ])('come back with their characters, be they %s', (_, value) => {
    expect(isHeldAsJson(value)).toBe(true)
    expect(unpackValue('value', packValue('value', value))).toEqual(value)
  })

  it.each([
    ['a date', { at: new Date(1) }],
    ['nothing at a key', { nothing: undefined }],
    ['no number', { n: Number.NaN }],
    ['an infinite number', [Number.POSITIVE_INFINITY]],
    ['a big integer', { n: 1n }],
    ['bytes', { bytes: Buffer.from([1]) }],
    ['a hole', new Array(3).fill(1, 0, 1)],
    ['itself', loop],
  ])('are those alone: not what has in it %s', (_, value) => {
    expect(isHeldAsJson(value)).toBe(false)
    expect(unpackValue('value', packValue('value', value))).toEqual(value)
  })

  it('keep what is there twice as one', () => {
    const one = { n: 1 }
    const { a, b } = unpackValue('value', packValue('value', { a: one, b: one })) as Record<string, unknown>
    expect(a).toBe(b)
  })
})

describe('what no member packs', () => {
  it.each([
    ['an assignment of a prototype', '{"a":[{"__proto__":{"isAdmin":true}}]}'],
    ['one in disguise', '{"\\u005f_proto__":{"isAdmin":true}}'],
    ['another way to a prototype', '{"constructor":{"prototype":{"isAdmin":true}}}'],
    ['that in disguise', '{"a":{"construct\\u006fr":1}}'],
    ['half of it', '{"a":'],
    ['nothing', ''],
  ])('is refused: %s', (_, json) => {
    expect(() => unpackValue('value', new Packed(`\xc1${json}`))).toThrow(
      expect.objectContaining({ code: 'SESSIONMESH_UNREADABLE_ATTRIBUTE' }),
    )
  })
})
