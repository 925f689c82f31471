/** Uses have stamps, as writes have: who missed one pulls it, from whoever has it, and nobody takes one for later than it is. */

import { describe, expect, test } from 'vitest'
import { Net } from '../test/harness.js'
import type { Member } from '../test/member.js'
import { resolveConfig } from './config.js'

const { deadAfterMs } = resolveConfig()
const TTL = 60_000
const idleMs = (member: Member) => member.replica.record('s')?.idleMs(member.now)

/** Members that all hold a session, which was last used when it was made. */
function used<const T extends readonly string[]>(names: T, agoMs: number, config: object = {}) {
  const net = new Net({ ttlMs: TTL, ...config })
  const members = net.cluster(...names)
  const [first] = members as unknown as readonly Member[]
  first?.write('s', { x: '1' })
  net.run(agoMs)
  return { net, members }
}

function expectSameIdle(members: readonly Member[], atMostMs: number): void {
  for (const member of members) expect(idleMs(member)).toBe(idleMs(members[0] as Member))
  expect(idleMs(members[0] as Member)).toBeLessThanOrEqual(atMostMs)
}

describe('a use', () => {
  test('keeps a session from expiring at the other end of a chain of four, and is nowhere taken for a later one', () => {
    const ttlMs = 10_000
    const { net, members } = used(['a', 'b', 'c', 'd'], 100, { ttlMs })
    const [a, b, c, d] = members
    for (const [one, other] of [
      [a, c],
      [a, d],
      [b, d],
    ] as const)
      net.cut(one, other)
    net.run(2_000)
    for (let ms = 0; ms < 2 * ttlMs; ms += 500) {
      a.touch('s')
      net.run(500)
      expect([b.keys(), c.keys(), d.keys()]).toEqual([['s'], ['s'], ['s']])
    }
    net.run(ttlMs)
    for (const member of members) expect(member.keys()).toEqual([])
  })

  test('is told once by each of a ring, however long that takes, and the session ends', () => {
    const ttlMs = 2_000
    const { net, members } = used(['a', 'b', 'c', 'd'], 100, { ttlMs })
    const [a, b, c, d] = members
    net.cut(a, c)
    net.cut(b, d)
    net.run(500)
    for (let i = 0; i < 8; i++) {
      // Each hop takes time that no clock of a link can see.
      net.hold(a, b)
      a.touch('s')
      net.run(200)
      net.release(a, b)
      net.run(50)
    }
    net.run(3 * ttlMs)
    for (const member of members) expect(member.keys()).toEqual([])
  })

  test('reaches one that finds out later that it is cut off from its teller', () => {
    const { net, members } = used(['a', 'b', 'c'], 30_000)
    const [a, , c] = members
    net.hold(a, c)
    net.hold(c, a)
    a.touch('s')
    net.run(3 * deadAfterMs)
    expectSameIdle(members, 3 * deadAfterMs)
  })

  test('reaches one that is cut off from a teller who dies at once', () => {
    const { net, members } = used(['a', 'b', 'c'], 30_000)
    const [a, b, c] = members
    net.hold(a, c)
    a.touch('s')
    net.run(1)
    net.freeze(a)
    net.run(3 * deadAfterMs)
    expect(c.peer(a).state).toBe('dead')
    expectSameIdle([b, c], 4 * deadAfterMs)
  })

  test('is told by a leaver before it goes, also to who is not linked right now', () => {
    const { net, members } = used(['a', 'b'], 30_000)
    const [a, b] = members
    net.cut(a, b)
    net.run(500)
    a.touch('s')
    net.settle()
    a.act(a.replica.handOver(a.now).effects)
    expect(a.acked).toEqual([])
    net.heal(a, b)
    net.run(2_000)
    expect(a.acked).toMatchObject([{ peers: 1 }])
    expectSameIdle(members, 3_000)
  })

  /** Of a session that a has made c knows by b alone, who has used it. */
  function early() {
    const net = new Net({ ttlMs: TTL, gapPatienceMs: TTL, suspectAfterMs: 10_000, deadAfterMs: 10_000 })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    net.hold(a, c)
    a.write('s', { x: '1' })
    net.run(TTL / 8)
    net.hold(b, a)
    net.hold(c, b)
    b.touch('s')
    net.settle()
    return { net, a, b, c }
  }

  test('of a session of which the creation has not come yet counts when that comes', () => {
    const { net, a, b, c } = early()
    expect([b.replica.counters.touchesSent, c.keys(), c.told('session')]).toEqual([2, [], []])
    net.release(a, c)
    expect([idleMs(a), idleMs(c)]).toEqual([TTL / 8, 0])
  })

  test('of a session that died with who made it shows nothing, and nobody is told that it ends', () => {
    const { net, a, b, c } = early()
    expect(c.replica.record('s')?.isBare).toBe(true)
    net.kill(a)
    net.kill(b)
    net.run(20_000)
    expect(c.peer(a).state).toBe('dead')
    net.run(3 * TTL)
    expect([c.keys(), c.told('session')]).toEqual([[], []])
    expect(c.replica.size).toBe(0)
  })

  test('at who was shown the session ahead of what is merged there is told', () => {
    const net = new Net({ ttlMs: TTL, gapPatienceMs: TTL })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    net.hold(a, b)
    a.write('s', { x: '1' })
    net.run(TTL / 8)
    const token = a.replica.token('s', [], a.now)
    b.catchUp('s', token)
    net.run(1_000)
    expect([b.read('s'), b.replica.record('s')]).toEqual([{ x: '1' }, undefined])
    b.touch('s')
    net.settle()
    expect([idleMs(c), b.read('s')]).toEqual([0, { x: '1' }])
    net.release(a, b)
    expect([b.read('s'), idleMs(b)]).toEqual([{ x: '1' }, 0])
  })
})

