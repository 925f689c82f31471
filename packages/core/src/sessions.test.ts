/** What an application does with sessions: writes, lifetimes, touches, destroys, and the events of it. */

import { describe, expect, test } from 'vitest'
import { Net } from '../test/harness.js'

const alone = (config = {}) => {
  const net = new Net(config)
  const member = net.start(net.member('a'))
  net.settle()
  member.forgetLog()
  return { net, member }
}

describe('a write', () => {
  test('creates a session, changes it, or leaves it as it is', () => {
    const { member } = alone()
    const created = member.write('s', { x: '1', y: '2' })
    expect([created.outcome, created.changed]).toEqual(['created', ['x', 'y']])
    const changed = member.write('s', { x: '1', y: '3' })
    expect([changed.outcome, changed.changed]).toEqual(['changed', ['y']])
    const unchanged = member.write('s', { x: '1', y: '3' })
    expect([unchanged.outcome, unchanged.changed]).toEqual(['unchanged', []])
    expect(member.read('s')).toEqual({ x: '1', y: '3' })
  })

  test('without a base replaces the whole: what it does not name is removed', () => {
    const { member } = alone()
    member.write('s', { x: '1', y: '2' })
    expect(member.write('s', { y: '2' }).changed).toEqual(['x'])
    expect(member.read('s')).toEqual({ y: '2' })
  })

  test('of an empty session is a session', () => {
    const { member } = alone()
    expect(member.write('s', {}).outcome).toBe('created')
    expect(member.read('s')).toEqual({})
  })

  test('with a base changes only what differs from what was loaded', () => {
    const { member } = alone()
    member.write('s', { x: '1', y: '1' })
    const base = member.base('s')
    member.write('s', { x: '2', y: '1', z: '1' })
    const { changed } = member.write('s', { x: '1', y: '5' }, { base })
    expect(changed).toEqual(['y'])
    expect(member.read('s')).toEqual({ x: '2', y: '5', z: '1' })
  })

  test('gives the base for the next write of the same request', () => {
    const { member } = alone()
    const { base } = member.write('s', { x: '1' })
    member.write('s', { x: '1', other: '1' })
    const next = member.write('s', { x: '2' }, { base })
    expect([next.changed, member.read('s')]).toEqual([['x'], { x: '2', other: '1' }])
  })

  test('with a base to a session that is gone is dropped, counted and told', () => {
    const { net, member } = alone({ ttlMs: 1_000 })
    member.write('destroyed', { x: '1' })
    member.write('expired', { x: '1' })
    const bases = { destroyed: member.base('destroyed'), expired: member.base('expired') }
    member.destroy('destroyed')
    net.run(1_000)
    for (const sid of ['destroyed', 'expired'] as const) {
      member.forgetLog()
      const written = member.write(sid, { x: '2' }, { base: bases[sid], acks: 'one' })
      expect(written).toEqual({ outcome: 'dropped', changed: [], base: undefined, ack: undefined })
      expect(member.codes()).toEqual(['SESSIONMESH_WRITE_DROPPED'])
      expect(member.read(sid)).toBeUndefined()
    }
    expect(member.replica.counters.writesDropped).toBe(2)
  })

  test('without a base to a destroyed session is dropped as well: ids are never used again', () => {
    const { member } = alone()
    member.write('s', { x: '1' })
    member.destroy('s')
    expect(member.write('s', { x: '2' }).outcome).toBe('dropped')
    expect(member.read('s')).toBeUndefined()
  })

  test('without a base to an expired session creates it anew, with nothing of what it had', () => {
    const { net, member } = alone({ ttlMs: 1_000 })
    member.write('s', { x: '1', old: '1' })
    net.run(1_000)
    expect(member.write('s', { x: '1' }).outcome).toBe('created')
    expect(member.read('s')).toEqual({ x: '1' })
  })

  test('that is refused changes nothing', () => {
    const { member } = alone({ maxSessionBytes: 100 })
    member.write('s', { x: '1' })
    const digest = member.state()
    for (const data of [{ x: 'x'.repeat(200) }, { constructor: '1', x: '2' }])
      expect(() => member.write('s', data)).toThrow(expect.objectContaining({ name: 'SessionMeshError' }))
    expect(member.state()).toEqual(digest)
    expect(member.read('s')).toEqual({ x: '1' })
  })
})

