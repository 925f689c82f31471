/** What may be read of a socket that anybody can send to. */

import { expect, test } from 'vitest'
import { Gate } from './gate.js'

const isNear = (host: string) => host.startsWith('10.')

test('packets from other networks are not let in', () => {
  const gate = new Gate(isNear)
  expect([gate.passes('10.0.0.1', 100, 0), gate.passes('192.168.0.1', 100, 0)]).toEqual([true, false])
})

test('a packet larger than any of ours is not let in', () => {
  const gate = new Gate(isNear)
  expect([gate.passes('10.0.0.1', 32_000, 0), gate.passes('10.0.0.1', 32_001, 0)]).toEqual([true, false])
})

test('a host that floods is let in twenty times a second, and takes nothing from the others', () => {
  const gate = new Gate(isNear)
  let passed = 0
  for (let i = 0; i < 5_000; i++) if (gate.passes('10.0.0.66', 100, i / 10)) passed++
  expect([passed, gate.passes('10.0.0.1', 100, 500)]).toEqual([20, true])
  expect(gate.passes('10.0.0.66', 100, 1_000)).toBe(true)
})

test('of a flood from made-up addresses five hundred a second are let in', () => {
  const gate = new Gate(isNear)
  let passed = 0
  for (let i = 0; i < 20_000; i++) if (gate.passes(`10.1.${i >> 8}.${i & 255}`, 100, 0)) passed++
  expect([passed, gate.passes('10.0.0.1', 100, 1_000)]).toEqual([500, true])
})
