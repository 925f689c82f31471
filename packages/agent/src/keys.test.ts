import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { createKeyring, deriveKeys, hasSecret, keyFor, offer } from './keys.js'

/** The key that is used for making. */
const first = (...args: Parameters<typeof deriveKeys>) => deriveKeys(...args)[0]

const old = 'the old one: 4YhJ7sWc2KtM9xQa'
const next = 'the next one: 6BrL8dPf3UvC5nZg'

/** How a dial with a key of one ring ends at a member with another. */
function meet(
  dialler: ReturnType<typeof createKeyring>,
  acceptor: ReturnType<typeof createKeyring>,
  key = 0,
) {
  const { identity, psk } = offer(dialler, key)
  const found = keyFor(acceptor, identity)
  if (!('psk' in found)) return found
  expect(Buffer.from(found.psk).equals(psk)).toBe(true)
  return 'met'
}

test('the same cluster and secret give the same key, anything else another', () => {
  const ring = createKeyring('shop', [old])
  expect(meet(ring, createKeyring('shop', [old]))).toBe('met')
  expect(meet(ring, createKeyring('shop', [next]))).toEqual({ unknown: 'other secret', more: false })
  expect(meet(ring, createKeyring('bank', [old]))).toEqual({ unknown: 'other cluster', more: false })
  expect(keyFor(ring, 'somebody')).toEqual({ unknown: 'not a member', more: false })
  const without = createKeyring('shop', [])
  expect(meet(ring, without)).toEqual({ unknown: 'other secret', more: false })
  expect(meet(without, ring)).toEqual({ unknown: 'no secret', more: false })
  expect(meet(createKeyring('bank', []), ring)).toEqual({ unknown: 'other cluster', more: false })
  expect([hasSecret(ring), hasSecret(without)]).toEqual([true, false])
})

test('all secrets of a ring are accepted, and a dialler says while it has more', () => {
  const both = createKeyring('shop', [next, old])
  expect(both.keys.length).toBe(2)
  expect(meet(createKeyring('shop', [old]), both)).toBe('met')
  expect(meet(createKeyring('shop', [next]), both)).toBe('met')
  expect(meet(both, createKeyring('shop', [old]), 0)).toEqual({ unknown: 'other secret', more: true })
  expect(meet(both, createKeyring('shop', [old]), 1)).toBe('met')
})

test('the same secret twice is one key', () => {
  expect(createKeyring('shop', [old, old]).keys.length).toBe(1)
})

test('a key of the ring for each purpose', () => {
  const both = createKeyring('shop', [next, old])
  expect(first(both, 'causal token')).toEqual(first(createKeyring('shop', [next]), 'causal token'))
  expect(deriveKeys(both, 'causal token')).toEqual([
    first(createKeyring('shop', [next]), 'causal token'),
    first(createKeyring('shop', [old]), 'causal token'),
  ])
  expect(first(both, 'causal token')).toHaveLength(32)
  expect(first(both, 'causal token')).not.toEqual(first(both, 'another purpose'))
  expect(first(both, 'link')).not.toEqual(first(createKeyring('bank', [next, old]), 'link'))
})

test('a weak secret is refused, without telling it', () => {
  expect(() => createKeyring('shop', ['short secret of the shop'])).toThrow(
    expect.objectContaining({
      code: 'SESSIONMESH_WEAK_SECRET',
      message: expect.not.stringContaining('short s'),
    }),
  )
  expect(() => createKeyring('shop', [old, ''])).toThrow(/Secret 2 of 2 is too easy to guess: about 0 bits/)
})

test('neither printing a ring nor an identity tells a key or the secret', () => {
  const ring = createKeyring('shop', [old])
  const { identity, psk } = offer(ring, 0)
  const shown = inspect(ring, { depth: 9, showHidden: true }) + JSON.stringify(ring) + identity
  expect(shown).not.toContain(old)
  expect(shown).not.toContain(Buffer.from(psk).toString('hex').slice(0, 16))
  expect(Object.values(ring.keys[0]!).map((part) => typeof part)).toEqual(['string', 'object', 'object'])
})
