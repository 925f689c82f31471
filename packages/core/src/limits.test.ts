/** What a write may be. */

import { describe, expect, test } from 'vitest'
import { bytes, stamp } from '../test/arbitraries.js'
import { resolveConfig } from './config.js'
import { checkWrite } from './limits.js'
import { SessionRecord } from './session.js'

const config = resolveConfig({ maxSessionBytes: 20, maxAttributes: 3, maxNameLength: 128 })

/** A session that holds these, of `length` bytes each; `undefined` leaves a marker of a removed one. */
function held(lengths: Record<string, number | undefined>): SessionRecord {
  const record = new SessionRecord('s', stamp(1), 0)
  const attributes = Object.entries(lengths).map(([name, length]) => ({
    name,
    value: length === undefined ? undefined : bytes(...Array(length).fill(0)),
    stamp: stamp(1),
  }))
  record.merge({ sid: 's', created: stamp(1), attributes }, () => false)
  return record
}

const refusal = (...[sid, changes, record, given]: Partial<Parameters<typeof checkWrite>>): unknown => {
  try {
    checkWrite(sid ?? 's', changes ?? [], record, given ?? config)
    return undefined
  } catch (error) {
    return error
  }
}

describe('session ids', () => {
  test.each(['', 'x'.repeat(129), 'x\ud800'])('refuse %j', (sid) => {
    expect(refusal(sid)).toMatchObject({ code: 'SESSIONMESH_BAD_SESSION_ID' })
  })

  test('may be as long as the limit says', () => {
    expect(refusal('x'.repeat(128))).toBeUndefined()
  })
})

describe('attribute names', () => {
  test.each(['__proto__', 'constructor', 'prototype'])('%s is refused, and named', (name) => {
    expect(refusal('s', [{ name, value: bytes(1) }])).toMatchObject({
      code: 'SESSIONMESH_FORBIDDEN_ATTRIBUTE',
      message: expect.stringContaining(`"${name}"`),
    })
  })

  test('that are cut in the middle of a character are refused: on the wire they would all be one', () => {
    expect(refusal('s', [{ name: 'x\ud83d', value: bytes(1) }])).toMatchObject({
      code: 'SESSIONMESH_FORBIDDEN_ATTRIBUTE',
      message: expect.stringContaining('"x\\ud83d" is not well-formed'),
    })
    expect(refusal('s', [{ name: '😀', value: bytes(1) }])).toBeUndefined()
  })

  test('longer than the limit are refused', () => {
    const wide = resolveConfig({ maxNameLength: 128 })
    const named = (length: number) =>
      refusal('s', [{ name: 'x'.repeat(length), value: bytes(1) }], undefined, wide)
    expect(named(128)).toBeUndefined()
    expect(named(129)).toMatchObject({ code: 'SESSIONMESH_FORBIDDEN_ATTRIBUTE' })
  })
})

describe('the size of a session', () => {
  test('counts names and values, up to the limit', () => {
    expect(refusal('s', [{ name: 'x', value: bytes(...Array(19).fill(0)) }])).toBeUndefined()
    expect(refusal('s', [{ name: 'x', value: bytes(...Array(20).fill(0)) }])).toMatchObject({
      code: 'SESSIONMESH_SESSION_TOO_LARGE',
      message: expect.stringMatching(/21 bytes.*maxSessionBytes is 20.*"x"/),
    })
  })

  test('counts what is held too, and names the largest change', () => {
    const changes = [
      { name: 'y', value: bytes(...Array(4).fill(0)) },
      { name: 'z', value: bytes(...Array(5).fill(0)) },
    ]
    expect(refusal('s', changes, held({ x: 8 }))).toBeUndefined()
    expect(refusal('s', changes, held({ x: 9 }))).toMatchObject({
      code: 'SESSIONMESH_SESSION_TOO_LARGE',
      message: expect.stringContaining('"z"'),
    })
  })

  test('takes a replaced or removed value off', () => {
    const full = held({ x: 19 })
    expect(refusal('s', [{ name: 'x', value: bytes(...Array(19).fill(0)) }], full)).toBeUndefined()
    expect(
      refusal(
        's',
        [
          { name: 'x', value: undefined },
          { name: 'y', value: bytes(...Array(18).fill(0)) },
        ],
        full,
      ),
    ).toBeUndefined()
  })

  test('an attribute set again after its removal counts its name once', () => {
    const record = held({ x: undefined })
    expect(refusal('s', [{ name: 'x', value: bytes(...Array(19).fill(0)) }], record)).toBeUndefined()
  })
})

describe('the number of attributes', () => {
  const change = (name: string) => ({ name, value: bytes(1) })

  test('is limited in a new session', () => {
    expect(refusal('s', ['x', 'y', 'z'].map(change))).toBeUndefined()
    expect(refusal('s', ['w', 'x', 'y', 'z'].map(change))).toMatchObject({
      code: 'SESSIONMESH_SESSION_TOO_LARGE',
      message: expect.stringContaining('3 attributes'),
    })
  })

  test('counts those that are held, and a change of one of them not twice', () => {
    const full = held({ x: 1, y: 1, z: 1 })
    expect(refusal('s', [change('x')], full)).toBeUndefined()
    expect(refusal('s', [change('w')], full)).toMatchObject({ code: 'SESSIONMESH_SESSION_TOO_LARGE' })
  })

  test('counts markers of removed ones, and setting such a one again not twice', () => {
    const full = held({ x: undefined, y: undefined, z: 1 })
    expect(refusal('s', [change('w')], full)).toMatchObject({ code: 'SESSIONMESH_SESSION_TOO_LARGE' })
    expect(refusal('s', [change('x')], full)).toBeUndefined()
  })

  test('a session at its limit can still lose attributes', () => {
    expect(refusal('s', [{ name: 'x', value: undefined }], held({ x: 1, y: 1, z: 1 }))).toBeUndefined()
  })
})
