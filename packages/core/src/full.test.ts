/** The most sessions that there may be: what is refused then, and what goes on. */

import { describe, expect, test } from 'vitest'
import { Net } from '../test/harness.js'
import type { Member } from '../test/member.js'
import { graceMs, resolveConfig } from './config.js'
import { packMessage } from './index.js'

const full = expect.objectContaining({ code: 'SESSIONMESH_TOO_MANY_SESSIONS' })

function fill(member: Member, count: number, prefix = 's'): void {
  for (let i = 0; i < count; i++) member.write(`${prefix}${i}`, { x: '1' })
}

describe('with maxSessions', () => {
  test('no other one begins, on any member; it is counted, and told', () => {
    const net = new Net({ maxSessions: 3 })
    const [a, b] = net.cluster('a', 'b')
    fill(a, 3)
    net.settle()
    for (const member of [a, b]) {
      expect(() => member.write('one more', { x: '1' })).toThrow(full)
      expect(member.replica.counters.writesRefused).toBe(1)
      expect(member.keys()).toEqual(['s0', 's1', 's2'])
    }
    net.run(1_000)
    for (const member of [a, b]) expect(member.codes()).toEqual(['SESSIONMESH_TOO_MANY_SESSIONS'])
  })

  test('those that there are go on: read, changed, touched, replicated; and one that ends makes room', () => {
    const net = new Net({ maxSessions: 3 })
    const [a, b] = net.cluster('a', 'b')
    fill(a, 3)
    net.settle()
    b.write('s1', { x: '2' }, { base: b.base('s1') })
    expect(b.touch('s2')).toBe(true)
    b.destroy('s0')
    b.write('another', { x: '1' })
    net.settle()
    for (const member of [a, b]) expect(member.keys()).toEqual(['another', 's1', 's2'])
    expect(a.read('s1')).toEqual({ x: '2' })
  })

  test('a session that is asked for by id is none that begins', () => {
    const net = new Net({ maxSessions: 1 })
    const [a, b] = net.cluster('a', 'b')
    fill(a, 1)
    net.settle()
    const base = b.base('s0')
    expect(b.write('s0', { x: '2' }, { base }).outcome).toBe('changed')
  })

  test('what is kept for who died makes room after the grace, and not a day later', () => {
    const config = { maxSessions: 10, ttlMs: 5_000, tombstoneGraceMs: 20_000 }
    const net = new Net(config)
    const [a, b] = net.cluster('a', 'b')
    const c = net.start(net.member('c'), a)
    net.settle()
    net.kill(c)
    net.run(3_000)
    fill(a, 10)
    net.run(config.ttlMs + graceMs(config.ttlMs, resolveConfig(config)) + 2_000)
    // All have expired, and c may have been the one to use them.
    expect([a.keys(), a.replica.size, a.peer(c).state]).toEqual([[], 10, 'dead'])
    expect(() => a.write('one more', { x: '1' })).toThrow(full)
    net.run(config.tombstoneGraceMs + resolveConfig().joinTimeoutMs + 5_000)
    for (const member of [a, b]) {
      expect(member.replica.peers().map(({ name }) => name)).not.toContain('c')
      expect(member.replica.size).toBe(0)
    }
    expect(a.write('one more', { x: '1' }).outcome).toBe('created')
  })

  test('so do removals that are kept for who died', () => {
    const config = { maxTombstones: 10, tombstoneGraceMs: 8_000 }
    const net = new Net(config)
    const [a] = net.cluster('a', 'b')
    const c = net.start(net.member('c'), a)
    net.settle()
    net.kill(c)
    net.run(3_000)
    for (let i = 0; i < 10; i++) a.destroy(`s${i}`)
    net.settle()
    net.run(config.tombstoneGraceMs + 3_000)
    expect([a.replica.tombstones, a.replica.peers().map(({ name }) => name)]).toEqual([0, ['b']])
    expect(a.codes()).toEqual(['SESSIONMESH_TOO_MANY_SESSIONS'])
  })

  test('parts that have as many each are one again when they meet', () => {
    const net = new Net({ maxSessions: 3 })
    const [a, b] = net.cluster('a', 'b')
    net.cut(a, b)
    fill(a, 3, 'a')
    fill(b, 3, 'b')
    net.run(5_000)
    net.heal(a, b)
    net.run(5_000)
    for (const member of [a, b]) {
      expect(member.keys()).toHaveLength(6)
      expect(() => member.write('one more', { x: '1' })).toThrow(full)
    }
  })
})

describe('a peer that brings more than four times as many', () => {
  test.each([
    ['by writes', (b: Member) => fill(b, 20)],
    [
      'by destroys of what nobody had',
      (b: Member) => Array.from({ length: 20 }, (_, i) => b.destroy(`d${i}`)),
    ],
  ])('loses its link, %s, and nothing of it is merged; both are told', (_, flood) => {
    const net = new Net({ maxSessions: 2, maxTombstones: 1 })
    const a = net.start(net.member('a'))
    const b = net.start(net.member('b', { config: { maxSessions: 1_000, maxTombstones: 1_000 } }), a)
    net.settle()
    fill(a, 1, 'kept')
    net.settle()
    flood(b)
    net.settle()
    net.run(2_000)
    expect(a.keys()).toEqual(['kept0'])
    expect(a.replica.size + a.replica.tombstones).toBe(1)
    for (const member of [a, b]) expect(member.codes()).toContain('SESSIONMESH_TOO_MANY_SESSIONS')
    expect(b.keys()).toContain('kept0')
  })
})

