/** Expiry: what is over is hidden, told and forgotten, and what is in use elsewhere comes back whole. */

import { describe, expect, test } from 'vitest'
import { Net } from '../test/harness.js'
import type { Member } from '../test/member.js'
import { graceMs, resolveConfig } from './config.js'

const TTL = 10_000
const { deadAfterMs, joinTimeoutMs, sweepMs } = resolveConfig()
const GRACE = graceMs(TTL, resolveConfig())
/** Whose end nobody tells is kept so much longer, lest it be told by nobody; then the sweep comes by. */
const SWEPT = GRACE + joinTimeoutMs + deadAfterMs + 2 * sweepMs + 2_500

function ends(...members: Member[]) {
  return members.flatMap((member) => member.told('session').filter(({ change }) => change === 'expired'))
}

test('where the dead were is not dialled any more when they are forgotten', () => {
  const net = new Net({ forgetDeadAfterMs: 5_000 })
  const a = net.start(net.member('a'))
  net.settle()
  for (const name of ['b', 'c', 'd']) {
    const member = net.start(net.member(name), a)
    net.settle()
    net.kill(member)
  }
  net.run(1_000)
  expect(a.replica.peers().map(({ state }) => state)).toEqual(['dead', 'dead', 'dead'])
  expect(a.replica.candidates).toBe(3)
  net.run(10_000)
  a.dials.splice(0)
  net.run(10_000)
  expect([a.replica.candidates, a.replica.peers(), a.dials]).toEqual([0, [], []])
})

test('many sessions are looked at in ticks of their own, which put no heartbeat off', () => {
  const net = new Net({ sweepMs: 1 })
  const [a, b] = net.cluster('a', 'b')
  for (let i = 0; i < 50; i++) a.write(`s${i}`, { x: '1' })
  net.settle()
  const sentMs: number[] = []
  const gapsMs: number[] = []
  for (let ms = net.ms; ms < 5_000; ms = net.ms) {
    a.forgetLog()
    net.ms = Math.ceil(Math.min(a.nextTickMs, b.nextTickMs))
    gapsMs.push(net.ms - ms)
    for (const member of [a, b]) if (member.nextTickMs <= net.ms) member.tick()
    net.settle()
    if (a.sentOf('heartbeat', b).length > 0) sentMs.push(net.ms)
  }
  const { heartbeatMs } = resolveConfig()
  expect(Math.max(...gapsMs)).toBeLessThanOrEqual(100)
  const beatsMs = sentMs.slice(1).map((ms, i) => ms - (sentMs[i] as number))
  expect([...new Set(beatsMs)]).toEqual([heartbeatMs])
})

/** Twenty sessions of a member that died: their time is over, and others answer for them. */
function leftBehind(net: Net, writer: Member): string[] {
  const sids = Array.from({ length: 20 }, (_, i) => `s${i}`)
  for (const sid of sids) writer.write(sid, { x: '1' })
  net.settle()
  net.kill(writer)
  net.run(TTL)
  return sids.sort()
}

