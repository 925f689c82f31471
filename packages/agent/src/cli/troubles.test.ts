import { expect, test } from 'vitest'
import { type MemberSketch, sketch } from '../../test/picture.js'
import { pictureOf } from './picture.js'
import { linkTroubles, summary, troubles } from './troubles.js'

const of = (members: Record<string, MemberSketch>) => pictureOf(JSON.stringify(sketch(members)))

test.each<[string, Record<string, MemberSketch>, string]>([
  ['all is well', { a: {}, b: {} }, 'All is well: 2 members are alive and ready, and hold the same.'],
  [
    'who has left is no trouble',
    { a: {}, b: {}, c: { state: 'left', verdict: 'unknown' } },
    'All is well: 2 members are alive and ready, and hold the same.',
  ],
  [
    'what is on its way is none',
    { a: {}, b: { verdict: 'following' } },
    'All is well: 2 members are alive and ready; writes are on their way to 1.',
  ],
  [
    'alone',
    { a: {}, b: { state: 'left', verdict: 'unknown' } },
    'All is well: a is alive and ready. It is alone: nobody else holds its sessions.',
  ],
])('%s', (_, members, words) => {
  expect(troubles(of(members))).toEqual([])
  expect(summary(of(members))).toBe(words)
})

test.each<[Record<string, MemberSketch>, string]>([
  [{ a: {}, b: { state: 'dead', verdict: 'unknown' } }, 'b is dead for 1 min'],
  [{ a: {}, b: { state: 'suspect' } }, 'b is suspect'],
  [{ a: {}, b: { state: 'suspect' }, c: { sees: { b: 'alive' } } }, 'b is suspect, though c can hear it'],
  [{ a: {}, b: { verdict: 'unknown', forMs: 14_000 } }, 'b has not answered for 14 s'],
  [{ a: {}, b: { isUntold: true, verdict: 'unknown' } }, 'b has not answered yet'],
  [{ a: { ready: false }, b: {} }, 'a is not ready'],
  [
    {
      a: {},
      b: {
        verdict: 'behind',
        forMs: 14_000,
        lacks: [
          { origin: 'id-a', byMs: 3_200 },
          { origin: 'abcdefghijkl', byMs: 0 },
        ],
      },
    },
    'b is behind for 14 s: it lacks writes of a (3 s) and a former member (abcdefgh)',
  ],
  [
    { a: { verdict: 'differs', forMs: 61_000 }, b: {} },
    'a differs for 1 min: it has merged the same writes as another member, and holds something else, which is a fault of sessionmesh',
  ],
])('%j', (members, words) => {
  // (Who is suspect for the one that tells is alive for a, unless said.)
  const seen = 'c' in members ? { ...members, a: { sees: { b: 'suspect' as const } } } : members
  const given =
    members.b?.state === 'suspect' && !('c' in members)
      ? { ...members, a: { sees: { b: 'suspect' as const } } }
      : seen
  expect(troubles(of(given))).toEqual([words])
  expect(summary(of(given))).toBe(`Not well: ${words}.`)
})

test('a link that is missing is told by both ends, and is one trouble', () => {
  const members: Record<string, MemberSketch> = {
    a: {},
    b: { sees: { c: 'suspect' }, links: { c: undefined } },
    c: { sees: { b: 'suspect' }, links: { b: undefined } },
  }
  expect(linkTroubles(of(members)).map(({ at, peer, words }) => `${at} ${peer} ${words}`)).toEqual([
    'b c no link',
    'c b no link',
  ])
  expect(troubles(of(members))).toEqual(['b has no working link to c'])
})

test('a link that is newer than the sample is not missing', () => {
  expect(linkTroubles(of({ a: {}, b: { links: { a: undefined } } }))).toEqual([])
})

test('slow links are shown, and are no trouble', () => {
  const members: Record<string, MemberSketch> = {
    a: { links: { b: { lag: { p50Ms: 12, p99Ms: 900, deltas: 5 } } } },
    b: { links: { a: { bufferedBytes: 5_000_000 } } },
  }
  expect(linkTroubles(of(members)).map(({ words }) => words)).toEqual([
    'slow: writes take 12 ms, the slowest 900 ms',
    'slow: 5.0 MB wait to be sent',
  ])
  expect(troubles(of(members))).toEqual([])
})
