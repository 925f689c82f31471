import { describe, expect, it } from 'vitest'
import { createKeyring, deriveKeys } from './keys.js'
import { Tokens } from './token.js'

/** Of one member each: none remembers what another one has read or made. */
const tokens = (secrets: string[], cluster = 'shop') =>
  new Tokens(deriveKeys(createKeyring(cluster, secrets), 'causal token'))
const stamps = [
  { time: 1_800_000_000_000, counter: 3, origin: 'a-member-id1' },
  { time: 1_800_000_000_009, counter: 0, origin: 'a-member-id2' },
]

describe('the causal token', () => {
  const [first, second] = ['the first secret of all', 'the second secret of all']
  const made = (list = stamps) => tokens([first]).encode(list)

  it('carries stamps from one member to another', () => {
    const token = made()
    expect(tokens([first]).decode(token)).toEqual(expect.arrayContaining(stamps))
    expect(token).toMatch(/^[\w-]+$/)
  })

  it('is nothing when there is nothing to remember', () => {
    expect(made([])).toBeUndefined()
    expect(tokens([first]).decode(undefined)).toEqual([])
  })

  it('is read during a rotation of secrets by members of either side', () => {
    const rotating = [second, first]
    expect(tokens(rotating).decode(made())).toHaveLength(2)
    expect(tokens([first]).decode(tokens(rotating).encode(stamps))).toEqual([])
  })

  it('is ignored when it is forged, cut, foreign or huge', () => {
    const token = made()!
    const member = tokens([first])
    expect(member.decode(token)).toHaveLength(2)
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
      expect(member.decode(bad)).toEqual([])
    }
    expect(tokens(['some other cluster secret']).decode(token)).toEqual([])
    expect(tokens([first], 'bank').decode(token)).toEqual([])
  })

  it('stays small enough for a cookie, keeping the newest', () => {
    const many = Array.from({ length: 500 }, (_, i) => ({
      time: 1_800_000_000_000 + i,
      counter: 0,
      origin: `member-${i}`,
    }))
    const token = made(many)!
    expect(token.length).toBeLessThan(4096)
    expect(
      tokens([first])
        .decode(token)
        .map(({ time }) => time),
    ).toContain(1_800_000_000_499)
  })

  it('is the same read again, also long after it was forgotten here', () => {
    const member = tokens([first])
    const token = member.encode(stamps)
    for (let i = 0; i < 3_000; i++) member.encode([{ time: i, counter: 0, origin: 'a-member-id1' }])
    for (let i = 0; i < 2; i++) expect(member.decode(token)).toEqual(expect.arrayContaining(stamps))
  })
})
