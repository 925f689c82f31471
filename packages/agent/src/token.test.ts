import { describe, expect, it } from 'vitest'
import { createKeyring, deriveKeys } from './keys.js'
import { Tokens } from './token.js'

/** Of one member each: none remembers what another one has read or made. */
const tokens = (secrets: string[], cluster = 'shop') =>
  new Tokens(deriveKeys(createKeyring(cluster, secrets), 'causal token'), HOUR_MS)
const nothingKnown = () => false
const HOUR_MS = 3_600_000
const NOW_MS = 1_800_000_000_500
const stamps = [
  { time: 1_800_000_000_000, counter: 3, origin: 'a-member-id1' },
  { time: 1_800_000_000_009, counter: 0, origin: 'a-member-id2' },
]

describe('the causal token', () => {
  const [first, second] = ['the first: 4YhJ7sWc2KtM9xQa', 'the second: 6BrL8dPf3UvC5nZg']
  const made = (list = stamps) => tokens([first]).encode(list, NOW_MS)

  it('carries stamps from one member to another', () => {
    const token = made()
    expect(tokens([first]).decode(token, nothingKnown, NOW_MS)).toEqual(expect.arrayContaining(stamps))
    expect(token).toMatch(/^[\w.-]+$/)
  })

  it('is nothing when there is nothing to remember', () => {
    expect(made([])).toBeUndefined()
    expect(tokens([first]).decode(undefined, nothingKnown, NOW_MS)).toEqual([])
  })

  it('is read during a rotation of secrets by members of either side', () => {
    const rotating = [second, first]
    expect(tokens(rotating).decode(made(), nothingKnown, NOW_MS)).toHaveLength(2)
    expect(tokens([first]).decode(tokens(rotating).encode(stamps, NOW_MS), nothingKnown, NOW_MS)).toEqual([])
  })

  it('is ignored when it is forged, cut, foreign or huge', () => {
    const token = made()!
    const member = tokens([first])
    expect(member.decode(token, nothingKnown, NOW_MS)).toHaveLength(2)
    const flipped = (token[0] === 'A' ? 'B' : 'A') + token.slice(1)
    for (const bad of [
      flipped,
      token.slice(0, -2),
      token.slice(0, 10),
      '',
      'x',
      '%%%',
      'A'.repeat(1_000_000),
    ]) {
      expect(member.decode(bad, nothingKnown, NOW_MS)).toEqual([])
    }
    expect(tokens(['some other: 3TnB9yHc6GsF1wJe']).decode(token, nothingKnown, NOW_MS)).toEqual([])
    expect(tokens([first], 'bank').decode(token, nothingKnown, NOW_MS)).toEqual([])
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
        .decode(token, nothingKnown, NOW_MS)
        .map(({ time }) => time),
    ).toContain(1_800_000_000_499)
  })

  it('is ignored when it is old, unless it makes no difference', () => {
    const token = made()
    const member = tokens([first])
    expect(member.decode(token, nothingKnown, NOW_MS + HOUR_MS - 1_000)).toHaveLength(2)
    expect(member.decode(token, nothingKnown, NOW_MS + HOUR_MS + 1_000)).toEqual([])
    expect(member.decode(token, () => true, NOW_MS + HOUR_MS + 1_000)).toHaveLength(2)
  })

  it('is readable, whatever ids somebody makes up', () => {
    const made = { time: 1, counter: 0, origin: 'a.made up/id' }
    const long = Array.from({ length: 63 }, (_, i) => ({ time: 1, counter: i, origin: 'x'.repeat(1_000) }))
    const token = tokens([first]).encode([made, ...long, ...stamps], NOW_MS)
    expect(tokens([first]).decode(token, nothingKnown, NOW_MS)).toEqual(stamps)
    expect(tokens([first]).encode([made], NOW_MS)).toBeUndefined()
  })

  it('cannot be made younger by its bearer', () => {
    const [signature, made, ...rest] = tokens([first]).encode(stamps, NOW_MS)!.split('.')
    const younger = [signature, Number(made) + 3_600, ...rest].join('.')
    expect(tokens([first]).decode(younger, nothingKnown, NOW_MS)).toEqual([])
  })

  it('is no longer than what is read again, with ids as long as they may be', () => {
    const many = Array.from({ length: 64 }, (_, i) => ({
      time: i,
      counter: 0,
      origin: `${'x'.repeat(62)}${i % 10}`,
    }))
    const token = tokens([first]).encode([...many, ...stamps], NOW_MS)!
    expect(token.length).toBeLessThanOrEqual(4096)
    expect(tokens([first]).decode(token, nothingKnown, NOW_MS)).toEqual(expect.arrayContaining(stamps))
  })

  it('is not checked where all of it is known, and checked where anything is not', () => {
    const token = made()!
    const forged = `${'A'.repeat(22)}${token.slice(22)}`
    const member = tokens([first])
    expect(member.decode(forged, (asked) => asked.length === 2, NOW_MS)).toEqual(
      expect.arrayContaining(stamps),
    )
    expect(member.decode(forged, (asked) => asked.length === 1, NOW_MS)).toEqual([])
  })

  it('names nothing where a number in it is none', () => {
    const [signature, ...rest] = made()!.split('.')
    for (const field of [0, 1, 2, 4, 5])
      for (const bad of ['-', '', ' 1', '1e3', '9'.repeat(16)]) {
        const fields = rest.with(field, bad)
        expect(
          tokens([first]).decode([signature, ...fields].join('.'), () => true, NOW_MS),
          bad,
        ).toEqual([])
      }
  })
})
