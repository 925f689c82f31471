/** The one place where replicated state changes, on its own: what is merged, skipped, and asked for again. */

import { beforeEach, describe, expect, test } from 'vitest'
import { at, bytes, stamp } from '../test/arbitraries.js'
import { resolveConfig } from './config.js'
import { Context } from './context.js'
import type { Delta, SessionRecord } from './session.js'

let context: Context
beforeEach(() => {
  const self = { id: 'self', name: 'self', address: 'self:1' }
  context = new Context(self, 'test', resolveConfig(), Math.random, false, () => {})
})

const NOW = at(1_000, 1)
const write = (time: number, created = time): Delta => ({
  sid: 's',
  created: stamp(created),
  attributes: [{ name: 'x', value: bytes(time), stamp: stamp(time) }],
})
const touch = (time: number, created: number): Delta => ({
  sid: 's',
  created: stamp(created),
  attributes: [],
  used: { atMs: 0, stamp: stamp(time) },
})

describe('absorbing a delta', () => {
  test('merges it and raises the digest, as one step', () => {
    expect(context.absorb([write(5)], [stamp(5)], NOW)).toEqual([])
    expect(context.records.get('s')?.get('x')).toEqual(bytes(5))
    expect(context.digest.covers(stamp(5))).toBe(true)
  })

  test('skips a session that the digest covers and that is not here: it was destroyed and forgotten since', () => {
    context.digest.raise(stamp(5))
    expect(context.absorb([write(5)], [], NOW)).toEqual([])
    expect(context.records.get('s')).toBeUndefined()
  })

  test('takes a new write, or a touch, to such a session for one forgotten here and alive there', () => {
    context.digest.raise(stamp(5))
    expect(context.absorb([touch(6, 3)], [stamp(6)], NOW)).toEqual(['s'])
    expect(context.absorb([write(7, 3)], [stamp(7)], NOW)).toEqual([])
    const record = context.records.get('s')
    expect([record?.whole, record?.get('x')]).toEqual([false, bytes(7)])
  })

  test('skips a touch that the digest covers', () => {
    context.digest.raise(stamp(5))
    expect(context.absorb([touch(5, 3)], [], NOW)).toEqual([])
    expect(context.records.get('s')).toBeUndefined()
  })

  test('shows nothing of a touch that outran the session, nor if that is lost; it counts when it comes', () => {
    context.isReady = true
    const used = { atMs: 900, stamp: stamp(6, 'b') }
    const created = stamp(3)
    expect(context.absorb([{ sid: 's', created, attributes: [], used }], [used.stamp], NOW)).toEqual([])
    const record = context.records.get('s') as SessionRecord
    expect([record.isBare, context.records.isReadable(record, NOW)]).toEqual([true, false])
    context.members.isNowhere = () => true
    expect([context.records.lacksCreation(record), context.records.isReadable(record, NOW)]).toEqual([
      false,
      false,
    ])
    const creation = { ...write(3), used: { atMs: 0, stamp: created } }
    context.absorb([creation], [created], NOW)
    expect([record.idleMs(NOW), context.records.isReadable(record, NOW)]).toEqual([100, true])
  })

  test('keeps nothing of the end of a session that has not come yet, and takes its last use with it when it comes', () => {
    const [created, used] = [stamp(3), { atMs: 400, stamp: stamp(6, 'b') }]
    const end = { sid: 's', created, attributes: [], used, isEndTold: true }
    expect(context.absorb([end], [used.stamp], NOW)).toEqual([])
    expect(context.records.get('s')).toBeUndefined()
    context.absorb([{ ...write(3), used, isEndTold: true }], [created], NOW)
    const record = context.records.get('s')
    expect([record?.used, record?.idleMs(NOW)]).toEqual([used, 600])
  })

  test('takes the whole of a forgotten session although the digest covers it', () => {
    context.digest.raise(stamp(5))
    context.absorb([touch(6, 3)], [stamp(6)], NOW)
    context.absorb([write(5, 3)], [], NOW, { isWhole: true })
    const record = context.records.get('s')
    expect([record?.whole, record?.get('x')]).toEqual([true, bytes(5)])
  })

  test('lets what is written next come after all that was seen, the creation included', () => {
    context.absorb([write(50, 70)], [], NOW)
    expect(context.clock.issue(NOW)).toEqual({ time: 70, counter: 1, origin: 'self' })
    context.absorb([write(90, 70)], [], NOW)
    expect(context.clock.issue(NOW)).toEqual({ time: 90, counter: 1, origin: 'self' })
  })

  test('tells of what became readable, when all of the batch is merged', () => {
    context.isReady = true
    context.absorb([write(5), { ...write(6), sid: 't' }], [stamp(6)], NOW)
    const told = context.takeEffects().flatMap((effect) => (effect.type === 'notify' ? [effect.event] : []))
    expect(told).toMatchObject([
      { type: 'session', change: 'created', sid: 's', local: false },
      { type: 'session', change: 'created', sid: 't', local: false },
    ])
  })

  test('tells a newcomer of nothing that came before it is ready', () => {
    context.absorb([write(5)], [stamp(5)], NOW)
    context.becomeReady(NOW)
    context.absorb([write(6), { ...write(7), sid: 't' }], [stamp(7)], NOW)
    const told = context.takeEffects().flatMap((effect) => (effect.type === 'notify' ? [effect.event] : []))
    expect(told).toMatchObject([
      { type: 'ready' },
      { type: 'session', change: 'changed', sid: 's', changed: ['x'] },
      { type: 'session', change: 'created', sid: 't' },
    ])
  })
})
