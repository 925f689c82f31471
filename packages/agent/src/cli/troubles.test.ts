import { expect, test } from 'vitest'
import { type MemberSketch, sketch } from '../../test/picture.js'
import { pictureOf } from './picture.js'
import { linkTroubles } from './troubles.js'

const of = (members: Record<string, MemberSketch>) => pictureOf(JSON.stringify(sketch(members)))

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
  expect(of(members).troubles).toEqual([{ text: 'b has no working link to c' }])
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
  expect(of(members).troubles).toEqual([])
})
