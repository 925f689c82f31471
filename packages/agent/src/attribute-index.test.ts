import { Packed, type Value } from '@sessionmesh/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AttributeIndex } from './attribute-index.js'
import { packValue } from './values.js'

class Session {
  readonly sid: string
  readonly #values = new Map<string, Value>()

  constructor(sid: string) {
    this.sid = sid
  }

  set(name: string, value: unknown): this {
    if (value === undefined) this.#values.delete(name)
    else this.#values.set(name, packValue(name, value))
    return this
  }

  get(name: string): Value | undefined {
    return this.#values.get(name)
  }
}

test.each<[unknown, unknown]>([
  [42, '42'],
  ['42', 42],
  [42n, 42],
  [true, 'true'],
  ['', ''],
  [new Date(0), '1970-01-01T00:00:00.000Z'],
])('%o is found by %o', (stored, asked) => {
  const index = new AttributeIndex(['user'])
  index.changed(new Session('s').set('user', stored), ['user'])
  expect(index.find('user', asked)).toEqual(['s'])
})

test('what is within a value is found along its path, through objects and Maps, and nothing that it inherits', () => {
  const index = new AttributeIndex(['passport.user', 'passport.toString'])
  index.changed(new Session('s').set('passport', { user: 'ada' }), ['passport'])
  index.changed(new Session('t').set('passport', new Map([['user', 'ada']])), ['passport'])
  index.changed(new Session('u').set('passport', { user: { name: 'ada' } }), ['passport'])
  index.changed(new Session('v').set('passport', null), ['passport'])
  expect(index.find('passport.user', 'ada')).toEqual(['s', 't'])
})

test('what nobody can read is not found, and harms nothing', () => {
  const index = new AttributeIndex(['user'])
  index.changed({ sid: 's', get: () => new Packed('\xc1') }, ['user'])
  expect(index.find('user', 'x')).toEqual([])
})

test('whatever changes and ends, what is found is what there is', () => {
  const change = fc.record({
    sid: fc.constantFrom('r', 's', 't'),
    value: fc.option(fc.constantFrom(1, 2, 'a'), { nil: undefined }),
    ends: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      const index = new AttributeIndex(['user'])
      const model = new Map<string, unknown>()
      for (const { sid, value, ends } of changes) {
        if (ends) index.ended(sid)
        else index.changed(new Session(sid).set('user', value), ['user'])
        if (ends || value === undefined) model.delete(sid)
        else model.set(sid, value)
      }
      for (const value of [1, 2, 'a'])
        expect(index.find('user', value).sort()).toEqual(
          [...model]
            .filter(([, each]) => each === value)
            .map(([sid]) => sid)
            .sort(),
        )
    }),
  )
})
