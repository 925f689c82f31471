import { expect, test } from 'vitest'
import { LocalAttributes } from './local-attributes.js'

test('what ended takes its values with it', () => {
  const local = new LocalAttributes(['socket'])
  local.save('s', { socket: 1 }, undefined, undefined)
  local.ended('s')
  const data = {}
  local.load('s', data, {})
  expect(data).toEqual({})
})