describe('with maxTotalBytes', () => {
  const long = 'x'.repeat(500)

  test('none grows that would make it more, new or not; what shrinks or ends makes room', () => {
    const net = new Net({ maxTotalBytes: 3_700 })
    const [a, b] = net.cluster('a', 'b')
    // (Each takes 512, 64 for its attribute, and its content.)
    for (const sid of ['s0', 's1', 's2']) a.write(sid, { x: long })
    net.settle()
    for (const member of [a, b]) {
      expect(() => member.write('s3', { x: long })).toThrow(full)
      expect(() => member.write('s0', { x: `${long}${long}` }, { base: member.base('s0') })).toThrow(full)
      expect(member.replica.counters.writesRefused).toBe(2)
    }
    b.write('s0', { x: 'short' }, { base: b.base('s0') })
    b.destroy('s1')
    net.settle()
    expect(a.write('s3', { x: long }).outcome).toBe('created')
    net.settle()
    for (const member of [a, b]) expect(member.keys()).toEqual(['s0', 's2', 's3'])
  })

  test('what is forgotten, or begins anew, is counted no more', () => {
    const net = new Net({ maxTotalBytes: 3_700, ttlMs: 1_000 })
    const [a, b] = net.cluster('a', 'b')
    for (let round = 0; round < 20; round++) {
      for (const sid of ['s0', 's1', 's2']) a.write(`${sid} ${round}`, { x: long, y: '1' })
      a.write(`s0 ${round}`, { x: long }, { base: a.base(`s0 ${round}`) })
      net.run(60_000)
      expect([a.replica.size, b.replica.size]).toEqual([0, 0])
    }
  })

  test('a peer that brings more than twice as much loses its link, by one session as by many', () => {
    for (const sids of [['s'], ['s0', 's1', 's2', 's3', 's4', 's5', 's6', 's7', 's8', 's9']]) {
      const net = new Net({ maxTotalBytes: 2_000 })
      const a = net.start(net.member('a'))
      const b = net.start(net.member('b', { config: { maxTotalBytes: 1_000_000 } }), a)
      net.settle()
      for (const [i, sid] of [
        ...sids,
        ...sids,
        ...sids,
        ...sids,
        ...sids,
        ...sids,
        ...sids,
        ...sids,
      ].entries()) {
        const held = b.read(sid)
        const base = held && b.base(sid)
        b.write(sid, { ...held, [`x${i}`]: long }, { base })
        net.settle()
      }
      const held = [...a.replica.records()].reduce((sum, { bytes }) => sum + bytes, 0)
      expect(held).toBeLessThan(4_000)
      expect(a.codes()).toContain('SESSIONMESH_TOO_MANY_SESSIONS')
    }
  })

  test('a transfer that names the same session without end is cut', () => {
    const net = new Net({ maxTotalBytes: 20_000 })
    const [a, b] = net.cluster('a', 'b')
    net.loseWrite(a, b)
    a.write('next', { x: '1' })
    net.settle()
    net.deliverOne(a, b)
    const [asked] = b.sentOf('pull', a)
    const created = { time: 1, counter: 0, origin: a.id }
    const attributes = [{ name: 'x', value: long, stamp: created }]
    b.forgetLog()
    let chunks = 0
    while (b.codes().length === 0 && chunks < 1_000) {
      chunks++
      const records = [{ sid: 'again', created, attributes }]
      const state = { kind: 'state', sentMs: 0, pull: asked?.pull ?? 0, records } as const
      b.act(b.replica.receive(b.peer(a).link ?? 0, packMessage(state, a.id), b.now))
    }
    expect([chunks < 100, b.codes()]).toEqual([true, ['SESSIONMESH_TOO_MANY_SESSIONS']])
  })
})

describe('a member that has room for less than the others have', () => {
  test('keeps them from nothing: what is over goes, and makes room', () => {
    const net = new Net({ ttlMs: 5_000, tombstoneGraceMs: 10_000 })
    const a = net.start(net.member('a', { config: { maxTotalBytes: 40_000 } }))
    net.run(5_000)
    while (a.replica.size < 30) a.write(`s${a.replica.size}`, { x: 'x'.repeat(500) })
    const b = net.start(net.member('b', { config: { maxTotalBytes: 5_000 } }), a)
    net.run(3_000)
    expect([a.codes(), b.codes()].map((codes) => codes.includes('SESSIONMESH_TOO_MANY_SESSIONS'))).toEqual([
      true,
      true,
    ])
    while (a.replica.size < 36) a.write(`s${a.replica.size}`, { x: 'x'.repeat(500) })
    expect(() => a.write('one more', { x: 'x'.repeat(3_000) })).toThrow(full)
    net.run(60_000)
    expect(a.keys()).toEqual([])
    expect(a.write('one more', { x: 'x'.repeat(3_000) }).outcome).toBe('created')
  })
})