describe('a use while two were apart', () => {
  test('is told when they meet, and nothing else is', () => {
    const { net, members } = used(['a', 'b'], 10_000)
    const [a, b] = members
    a.write('not used', { x: '1' })
    net.settle()
    net.cut(a, b)
    net.run(10_000)
    a.touch('s')
    net.run(20_000)
    a.forgetLog()
    net.heal(a, b)
    net.run(2_000)
    expectSameIdle(members, 22_000)
    expect(a.sentOf('state', b).flatMap(({ records }) => records.map(({ sid }) => sid))).toEqual(['s'])
  })

  test('is told although the first link after that breaks before anything has come', () => {
    const { net, members } = used(['a', 'b'], 10_000)
    const [a, b] = members
    net.cut(a, b)
    net.run(10_000)
    a.touch('s')
    net.run(10_000)
    net.hold(a, b)
    net.heal(a, b)
    for (let ms = 0; a.peer(b).link === undefined && ms < 5_000; ms += 10) net.run(10)
    expect(a.peer(b).link).toBeDefined()
    net.run(100)
    net.cut(a, b)
    net.release(a, b)
    net.run(3_000)
    net.heal(a, b)
    net.run(5_000)
    expectSameIdle(members, 20_000)
  })

  test.each([
    ['forgotten', { forgetDeadAfterMs: 10_000 }],
    ['forgotten for want of room', { maxSessions: 1, tombstoneGraceMs: 5_000 }],
  ])('for so long that one was %s is told when it is back', (_, config) => {
    const { net, members } = used(['a', 'b'], 5_000, { maxTouchIntervalMs: 2_000, ...config })
    const [a, b] = members
    net.cut(a, b)
    net.run(10_000)
    a.touch('s')
    net.run(20_000)
    expect(a.replica.peers()).toEqual([])
    net.heal(a, b)
    net.connect(a, b)
    net.run(5_000)
    expectSameIdle(members, 26_000)
  })

  test('that never met is told when they do', () => {
    const net = new Net({ ttlMs: 10 * TTL })
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    net.settle()
    const c = net.member('c')
    net.cut(a, c)
    net.start(c, b)
    net.run(6_000)
    net.kill(b)
    for (let i = 0; i < 40; i++) {
      a.touch('s')
      net.run(10_000)
    }
    net.run(5 * TTL)
    expect([a.keys(), c.keys()]).toEqual([['s'], []])
    net.heal(a, c)
    net.run(2_000)
    // (Of two uses within an interval others are told of one.)
    expect(idleMs(c)! - idleMs(a)!).toBeLessThan(TTL)
  })
})

test('the end of a session that was told reaches who cannot hear the teller', () => {
  const ttlMs = 10_000
  const { net, members } = used(['a', 'b', 'c', 'd'], 100, { ttlMs })
  const [a, , c, d] = members
  net.cut(a, c)
  net.cut(a, d)
  const isTold = () => a.told('session').some(({ change }) => change === 'expired')
  for (let ms = 0; ms < 3 * ttlMs && !isTold(); ms += 10) net.run(10)
  // Who is not told waits for joinTimeoutMs and more.
  net.run(2_000)
  expect([isTold(), d.replica.size]).toEqual([true, 0])
})
