import { expect, test } from 'vitest'
import { Model, type Told } from './model.js'
import { sharesOf, UNPLACED } from './owners.js'
import { AT_MS, member, picture, told } from './test/pictures.js'

function sharesAmong(...members: Told[]) {
  const model = new Model()
  model.merge(picture(members))
  const shares = sharesOf(model)
  return shares && Object.fromEntries(shares)
}

const counted = (owners: Record<string, number>, atMs = AT_MS) => told({ census: { atMs, owners, bytes: 0 } })

test('the member that tells has counted', () => {
  const a = member('a', { told: counted({ a: 1, 'b/2': 2, 'b/1': 3 }) })
  const b = member('b/2', { told: counted({ a: 9 }, AT_MS + 1) })
  expect(sharesAmong(a, member('b/1', { state: 'left' }), b)).toEqual({ a: 1, b: 5 })
})

test('before it has, it is who counted last and lives', () => {
  const late = member('b', { told: counted({ a: 2 }, AT_MS - 1_000) })
  const later = member('c', { told: counted({ a: 3 }) })
  const dead = member('d', { state: 'dead', told: counted({ a: 4 }, AT_MS + 1) })
  expect(sharesAmong(member('a', { told: told() }), late, later, dead)).toMatchObject({ a: 3 })
})

test('sessions of an owner that has no place are seen, and nobody has none before anybody has counted', () => {
  expect(sharesAmong(member('a', { told: counted({ a: 1, gone: 2 }) }))).toEqual({ a: 1, [UNPLACED]: 2 })
  expect(sharesAmong(member('a'))).toBeUndefined()
})
