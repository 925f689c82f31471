import { describe, expect, it } from 'vitest'
import { createKeyring, deriveKeys } from './keys.js'
import { decodeToken, encodeToken } from './token.js'

const keys = (...secrets: string[]) => deriveKeys(createKeyring('shop', secrets), 'causal token')
const stamps = [
  { time: 1_800_000_000_000, counter: 3, origin: 'a-member-id1' },
  { time: 1_800_000_000_009, counter: 0, origin: 'a-member-id2' },
]

describe('the causal token', () => {
  const ours = keys('the first secret of all')

  it('carries stamps from one member to another', () => {
    const token = encodeToken(stamps, ours)
    expect(decodeToken(token, ours)).toEqual(expect.arrayContaining(stamps))
    expect(token).toMatch(/^[\w-]+$/)
  })

  it('is nothing when there is nothing to remember', () => {
    expect(encodeToken([], ours)).toBeUndefined()
    expect(decodeToken(undefined, ours)).toEqual([])
  })

  it('is read during a rotation of secrets by members of either side', () => {
    const rotating = keys('the second secret of all', 'the first secret of all')
    expect(decodeToken(encodeToken(stamps, ours), rotating)).toHaveLength(2)
    expect(decodeToken(encodeToken(stamps, rotating), ours)).toEqual([])
  })

  it('is ignored when it is forged, cut, foreign or huge', () => {
    const token = encodeToken(stamps, ours)!
    const flipped = (token[5] === 'A' ? 'B' : 'A') + token.slice(1)
    for (const bad of [
      flipped,
      token.slice(0, -2),
      token.slice(0, 10),
      '',
      'x',
      '%%%',
      'A'.repeat(1_000_000),
    ]) {
      expect(decodeToken(bad, ours)).toEqual([])
    }
    expect(decodeToken(token, keys('some other cluster secret'))).toEqual([])
    expect(
      decodeToken(token, deriveKeys(createKeyring('bank', ['the first secret of all']), 'causal token')),
    ).toEqual([])
  })

  it('stays small enough for a cookie, keeping the newest', () => {
    const many = Array.from({ length: 500 }, (_, i) => ({
      time: 1_800_000_000_000 + i,
      counter: 0,
      origin: `member-${i}`,
    }))
    const token = encodeToken(many, ours)!
    expect(token.length).toBeLessThan(4096)
    expect(decodeToken(token, ours).map(({ time }) => time)).toContain(1_800_000_000_499)
  })
})
