import { expect, test } from 'vitest'
import { Convergences, type Standing } from './convergence.js'

const stamp = (origin: string, timeMs: number) => ({ origin, timeMs, counter: 0 })
const standing = (id: string, digest: readonly [string, number][], parts?: number[]): Standing => {
  const stamps = digest.map(([origin, timeMs]) => stamp(origin, timeMs))
  return { id, isHeard: true, digest: stamps, ...(parts && { fingerprint: { digest: stamps, parts } }) }
}
const all = new Set(['a', 'b'])

/** Verdict and since when, by member. */
function judge(judge: Convergences, nowMs: number, ...standings: Standing[]) {
  const judged = judge.judge(standings, all, nowMs)
  return Object.fromEntries([...judged].map(([id, { verdict, sinceMs }]) => [id, `${verdict} ${sinceMs}`]))
}

test('members that have merged the same are identical, since they have', () => {
  const convergences = new Convergences()
  const same: [string, number][] = [
    ['a', 10],
    ['b', 20],
  ]
  expect(judge(convergences, 100, standing('a', same), standing('b', same))).toEqual({
    a: 'identical 100',
    b: 'identical 100',
  })
  expect(judge(convergences, 200, standing('a', same), standing('b', [...same].reverse()))).toEqual({
    a: 'identical 100',
    b: 'identical 100',
  })
})

test('what is on its way is followed; what does not come makes a member behind, since it was missed first', () => {
  const convergences = new Convergences()
  const b = (has: number) => standing('b', [['a', has]])
  expect(judge(convergences, 1_000, standing('a', [['a', 10]]), b(5)).b).toBe('following 1000')
  expect(convergences.judge([standing('a', [['a', 10]]), b(5)], all, 1_100).get('b')?.lacks).toEqual([
    { origin: 'a', byMs: 5 },
  ])
  // More writes on top do not begin it anew.
  expect(judge(convergences, 2_400, standing('a', [['a', 99]]), b(9)).b).toBe('following 1000')
  expect(judge(convergences, 2_600, standing('a', [['a', 200]]), b(9)).b).toBe('behind 1000')
  expect(judge(convergences, 2_700, standing('a', [['a', 300]]), b(300)).b).toBe('identical 2700')
})

test('a member that follows all the time is never behind', () => {
  const convergences = new Convergences()
  for (let ms = 0; ms < 10_000; ms += 500)
    expect(judge(convergences, ms, standing('a', [['a', ms + 10]]), standing('b', [['a', ms]])).b).toMatch(
      /^following/,
    )
})

test('its own writes it has, though others told later', () => {
  const convergences = new Convergences()
  expect(judge(convergences, 0, standing('a', [['a', 5]]), standing('b', [['a', 10]])).a).toBe('identical 0')
})

test('origins that are gone leave digests one after the other: that is no lack for a while', () => {
  const convergences = new Convergences()
  const judgeAt = (ms: number) =>
    judge(
      convergences,
      ms,
      standing('a', [
        ['a', 5],
        ['gone', 1],
      ]),
      standing('b', [['a', 5]]),
    ).b
  expect([0, 5_000, 11_000].map(judgeAt)).toEqual(['following 0', 'following 0', 'behind 0'])
})

test('who does not answer is unknown, and nobody is measured by what it told', () => {
  const convergences = new Convergences()
  const silent = { ...standing('a', [['a', 99]]), isHeard: false }
  expect(judge(convergences, 7, silent, standing('b', [['a', 5]]))).toEqual({
    a: 'unknown 7',
    b: 'identical 7',
  })
  const unheard = convergences.judge([{ ...silent, digest: [] }, standing('b', [['a', 5]])], all, 8)
  expect(unheard.get('a')).toMatchObject({ verdict: 'unknown', lacks: [] })
})

test('another state at the same digest is a fault, once it is more than a moment', () => {
  const convergences = new Convergences()
  const told = [standing('a', [['a', 5]], [1, 2]), standing('b', [['a', 5]], [1, 3])]
  expect(judge(convergences, 0, ...told)).toEqual({ a: 'identical 0', b: 'identical 0' })
  expect(judge(convergences, 4_000, ...told)).toEqual({ a: 'differs 0', b: 'differs 0' })
})

test('a part of which one says nothing still shows that two others differ', () => {
  const convergences = new Convergences()
  const told = [
    standing('a', [['a', 5]], [-1]),
    standing('b', [['a', 5]], [2]),
    standing('c', [['a', 5]], [3]),
  ]
  judge(convergences, 0, ...told)
  expect(judge(convergences, 4_000, ...told)).toMatchObject({ b: 'differs 0', c: 'differs 0' })
  expect(convergences.judge(told, all, 5_000).get('b')?.fingerprint).toBeUndefined()
})

test('a fingerprint of another moment is none', () => {
  const convergences = new Convergences()
  const then = standing('a', [['a', 5]], [1])
  const now = { ...then, digest: standing('a', [['a', 6]]).digest }
  expect(convergences.judge([then], all, 0).get('a')?.fingerprint).toBeDefined()
  expect(convergences.judge([now], all, 0).get('a')?.fingerprint).toBeUndefined()
})

test('parts that say nothing are left out, and what is the same has the same fingerprint', () => {
  const convergences = new Convergences()
  const told = [standing('a', [['a', 5]], [1, -1, 7]), standing('b', [['a', 5]], [1, 2, 7])]
  for (const ms of [0, 4_000]) {
    const judged = convergences.judge(told, all, ms)
    expect(judged.get('a')).toEqual(judged.get('b'))
    expect(judged.get('a')).toMatchObject({
      verdict: 'identical',
      fingerprint: expect.stringMatching(/^[\da-f]{8}$/),
    })
  }
  const other = convergences.judge(
    [standing('a', [['a', 5]], [1, -1, 8]), standing('b', [['a', 5]], [1, 2, 8])],
    all,
    5_000,
  )
  expect(other.get('a')?.fingerprint).not.toBe(convergences.judge(told, all, 6_000).get('a')?.fingerprint)
})
