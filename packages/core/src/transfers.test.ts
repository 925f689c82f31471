/** What a peer is told with a transfer beside the records that it lacks: last uses, and how far all is settled. */

import { describe, expect, test } from 'vitest'
import { seenAt } from '../test/ahead.js'
import { Net } from '../test/harness.js'
import type { Member } from '../test/member.js'
import { resolveConfig } from './config.js'
import { packMessage } from './index.js'

const TTL = 60_000
const { deadAfterMs } = resolveConfig()

const remainingMs = (member: Member) => member.replica.load('s', member.now)?.remainingMs

describe('a use that a peer was not told', () => {
  test('since its link was broken already is told when it is back, be the link found broken late', () => {
    const net = new Net({ ttlMs: TTL })
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    net.run(10_000)
    net.hold(a, b)
    a.touch('s')
    net.run(deadAfterMs / 2)
    // b finds the link broken, and a does not learn of it before b was silent for as long.
    net.lose(a, b)
    net.cut(b, a)
    net.lose(b, a)
    net.run(2 * deadAfterMs)
    expect([a.peer(b).link, b.peer(a).link]).toEqual([undefined, undefined])
    net.release(a, b)
    net.heal(a, b)
    net.run(2_000)
    expect([a.peer(b).state, remainingMs(b)]).toEqual(['alive', remainingMs(a)])
  })

  test('since it gave up one that stood still, which was told of the use meanwhile, is told when it is back', () => {
    const net = new Net({ ttlMs: TTL })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('s', { x: '1' })
    net.run(10_000)
    net.cut(a, c)
    net.freeze(b)
    a.touch('s')
    net.run(3 * deadAfterMs)
    net.thaw(b)
    net.run(2_000)
    expect([b.peer(c).state, remainingMs(b), remainingMs(c)]).toEqual([
      'alive',
      remainingMs(a),
      remainingMs(a),
    ])
  })

  test('while they were apart is told, however long that was', () => {
    const net = new Net({ ttlMs: TTL, maxTouchIntervalMs: 1_000 })
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    net.run(10_000)
    net.cut(a, b)
    net.run(5_000)
    a.touch('s')
    net.run(30_000)
    net.heal(a, b)
    net.run(2_000)
    expect([a.peer(b).state, remainingMs(b)]).toEqual(['alive', remainingMs(a)])
  })

  test('is told one that was never met, however long it was cut off from us', () => {
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
    expect(remainingMs(c)).toBe(remainingMs(a))
  })

  // It has got state from another: of what is in use here it may lack the last touch, and of the rest nothing.
  test('is told one that was never met, if it is so recent that the touch may be on its way', () => {
    const maxTouchIntervalMs = 5_000
    const net = new Net({ ttlMs: TTL, maxTouchIntervalMs })
    const [a, b] = net.cluster('a', 'b')
    for (const sid of ['s', 'not used']) a.write(sid, { x: '1' })
    net.run(10_000)
    const c = net.member('c')
    net.cut(a, c)
    net.start(c, b)
    net.run(500)
    net.kill(b)
    expect(c.keys()).toEqual(['not used', 's'])
    a.touch('s')
    net.run(maxTouchIntervalMs + 2 * deadAfterMs - 100)
    expect(remainingMs(c)).not.toBe(remainingMs(a))
    net.heal(a, c)
    net.connect(a, c)
    net.settle()
    expect(remainingMs(c)).toBe(remainingMs(a))
    expect(a.sentOf('state', c).flatMap(({ records }) => records.map(({ sid }) => sid))).toEqual(['s'])
  })
})

describe('the end of a transfer', () => {
  test('tells of origins that are gone and settled: nobody looks for what they wrote', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    b.write('s', { x: '1' })
    net.settle()
    const token = seenAt(b, 's')
    a.destroy('s')
    net.settle()
    net.kill(b)
    net.run(6_000)
    expect(a.replica.digest().map(({ origin }) => origin)).toEqual([a.id])
    const c = net.start(net.member('c'), a)
    net.run(500)
    expect(c.catchUp('s', token)).toBeUndefined()
    expect([c.replica.counters.lostWrites, c.replica.counters.staleReads, c.codes()]).toEqual([0, 0, []])
  })
})

test('of many pulls at once on one link the last is answered, when what is on its way has left', () => {
  const net = new Net()
  const [a, b] = net.cluster('a', 'b')
  a.write('s', { x: '1' })
  net.settle()
  a.forgetLog()
  for (let pull = 101; pull <= 150; pull++)
    a.act(
      a.replica.receive(a.peer(b).link ?? 0, packMessage({ kind: 'pull', pull, digest: [] }, b.id), a.now),
    )
  const answered = () => a.sentOf('state', b).map(({ pull }) => pull)
  expect(answered()).toEqual([101])
  net.settle()
  expect(answered()).toEqual([101, 150])
})
