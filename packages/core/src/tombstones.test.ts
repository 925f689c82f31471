/** Tombstones and dead origins: kept as long as anybody may need them, and no longer. */

import { describe, expect, test } from 'vitest'
import { Net } from '../test/harness.js'
import type { Member } from '../test/member.js'

describe('a tombstone', () => {
  test('is dropped on all members once all have merged it', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('s', { x: '1' })
    net.settle()
    a.destroy('s')
    net.settle()
    expect([a, b, c].map(({ replica }) => replica.tombstones)).toEqual([1, 1, 1])
    net.run(4_000)
    expect([a, b, c].map(({ replica }) => replica.tombstones)).toEqual([0, 0, 0])
  })

  test('waits for a member that is cut off, through its death, and keeps it from bringing the session back', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('s', { x: '1' })
    net.settle()
    net.cut(a, c)
    net.cut(b, c)
    a.destroy('s')
    net.run(30_000)
    expect(a.peer(c).state).toBe('dead')
    expect([a.replica.tombstones, b.replica.tombstones, c.keys()]).toEqual([1, 1, ['s']])
    c.write('s', { x: '2' }, { base: c.base('s') })
    net.heal(a, c)
    net.heal(b, c)
    net.run(5_000)
    for (const member of [a, b, c]) expect([member.keys(), member.replica.tombstones]).toEqual([[], 0])
    expect([b.state(), c.state()]).toEqual([a.state(), a.state()])
  })

  test('does not wait for a member that left, nor for one that started anew', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('s', { x: '1' })
    net.settle()
    net.hold(a, b)
    net.hold(a, c)
    a.destroy('s')
    net.settle()
    c.act(c.replica.leave(c.now))
    net.settle()
    net.kill(c)
    net.kill(b)
    net.run(3_000)
    expect([a.peer(c).state, a.peer(b).state, a.replica.tombstones]).toEqual(['left', 'dead', 1])
    net.start(net.member('b'), a)
    net.run(4_000)
    expect([a.peer(b).state, a.replica.tombstones]).toEqual(['left', 0])
  })

  test('does not wait for the former run of the member itself, though nobody saw who took its place', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    net.kill(b)
    net.run(500)
    expect(a.peer(b).state).toBe('dead')
    // Its new run gets a's hello, which names the former one as dead, and then nothing more.
    const again = net.member('b')
    net.hold(a, again)
    net.start(again, a)
    net.settle()
    net.kill(a)
    net.run(6_000)
    const waitedFor = again.replica.peers().filter(({ state }) => state !== 'left')
    expect([again.replica.isReady, waitedFor.map(({ id }) => id)]).toEqual([true, [a.id]])
    again.write('s', { x: '1' })
    again.destroy('s')
    const next = net.start(net.member('a'), again)
    net.run(4_000)
    expect(again.peer(next).state).toBe('alive')
    expect([again.replica.tombstones, next.replica.tombstones]).toEqual([0, 0])
  })

  test('is not waited for once the dead member is forgotten, by all of them', () => {
    const net = new Net({ forgetDeadAfterMs: 10_000 })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('s', { x: '1' })
    net.settle()
    net.kill(c)
    a.destroy('s')
    net.run(8_000)
    expect([a.replica.tombstones, b.replica.tombstones]).toEqual([1, 1])
    net.run(10_000)
    expect([a.replica.peers().length, b.replica.peers().length]).toEqual([1, 1])
    expect([a.replica.tombstones, b.replica.tombstones]).toEqual([0, 0])
  })

  test('that a joiner takes over does not wait at it for the dead that have it', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('s', { x: '1' })
    net.settle()
    a.destroy('s')
    net.run(300)
    net.kill(b)
    const d = net.start(net.member('d'), c)
    net.run(5_000)
    expect([a.peer(b).state, d.peer(b).state]).toEqual(['dead', 'dead'])
    expect([a.replica.tombstones, d.replica.tombstones]).toEqual([0, 0])
  })
})

describe('the grace', () => {
  const GRACE = 60_000
  const TTL = 10_000

  test('keeps a tombstone, a marker and an expired record that all known members have, and no longer', () => {
    const net = new Net({ tombstoneGraceMs: GRACE, ttlMs: TTL })
    const members = net.cluster('a', 'b')
    const [a, b] = members
    a.write('destroyed', { x: '1' })
    a.write('expired', { x: '1' })
    a.write('in use', { x: '1', y: '1' }, { ttlMs: 10 * GRACE })
    net.settle()
    a.destroy('destroyed')
    a.write('in use', { x: '1' }, { base: a.base('in use') })
    // The marker of the last write stays in any case.
    a.write('in use', { x: '2' })
    const held = ({ replica }: Member) => [
      replica.tombstones,
      replica.record('expired') !== undefined,
      replica.record('in use')?.names,
    ]
    net.run(GRACE - 100)
    expect([a.keys(), b.keys()]).toEqual([['in use'], ['in use']])
    expect(members.map(held)).toEqual([1, 2].map(() => [1, true, 2]))
    net.run(3_000)
    expect(members.map(held)).toEqual([1, 2].map(() => [0, false, 1]))
  })

  test('is longer than a joiner stays unknown whose only acquaintance died: what was destroyed stays gone', () => {
    const net = new Net({ tombstoneGraceMs: GRACE })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('s', { x: '1' })
    net.settle()
    const joiner = net.member('joiner')
    for (const other of [a, b]) {
      net.cut(joiner, other)
      net.hold(c, other)
    }
    net.start(joiner, c)
    net.run(500)
    expect(joiner.keys()).toEqual(['s'])
    // Its next run knows as little of the joiner, and nobody waits for the former one.
    const again = net.member('c')
    net.cut(joiner, again)
    net.kill(c)
    net.start(again, a, b)
    net.run(2_000)
    expect([a, b, again].map(({ replica }) => replica.peers().some(({ id }) => id === joiner.id))).toEqual([
      false,
      false,
      false,
    ])
    a.destroy('s')
    net.run(GRACE / 2)
    expect(joiner.touch('s')).toBe(true)
    for (const other of [a, b, again]) net.heal(joiner, other)
    net.run(GRACE)
    for (const member of [a, b, again, joiner]) {
      expect([member.keys(), member.replica.tombstones]).toEqual([[], 0])
    }
  })
})

describe('the digest', () => {
  test('loses an origin that is dead and of which no record bears a stamp, on all members', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    c.write('s', { x: '1' })
    c.write('t', { x: '1' })
    net.settle()
    net.kill(c)
    net.run(5_000)
    expect(a.replica.digest().map(({ origin }) => origin)).toEqual([c.id])
    a.destroy('s')
    a.destroy('t')
    net.settle()
    // The dead has to be forgotten first: the tombstones wait for it.
    const again = net.start(net.member('c'), a, b)
    net.run(6_000)
    for (const member of [a, b, again])
      expect(member.replica.digest().map(({ origin }) => origin)).toEqual([a.id])
    expect([b.state(), again.state()]).toEqual([a.state(), a.state()])
    expect([a.replica.counters.gaps, b.replica.counters.gaps]).toEqual([0, 0])
  })

  test('loses the origin of a session that another has destroyed, before the tombstone goes', () => {
    const net = new Net({ tombstoneGraceMs: 60_000 })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    c.write('s', { x: '1' })
    net.settle()
    net.kill(c)
    a.destroy('s')
    net.run(5_000)
    for (const { replica } of [a, b]) {
      expect([replica.tombstones, replica.digest().map(({ origin }) => origin)]).toEqual([1, [a.id]])
    }
  })
})
