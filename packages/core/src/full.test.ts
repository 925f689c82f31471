/** The most sessions that there may be: what is refused then, and what goes on. */

import { describe, expect, test } from 'vitest'
import { Net } from '../test/harness.js'
import type { Member } from '../test/member.js'
import { graceMs, resolveConfig } from './config.js'

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