describe('an expired session', () => {
  test('is hidden at once everywhere, told by its owner alone, and forgotten after the grace', () => {
    const net = new Net({ ttlMs: TTL })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    b.write('s', { x: '1' })
    net.settle()
    for (const member of [a, b, c]) member.forgetLog()
    net.run(TTL - 1)
    for (const member of [a, b, c]) expect(member.keys()).toEqual(['s'])
    net.run(1)
    for (const member of [a, b, c]) expect([member.keys(), member.replica.size]).toEqual([[], 1])
    net.run(SWEPT)
    for (const member of [a, b, c]) expect(member.replica.size).toBe(0)
    expect(b.told('session')).toMatchObject([{ change: 'expired', sid: 's', owned: true, local: false }])
    expect([...a.told('session'), ...c.told('session')]).toEqual([])
    expect([a, b, c].map(({ replica }) => replica.counters.expired)).toEqual([1, 1, 1])
  })

  test('whose owner died is told by the one that took it over', () => {
    const net = new Net({ ttlMs: TTL })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    b.write('s', { x: '1' })
    net.settle()
    net.kill(b)
    net.run(TTL + SWEPT)
    expect(ends(a, c)).toHaveLength(1)
  })

  test('whose owner freezes right before it would tell is told by one of the others, and once', () => {
    const net = new Net({ ttlMs: TTL })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    const sidsOf = (name: string) => Array.from({ length: 20 }, (_, i) => `${name}${i}`)
    // In its sweep a comes to them in another order than b.
    for (const sid of sidsOf('a')) a.write(sid, { x: '1' })
    for (const sid of sidsOf('b')) b.write(sid, { x: '1' })
    net.settle()
    for (const sid of sidsOf('a')) b.write(sid, { x: '2' })
    for (let ms = 0; ms < TTL + SWEPT && ends(b).length === 0; ms++) net.run(1)
    net.freeze(b)
    const told = new Set(ends(b).map(({ sid }) => sid))
    const untold = [...sidsOf('a'), ...sidsOf('b')].filter((sid) => !told.has(sid))
    expect([told.size > 0, untold.length > 0]).toEqual([true, true])
    net.run(SWEPT)
    expect(
      ends(a, c)
        .map(({ sid }) => sid)
        .sort(),
    ).toEqual(untold.sort())
    expect([a.replica.size, c.replica.size]).toEqual([0, 0])
  })

  test('whose owner had not joined yet, and dies before it has, is told by one of the others, and once', () => {
    const joinTimeoutMs = 20_000
    const net = new Net({ ttlMs: TTL, joinTimeoutMs })
    const [a, b, d] = net.cluster('a', 'b', 'd')
    const sids = leftBehind(net, d)
    net.silent.add('silent:1')
    const c = net.start(net.member('c'), a, b, 'silent:1')
    net.run(joinTimeoutMs - 1_000)
    expect([c.replica.isReady, c.replica.size]).toEqual([false, 20])
    net.kill(c)
    net.run(SWEPT + joinTimeoutMs)
    expect(
      ends(a, b)
        .map(({ sid }) => sid)
        .sort(),
    ).toEqual(sids)
    expect([a.replica.counters.expired, c.told('session')]).toEqual([20, []])
  })

  test('whose owner lives and never tells is told by another one: twice is better than never', () => {
    const net = new Net({ ttlMs: TTL })
    const [a, d] = net.cluster('a', 'd')
    const sids = leftBehind(net, d)
    // It joins for longer than anybody waits for that.
    net.silent.add('silent:1')
    const c = net.start(net.member('c', { config: { joinTimeoutMs: 10 * SWEPT } }), a, 'silent:1')
    net.run(2 * SWEPT)
    expect([c.replica.isReady, c.told('session')]).toEqual([false, []])
    expect(
      ends(a)
        .map(({ sid }) => sid)
        .sort(),
    ).toEqual(sids)
  })

  test('is told once though its owner leaves in good order right after', () => {
    const net = new Net({ ttlMs: TTL })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    b.write('s', { x: '1' })
    // Cut off, d lacks that, and all keep the session for it.
    const d = net.start(net.member('d'), a)
    net.settle()
    for (const member of [a, b, c]) net.cut(member, d)
    b.write('s', { x: '2' })
    for (let ms = 0; ms < TTL + SWEPT && ends(b).length === 0; ms++) net.run(1)
    b.act(b.replica.leave(b.now))
    net.kill(b)
    net.run(SWEPT)
    expect([a.replica.size, c.replica.size]).toEqual([1, 1])
    expect(ends(a, b, c)).toHaveLength(1)
  })

  test('is told once though it comes to a joiner who answers for it then', () => {
    const net = new Net({ ttlMs: TTL })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    const sids = Array.from({ length: 20 }, (_, i) => `s${i}`)
    for (const sid of sids) c.write(sid, { x: '1' })
    const d = net.start(net.member('d'), a)
    net.settle()
    for (const member of [a, b, c]) net.cut(member, d)
    for (const sid of sids) c.write(sid, { x: '2' })
    net.settle()
    c.act(c.replica.leave(c.now))
    net.kill(c)
    for (let ms = 0; ms < TTL + SWEPT && ends(a, b).length < 20; ms++) net.run(1)
    const e = net.start(net.member('e'), a, b)
    net.run(SWEPT)
    expect([e.replica.isReady, e.replica.size, e.keys()]).toEqual([true, 20, []])
    expect(ends(a, b, e)).toHaveLength(20)
  })

  test('is saved within the grace by a touch that was on its way', () => {
    const net = new Net({ ttlMs: TTL })
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    net.run(TTL - 100)
    net.hold(a, b)
    a.touch('s')
    net.settle()
    net.run(500)
    expect([a.keys(), b.keys()]).toEqual([['s'], []])
    net.release(a, b)
    expect(b.keys()).toEqual(['s'])
  })

  test('expires no earlier on a member that came after, or whose clock is ahead', () => {
    const net = new Net({ ttlMs: TTL })
    const a = net.start(net.member('a'))
    a.write('s', { x: '1' })
    net.run(4_000)
    const b = net.start(net.member('b', { skewMs: 9_000 }), a)
    net.run(TTL - 4_001)
    expect([a.keys(), b.keys()]).toEqual([['s'], ['s']])
    net.run(1)
    expect([a.keys(), b.keys()]).toEqual([[], []])
  })

  test('used on one side of a partition is alive on both after it: the use is told with the transfer', () => {
    const net = new Net({ ttlMs: TTL })
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    net.settle()
    net.cut(a, b)
    for (let ms = 0; ms < 8_000; ms += 500) {
      net.run(500)
      a.touch('s')
    }
    net.heal(a, b)
    net.run(1_500)
    expect(b.sentOf('pull', a).length).toBeGreaterThan(0)
    net.run(6_000)
    expect([a.keys(), b.keys()]).toEqual([['s'], ['s']])
  })
})

