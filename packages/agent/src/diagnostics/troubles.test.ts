import { expect, test } from 'vitest'
import { AT_MS, type MemberSketch, sketch } from '../../test/picture.js'

test.each<[string, Record<string, MemberSketch>, string]>([
  ['all is well', { a: {}, b: {} }, '2 members, all identical'],
  [
    'who has left is no trouble',
    { a: {}, b: {}, c: { state: 'left', verdict: 'unknown' } },
    '2 members, all identical',
  ],
  [
    'what is on its way is none',
    { a: {}, b: { verdict: 'following' } },
    '2 members, in step: the latest writes are on their way',
  ],
  [
    'what was refused long ago is none',
    {
      a: { samples: [{ writesRefused: 1 }, ...Array.from({ length: 60 }, () => ({ writesRefused: 9 }))] },
      b: { samples: [{ writesRefused: 9 }, { writesRefused: 9 }] },
    },
    '2 members, all identical',
  ],
  [
    'alone',
    { a: {}, b: { state: 'left', verdict: 'unknown' } },
    '1 member, alone: nobody else holds its sessions',
  ],
])('%s', (_, members, words) => {
  expect(sketch(members)).toMatchObject({ troubles: [], summary: words })
})

test.each<[Record<string, MemberSketch>, 'warn' | 'bad', string]>([
  [{ a: {}, b: { state: 'dead', verdict: 'unknown' } }, 'bad', 'b has been dead for 1 min'],
  [{ a: { sees: { b: 'suspect' } }, b: { state: 'suspect' } }, 'warn', 'b has been suspect for 1 min'],
  [
    { a: { sees: { b: 'suspect' } }, b: { state: 'suspect' }, c: {} },
    'warn',
    'b has been suspect for 1 min, though c can hear it',
  ],
  [{ a: {}, b: { verdict: 'unknown', forMs: 14_000 } }, 'warn', 'b has not answered for 14 s'],
  [{ a: {}, b: { isUntold: true, verdict: 'unknown' } }, 'warn', 'b has not answered yet'],
  [{ a: { ready: false }, b: {} }, 'warn', 'a is not ready: it drains, or joins anew'],
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
    'warn',
    'b has been behind for 14 s: it lacks writes of a (3 s) and a former member (abcdefgh)',
  ],
  [
    { a: { samples: [{ sessions: 999_999 }] }, b: { samples: [{ sessions: 1_000_000 }] } },
    'warn',
    'b has 1000000 sessions, and maxSessions is 1000000: no other one begins. Raise it on every member, shorten ttlMs, or find out who begins so many',
  ],
  [
    {
      a: {
        samples: [
          { sessions: 1e6, writesRefused: 3 },
          { sessions: 1e6, writesRefused: 5 },
        ],
      },
      b: { samples: [{ sessions: 1e6 }, { sessions: 1e6, writesRefused: 1 }] },
    },
    'warn',
    'a has 1000000 sessions, and maxSessions is 1000000: no other one begins, which refused 3 writes in the last minute. Raise it on every member, shorten ttlMs, or find out who begins so many',
  ],
  [
    { a: {}, b: { samples: [{ writesRefused: 3 }, { writesRefused: 4 }, { writesRefused: 4 }] } },
    'warn',
    'b has refused 1 write in the last minute: a session or all together are too large, or memory is short. The errors of those requests say which, and what to do',
  ],
  [
    { a: { samples: [{ tombstones: 2_000_000 }] }, b: {} },
    'warn',
    'a remembers 2000000 destroyed sessions, and maxTombstones is 2000000: who is cut off for half a minute starts afresh. Raise it on every member',
  ],
  [
    { a: { verdict: 'differs', forMs: 61_000 }, b: {} },
    'bad',
    'a has held something else than others with the same writes for 1 min: a fault of sessionmesh',
  ],
])('%j', (members, tone, text) => {
  const { troubles, summary } = sketch(members)
  expect(troubles).toMatchObject([{ tone, text }])
  expect(summary).toBe(text)
})

test('two that do not hear each other are one trouble, though the one that tells hears both', () => {
  const { troubles } = sketch({
    a: {},
    b: { sees: { c: 'suspect' } },
    c: { sees: { b: 'suspect' } },
  })
  expect(troubles).toMatchObject([{ tone: 'warn', member: 'id-b', text: 'b has no working link to c' }])
})

test('who has just come is not missed by those that have not told of him yet', () => {
  const { troubles } = sketch({ a: {}, b: { sees: { c: undefined } }, c: { forMs: 1_000 } })
  expect(troubles).toEqual([])
})

test('what became of the sessions of one that died: of this end, not of one before', () => {
  const peer = { id: 'id-b', name: 'b' }
  const takeover = (agoMs: number, sessions: number, of = peer) => {
    return { event: 'takeover', peer: of, sessions, atMs: AT_MS - agoMs }
  }
  const events = [
    takeover(90_000, 900),
    takeover(12_000, 12),
    takeover(11_990, 300),
    takeover(12_000, 7, { id: 'id-d', name: 'd' }),
  ]
  expect(
    sketch({ a: {}, b: { state: 'dead', verdict: 'unknown', forMs: 12_000 }, c: {} }, events).summary,
  ).toBe('b has been dead for 12 s; its 312 sessions are answered for by the others')
})

test('what is worst comes first', () => {
  const { troubles } = sketch({
    a: { ready: false },
    b: { verdict: 'differs' },
    c: { state: 'dead', verdict: 'unknown' },
  })
  expect(troubles.map(({ member, tone }) => `${member} ${tone}`)).toEqual([
    'id-b bad',
    'id-c bad',
    'id-a warn',
  ])
})
