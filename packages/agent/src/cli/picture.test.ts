import { expect, test } from 'vitest'
import { sketch } from '../../test/picture.js'
import { NoPicture, pictureOf } from './picture.js'

test('texts of a picture are fit for a terminal', () => {
  const given = sketch({ 'a\x1b[2J': {}, b: {} }, [
    { event: 'warning', message: 'x\x1b]0;y\x07z', code: '\x9bC' },
  ])
  const picture = pictureOf(JSON.stringify({ ...given, cluster: 'shop\x07' }))

  expect(picture.cluster).toBe('shop')
  expect(picture.members[0]?.name).toBe('a')
  expect(picture.by).toBe(picture.members[0]?.id)
  expect(picture.members[1]?.told?.members[0]?.name).toBe('a')
  expect(JSON.stringify(picture)).not.toMatch(/\\u00(0|1|7f|[89])/i)
})

test('what a later version tells besides is left out, and __proto__ is a name like others', () => {
  const given = sketch({ a: { owners: { ['__proto__']: 3 } } })
  const picture = pictureOf(JSON.stringify({ ...given, weather: 'fine' }))

  expect(picture).not.toHaveProperty('weather')
  expect(Object.getPrototypeOf(picture.members[0]?.told?.census?.owners)).toBeNull()
})

test('a run that another one has replaced is not shown, one that is missed is', () => {
  const given = sketch({ a: {}, b: { state: 'left' }, c: { state: 'dead' }, d: {} })
  const members = given.members.map((member) => (member.name === 'd' ? { ...member, name: 'b' } : member))
  const picture = pictureOf(JSON.stringify({ ...given, members }))
  expect(picture.members.map(({ name, state }) => `${name} ${state}`)).toEqual([
    'a alive',
    'c dead',
    'b alive',
  ])
})

test.each([
  ['<html>', 'not JSON'],
  ['{}', 'cluster'],
  ['[]', 'no object'],
  ['null', 'no object'],
  [JSON.stringify({ ...sketch({ a: {} }), members: [{ id: 'x' }] }), 'members: name'],
])('%s is no picture', (json, why) => {
  expect(() => pictureOf(json)).toThrow(NoPicture)
  expect(() => pictureOf(json)).toThrow(why)
})
