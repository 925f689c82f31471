/** All members find the same owner, the load is even, and little moves when a member goes. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { stamp } from '../test/arbitraries.js'
import { ownerOf, rendezvous } from './owner.js'

const members = ['a', 'b', 'c', 'd', 'e'].map((name) => `${name}-3f2c9d`)
const sids = Array.from({ length: 5_000 }, (_, i) => `session-${i}`)

describe('the owner', () => {
  test('is the last writer while it lives', () => {
    for (const origin of members) expect(ownerOf('s', stamp(1, origin), new Set(members))).toBe(origin)
  })

  test('is the rendezvous choice among the living once the writer is gone', () => {
    const living = new Set(members.slice(1))
    const owner = ownerOf('s', stamp(1, members[0]), living)
    expect(owner).toBe(rendezvous('s', living))
    expect(living).toContain(owner)
  })

  test('is nobody when nobody lives', () => {
    expect(rendezvous('s', new Set())).toBeUndefined()
  })
})

describe('the rendezvous choice', () => {
  test('is the same whatever order the members are known in', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc
          .uniqueArray(fc.string(), { minLength: 1, maxLength: 8 })
          .chain((ids) =>
            fc.tuple(
              fc.constant(ids),
              fc.shuffledSubarray(ids, { minLength: ids.length, maxLength: ids.length }),
            ),
          ),
        (sid, [ids, shuffled]) => {
          expect(rendezvous(sid, new Set(shuffled))).toBe(rendezvous(sid, new Set(ids)))
        },
      ),
    )
  })

  test('spreads the sessions evenly', () => {
    const counts = new Map<string, number>()
    for (const sid of sids) {
      const owner = rendezvous(sid, new Set(members)) as string
      counts.set(owner, (counts.get(owner) ?? 0) + 1)
    }
    const fair = sids.length / members.length
    for (const id of members) {
      expect(counts.get(id)).toBeGreaterThan(0.85 * fair)
      expect(counts.get(id)).toBeLessThan(1.15 * fair)
    }
  })

  test('moves only the sessions of a member that goes, and spreads them over the rest', () => {
    const [gone, ...rest] = members
    const heirs = new Map<string, number>()
    for (const sid of sids) {
      const before = rendezvous(sid, new Set(members)) as string
      const after = rendezvous(sid, new Set(rest)) as string
      if (before !== gone) expect(after).toBe(before)
      else heirs.set(after, (heirs.get(after) ?? 0) + 1)
    }
    const fair = sids.length / members.length / rest.length
    for (const id of rest) expect(heirs.get(id)).toBeGreaterThan(0.7 * fair)
  })
})
