/** What a request changed, against what it had loaded. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytes, valueArb } from '../test/arbitraries.js'
import { difference } from './session.js'
import type { Value } from './value.js'

describe('difference', () => {
  const mapArb = fc
    .dictionary(fc.constantFrom('x', 'y', 'z'), fc.oneof(valueArb, fc.constantFrom('', 0, bytes(1))))
    .map((values) => new Map(Object.entries(values)))

  test('leads from the base to what is next, and names nothing that is equal', () => {
    fc.assert(
      fc.property(mapArb, mapArb, (base, next) => {
        const result = new Map<string, Value>(base)
        for (const { name, value } of difference(base, next)) {
          expect(value).not.toEqual(base.get(name))
          if (value === undefined) result.delete(name)
          else result.set(name, value)
        }
        expect(Object.fromEntries(result)).toEqual(Object.fromEntries(next))
      }),
    )
  })

  test('compares bytes, not identity', () => {
    expect(difference(new Map([['x', bytes(1, 2)]]), new Map([['x', bytes(1, 2)]]))).toEqual([])
    expect(difference(new Map([['x', bytes(1, 2)]]), new Map([['x', bytes(1, 3)]]))).toHaveLength(1)
  })
})