describe('the lifetime', () => {
  test('is the default, or what the writer names, and stays until another is named', () => {
    const { net, member } = alone({ ttlMs: 5_000 })
    const ttlMs = (sid: string) => member.replica.load(sid, member.now)?.ttlMs
    member.write('s', { x: '1' })
    member.write('t', { x: '1' }, { ttlMs: 800 })
    expect([ttlMs('s'), ttlMs('t')]).toEqual([5_000, 800])
    member.write('t', { x: '2' })
    expect(ttlMs('t')).toBe(800)
    member.write('t', { x: '2' }, { ttlMs: 900 })
    expect(ttlMs('t')).toBe(900)
    member.touch('t', 700)
    expect(ttlMs('t')).toBe(700)
    net.run(699)
    expect(member.replica.load('t', member.now)?.remainingMs).toBe(1)
    net.run(1)
    expect(member.read('t')).toBeUndefined()
  })

  test('is renewed by a write and by a touch, and not by a load', () => {
    const { net, member } = alone({ ttlMs: 1_000 })
    for (const sid of ['written', 'touched', 'loaded']) member.write(sid, { x: '1' })
    net.run(600)
    member.write('written', { x: '2' })
    expect(member.touch('touched')).toBe(true)
    member.read('loaded')
    net.run(600)
    expect(member.keys()).toEqual(['touched', 'written'])
    expect(member.touch('loaded')).toBe(false)
  })

  test('a change of it alone travels as one small write', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    net.settle()
    a.forgetLog()
    a.touch('s', 77_000)
    net.settle()
    const [message] = a.sentOf('delta')
    expect(message?.deltas).toMatchObject([{ attributes: [], lifetime: { ttlMs: 77_000 } }])
    expect(b.replica.load('s', b.now)?.ttlMs).toBe(77_000)
    expect(b.state()).toEqual(a.state())
  })

  test('does not travel with a change of something else', () => {
    const net = new Net()
    const [a] = net.cluster('a', 'b')
    a.write('s', { x: '1' }, { ttlMs: 5_000 })
    net.settle()
    a.write('s', { x: '2' })
    net.settle()
    const lifetimes = a.sentOf('delta').flatMap(({ deltas }) => deltas.map(({ lifetime }) => lifetime?.ttlMs))
    expect(lifetimes).toEqual([5_000, undefined])
  })
})

describe('touches', () => {
  test('of a request that only reads send nothing', () => {
    const net = new Net({ ttlMs: 100_000 })
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    net.settle()
    a.forgetLog()
    for (let i = 0; i < 100; i++) {
      a.write('s', { x: '1' }, { base: a.base('s') })
      a.touch('s')
      net.run(90)
    }
    expect(a.sentOf('delta')).toEqual([])
    expect([a.replica.counters.touches, a.replica.counters.touchesSent, b.read('s')]).toEqual([
      200,
      0,
      { x: '1' },
    ])
  })

  test('are sent once per tenth of the ttl, and keep the session alive everywhere', () => {
    const net = new Net({ ttlMs: 10_000 })
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    net.settle()
    a.forgetLog()
    for (let ms = 0; ms < 60_000; ms += 100) {
      a.touch('s')
      net.run(100)
      expect(b.read('s')).toBeDefined()
    }
    expect(a.sentOf('delta', b).length).toBeGreaterThan(54)
    expect(a.sentOf('delta', b).length).toBeLessThanOrEqual(60)
    expect(b.told('session')).toHaveLength(1)
  })

  test('are not sent by one member for what another has just told', () => {
    const net = new Net({ ttlMs: 10_000 })
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    net.run(1_000)
    a.touch('s')
    net.run(500)
    b.forgetLog()
    b.touch('s')
    net.settle()
    expect(b.sentOf('delta')).toEqual([])
  })
})

describe('a destroy', () => {
  test('ends the session everywhere, and tells so', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    net.settle()
    b.forgetLog()
    expect(b.destroy('s')).toEqual({ destroyed: true, ack: undefined })
    expect(b.destroy('s')).toEqual({ destroyed: false, ack: undefined })
    net.settle()
    expect(b.sentOf('delta').map(({ deltas }) => deltas.length)).toEqual([1])
    expect([a.read('s'), b.read('s'), a.replica.size, a.replica.tombstones]).toEqual([
      undefined,
      undefined,
      0,
      1,
    ])
    expect([...a.told('session'), ...b.told('session')].map(({ change, owned }) => [change, owned])).toEqual([
      ['created', true],
      ['destroyed', false],
      ['destroyed', true],
    ])
  })

  test('of an unknown id marks it: its creation may be on its way', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    net.hold(a, b)
    a.write('s', { x: '1' })
    net.settle()
    expect(b.destroy('s').destroyed).toBe(false)
    net.settle()
    net.release(a, b)
    expect([a.read('s'), b.read('s')]).toEqual([undefined, undefined])
    expect(b.state()).toEqual(a.state())
    expect(b.told('session')).toEqual([])
  })

  test('drops the write of a request that was in flight, here and on another member', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    net.settle()
    const [here, there] = [a.base('s'), b.base('s')]
    net.hold(a, b)
    a.destroy('s')
    expect(a.write('s', { x: '2' }, { base: here }).outcome).toBe('dropped')
    // b has not heard of it: its write comes later than the destroy, by its stamp too, and is in vain.
    net.run(50)
    expect(b.write('s', { x: '3' }, { base: there }).outcome).toBe('changed')
    net.settle()
    net.release(a, b)
    expect([a.read('s'), b.read('s')]).toEqual([undefined, undefined])
    expect(b.state()).toEqual(a.state())
  })

  test('of an id that is none is refused', () => {
    const { member } = alone()
    expect(() => member.destroy('')).toThrow(expect.objectContaining({ code: 'SESSIONMESH_BAD_SESSION_ID' }))
  })
})