describe('an expired session that a cut-off member lacks', () => {
  test('is kept, hidden and told, until that member has what the digest speaks for', () => {
    const net = new Net({ ttlMs: TTL })
    const [a, b] = net.cluster('a', 'b')
    net.cut(a, b)
    a.write('s', { x: '1' })
    net.run(TTL + SWEPT)
    expect([a.keys(), a.replica.size]).toEqual([[], 1])
    expect(ends(a)).toHaveLength(1)
    net.heal(a, b)
    net.run(SWEPT)
    expect([a.replica.size, b.replica.size]).toEqual([0, 0])
    expect(ends(a, b)).toHaveLength(1)
  })
})

describe('a session forgotten here and alive there', () => {
  /** Used on a, while b was cut off for longer than its ttl. */
  function forgotten() {
    const net = new Net({ ttlMs: TTL })
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1', y: '1' })
    // Long enough for everybody to tell that he has it: for one who lacks it, it would be kept.
    net.run(300)
    net.cut(a, b)
    for (let ms = 0; ms < TTL + SWEPT; ms += 500) {
      net.run(500)
      a.touch('s')
    }
    expect([b.replica.size, a.keys()]).toEqual([0, ['s']])
    return { net, a, b }
  }

  test('comes back whole after the partition, for a touch', () => {
    const { net, a, b } = forgotten()
    net.heal(a, b)
    net.run(2_000)
    expect(b.read('s')).toEqual({ x: '1', y: '1' })
    expect(b.state()).toEqual(a.state())
    expect([a.replica.pending, b.replica.pending]).toEqual([0, 0])
  })

  test('comes back whole for a write of one attribute, and is never readable in part', () => {
    const { net, a, b } = forgotten()
    a.write('s', { x: '2', y: '1' }, { base: a.base('s') })
    net.hold(a, b)
    net.heal(a, b)
    net.run(2_000)
    for (let i = 0; i < 20 && net.inFlight(a, b).length > 0; i++) {
      net.deliverOne(a, b)
      expect([undefined, { x: '2', y: '1' }]).toContainEqual(b.read('s'))
    }
    net.release(a, b)
    net.run(500)
    expect(b.read('s')).toEqual({ x: '2', y: '1' })
    expect(b.state()).toEqual(a.state())
  })

  test('is asked of others when the one that told of it goes', () => {
    const net = new Net({ ttlMs: TTL })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('s', { x: '1', y: '1' })
    // Long enough for everybody to tell that he has it: for one who lacks it, it would be kept.
    net.run(300)
    net.cut(a, b)
    net.cut(c, b)
    for (let ms = 0; ms < TTL + SWEPT; ms += 500) {
      net.run(500)
      a.touch('s')
    }
    expect([b.replica.size, c.keys()]).toEqual([0, ['s']])
    net.heal(c, b)
    net.heal(a, b)
    net.hold(a, b)
    net.run(2_000)
    net.kill(a)
    net.run(3_000)
    expect(b.read('s')).toEqual({ x: '1', y: '1' })
    expect(b.state()).toEqual(c.state())
  })

  test('comes back whole also when its writer is dead for good', () => {
    const net = new Net({ ttlMs: TTL })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    c.write('s', { x: '1', y: '1' })
    net.run(300)
    net.kill(c)
    net.cut(a, b)
    for (let ms = 0; ms < TTL + SWEPT + 2_000; ms += 500) {
      net.run(500)
      a.touch('s')
    }
    const origins = b.replica.digest().map(({ origin }) => origin)
    expect([b.replica.size, a.keys(), origins]).toEqual([0, ['s'], [b.id]])
    net.heal(a, b)
    net.run(2_000)
    expect(b.read('s')).toEqual({ x: '1', y: '1' })
    // With it the writer is told again in b's digest, as in a's, where it never was retired.
    expect(b.state()).toEqual(a.state())
  })

  test('goes with the other if it has ended there as well by then, and its end is told once more, there', () => {
    const { net, a, b } = forgotten()
    net.run(TTL)
    for (const member of [a, b]) member.forgetLog()
    net.heal(a, b)
    for (let ms = 0; ms < 3_000 && b.replica.size === 0; ms++) net.run(1)
    expect([a.replica.size, b.replica.size, b.keys()]).toEqual([1, 1, []])
    net.run(GRACE + 2 * sweepMs)
    expect([a.replica.size, b.replica.size]).toEqual([0, 0])
    expect(ends(a, b)).toMatchObject([{ sid: 's', owned: true }])
  })

  test('is told of by who answers for it, though it had ended there before', () => {
    const net = new Net({ ttlMs: TTL })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    const sids = Array.from({ length: 20 }, (_, i) => `s${i}`)
    for (const sid of sids) c.write(sid, { x: '1' })
    net.run(300)
    net.kill(c)
    net.cut(a, b)
    for (let ms = 0; ms < TTL + SWEPT + 2_000; ms += 500) {
      net.run(500)
      for (const sid of sids) a.touch(sid)
    }
    expect([a.replica.size, b.replica.size]).toEqual([20, 0])
    net.run(TTL)
    for (const member of [a, b]) member.forgetLog()
    net.heal(a, b)
    net.run(GRACE + SWEPT)
    expect([a.replica.size, b.replica.size]).toEqual([0, 0])
    expect([ends(a).length > 0, ends(b).length > 0]).toEqual([true, true])
    const told = ends(a, b).map(({ sid }) => sid)
    expect([...new Set(told)].sort()).toEqual(sids.sort())
  })

  test('does not come back at all if its end has been told there', () => {
    const { net, a, b } = forgotten()
    net.run(TTL + GRACE + 2 * sweepMs)
    expect(ends(a)).toHaveLength(1)
    net.heal(a, b)
    for (let ms = 0; ms < 3_000 && b.replica.size === 0; ms++) net.run(1)
    expect(b.replica.size).toBe(0)
  })

  test('ends again, and its end is told again, though it was told here before', () => {
    const net = new Net({ ttlMs: TTL })
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    net.run(300)
    net.cut(a, b)
    for (let ms = 0; ms < TTL + SWEPT; ms += 500) {
      net.run(500)
      b.touch('s')
    }
    expect([ends(a).length, a.replica.size]).toEqual([1, 0])
    net.heal(a, b)
    net.run(3_000)
    expect(a.keys()).toEqual(['s'])
    net.run(TTL + SWEPT)
    expect([a.replica.size, b.replica.size, ends(a, b).length]).toEqual([0, 0, 2])
  })

  test('a session destroyed there stays gone', () => {
    const { net, a, b } = forgotten()
    a.destroy('s')
    net.heal(a, b)
    net.run(3_000)
    expect([a.read('s'), b.read('s')]).toEqual([undefined, undefined])
    expect(b.state()).toEqual(a.state())
  })
})

test('an origin that is gone stays in the digest until all have noticed its end: who lacked the last of it asks for that', () => {
  const net = new Net({ sweepMs: 100 })
  const [a, b, c] = net.cluster('a', 'b', 'c')
  a.write('s', { x: '0' })
  net.settle()
  net.hold(c, b)
  c.write('s', { x: '1' }, { base: c.base('s') })
  net.settle()
  a.write('s', { x: '2' }, { base: a.base('s') })
  c.act(c.replica.leave(c.now))
  net.settle()
  // Its host is gone with it: nobody tells b.
  c.isDown = true
  expect([a.peer(c).state, b.peer(c).state]).toEqual(['left', 'alive'])
  net.run(3_000)
  const origins = () => [a, b].map(({ replica }) => replica.digest().map(({ origin }) => origin))
  expect(origins()).toEqual([
    ['a1', 'c1'],
    ['a1', 'c1'],
  ])
  net.run(10_000)
  expect(origins()).toEqual([['a1'], ['a1']])
})
