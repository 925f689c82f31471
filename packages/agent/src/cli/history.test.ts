import { expect, test } from 'vitest'
import { AT_MS, type MemberSketch, sketch } from '../../test/picture.js'
import { writesPerS } from './figures.js'
import { History, SECONDS } from './history.js'
import { pictureOf } from './picture.js'

const of = (members: Record<string, MemberSketch>, ...events: Parameters<typeof sketch>[1][]) =>
  pictureOf(JSON.stringify(sketch(members, ...events)))
const sum = (values: readonly number[]) => values.reduce((all, each) => all + each, 0)
const counting = (...writes: number[]) => ({ samples: writes.map((count) => ({ writes: count })) })

test('figures of all members, second by second', () => {
  const history = new History()
  history.add(of({ a: counting(0, 5, 20), b: counting(100, 101, 102) }))

  const chart = history.chart((sample, before) => writesPerS(before, sample), sum)
  expect(chart).toHaveLength(SECONDS)
  expect(chart.slice(-4)).toEqual([undefined, undefined, 6, 16])
  expect(history.chart((sample, before) => writesPerS(before, sample), sum, ['id-b']).slice(-2)).toEqual([
    1, 1,
  ])
})

test('what another member tells again is there once, and what it tells besides is added', () => {
  const history = new History()
  const event = { number: 7, event: 'draining', by: { id: 'id-a', name: 'a' } }
  history.add(of({ a: counting(1, 2), b: counting() }, [event]))
  const later = of({ b: counting(), a: counting(0, 1, 2) }, [event, { ...event, number: 8, event: 'left' }])
  history.add(later)

  const a = history.picture?.members.find(({ id }) => id === 'id-a')
  expect(a?.samples.map(({ writes }) => writes)).toEqual([0, 1, 2])
  expect(history.picture?.events.map(({ event }) => event)).toEqual(['draining', 'left'])
  expect(history.picture?.by).toBe('id-b')
})

test('nothing is kept for ever', () => {
  const history = new History()
  history.add(of({ a: counting(...Array.from({ length: 200 }, (_, i) => i)) }))

  const samples = history.picture?.members[0]?.samples ?? []
  expect(samples.length).toBeLessThan(SECONDS + 10)
  expect(samples.at(-1)?.atMs).toBe(AT_MS)
})
