import { expect, test } from 'vitest'
import { lookup, sharedLookup } from './lookup.js'

test('a name is asked for once at a time, and all who want it are answered', () => {
  const asked: { name: string; answer: (address: string) => void }[] = []
  const shared = sharedLookup((name, _options, done) =>
    asked.push({ name, answer: (found) => done(null, found, 4) }),
  )
  const got: unknown[] = []
  for (let i = 0; i < 3; i++) shared('a.test', { all: false }, (_error, found) => got.push([i, found]))
  shared('b.test', { all: false }, (_error, found) => got.push(found))
  shared('a.test', { all: true }, (_error, found) => got.push(found))
  expect(asked.map(({ name }) => name)).toEqual(['a.test', 'b.test', 'a.test'])
  asked[0]?.answer('10.0.0.1')
  expect(got).toEqual([
    [0, '10.0.0.1'],
    [1, '10.0.0.1'],
    [2, '10.0.0.1'],
  ])
  shared('a.test', { all: false }, () => {})
  expect(asked).toHaveLength(4)
})

test('who asks for what is no name is told so, and the next one too', () => {
  const shared = sharedLookup(() => {
    throw new TypeError('no name')
  })
  const got: unknown[] = []
  for (let i = 0; i < 2; i++) shared('a.test', {}, (error) => got.push(error?.message))
  expect(got).toEqual(['no name', 'no name'])
})

test('names of this machine resolve', async () => {
  const found = await new Promise((resolve) =>
    lookup('localhost', { all: true }, (_error, all) => resolve(all)),
  )
  expect(found).toContainEqual({ address: '127.0.0.1', family: 4 })
})
