import { expect, test } from 'vitest'
import { linksOf } from './links.js'
import { Model, type Told } from './model.js'
import { link, member, picture, sample } from './test/pictures.js'

function linksAmong(...members: Told[]) {
  const model = new Model()
  model.merge(picture(members))
  return linksOf(model.places).map(({ a, b, state, fromABytes, fromBBytes }) => [
    a,
    b,
    state,
    fromABytes,
    fromBBytes,
  ])
}

const unheard = { verdict: 'unknown', sinceMs: 0, lacks: [] } as const

test('one end is enough, and says both directions', () => {
  const samples = [
    sample(0, { links: [link('b', 100, { receivedBytes: 50 })] }),
    sample(2, { links: [link('b', 300, { receivedBytes: 60 })] }),
  ]
  expect(linksAmong(member('a', { samples }), member('b'))).toEqual([['a', 'b', 'alive', 100, 5]])
})

test('two that live, and neither of which has a link, miss it', () => {
  const samples = [sample(0)]
  expect(linksAmong(member('a', { samples }), member('b', { samples }))).toEqual([
    ['a', 'b', 'missing', 0, 0],
  ])
})

test('as long as one of them has told nothing, none is missed', () => {
  expect(linksAmong(member('a', { samples: [sample(0)] }), member('b'))).toEqual([])
})

test('a link to who is suspect is as doubtful, and none to who is dead is left', () => {
  const samples = [sample(0, { links: [link('b')] })]
  expect(linksAmong(member('a', { samples }), member('b', { state: 'suspect' }))).toEqual([
    ['a', 'b', 'suspect', 0, 0],
  ])
  expect(linksAmong(member('a', { samples }), member('b', { state: 'dead', samples }))).toEqual([])
})

test('of who is suspect no link is missed: that it has none is why', () => {
  const samples = [sample(0)]
  expect(linksAmong(member('a', { samples }), member('b', { state: 'suspect', samples }))).toEqual([])
})

test('what one told who is not heard any more is no link', () => {
  const samples = [sample(0, { links: [link('b')] })]
  const lost = member('a', { state: 'suspect', samples, convergence: unheard })
  expect(linksAmong(member('b'), lost)).toEqual([])
})

test('a link to a former run is not one to the new run', () => {
  const samples = [sample(0, { links: [link('b/1')] })]
  const members = [member('a', { samples }), member('b/1', { state: 'left' }), member('b/2')]
  expect(linksAmong(...members)).toEqual([])
})
