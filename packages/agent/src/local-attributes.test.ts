import type { Base } from '@sessionmesh/core'
import { expect, test } from 'vitest'
import { LocalAttributes } from './local-attributes.js'

const baseOf = (time: number): Base => ({ created: { time, counter: 0, origin: 'a' }, attributes: new Map() })

function loaded(local: LocalAttributes, base: Base): Record<string, unknown> {
  const data = {}
  local.load('s', data, base)
  return data
}

test('what ended takes its values with it', () => {
  const local = new LocalAttributes(['socket'])
  local.save('s', { socket: 1 }, undefined, baseOf(1))
  expect(loaded(local, baseOf(1))).toEqual({ socket: 1 })
  local.ended('s')
  expect(loaded(local, baseOf(1))).toEqual({})
})

test('a session that came later under the same id has none of its values', () => {
  const local = new LocalAttributes(['socket', 'other'])
  local.save('s', { socket: 1 }, undefined, baseOf(1))
  expect(loaded(local, baseOf(2))).toEqual({})
  local.save('s', { other: 2 }, undefined, baseOf(2))
  expect(loaded(local, baseOf(2))).toEqual({ other: 2 })
})
