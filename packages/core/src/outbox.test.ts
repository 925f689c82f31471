/** What is written in one turn of the loop goes out as one message. */

import { describe, expect, test } from 'vitest'
import { Net } from '../test/harness.js'

describe('what is written in one turn', () => {
  test('is sent at its end as one message to every peer', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    for (let i = 0; i < 10; i++) a.write(`s${i}`, { x: `${i}` })
    expect(a.sentOf('delta')).toEqual([])
    net.settle()
    for (const peer of [b, c]) {
      const sent = a.sentOf('delta', peer)
      expect(sent.map(({ deltas }) => deltas.length)).toEqual([10])
      expect(sent[0]?.wantsAck).toBe(false)
      expect(peer.keys()).toHaveLength(10)
    }
    expect(a.replica.counters.deltasSent).toBe(20)
  })

  test('asks for one flush, and none again before that', () => {
    const net = new Net()
    const [a] = net.cluster('a', 'b')
    const flushes = (sid: string) =>
      a.replica.write(sid, new Map([['x', 1]]), {}, a.now).effects.filter(({ type }) => type === 'flush')
    expect([flushes('s').length, flushes('t').length]).toEqual([1, 0])
    a.act(a.replica.flush(a.now))
    expect(flushes('u')).toHaveLength(1)
  })

  test('is split when it is more than maxBatchBytes, without a gap between the parts', () => {
    const net = new Net({ maxBatchBytes: 4_000 })
    const [a, b] = net.cluster('a', 'b')
    for (let i = 0; i < 10; i++) a.write(`s${i}`, { x: 'x'.repeat(1_000) })
    net.settle()
    const sent = a.sentOf('delta', b)
    expect(sent.map(({ deltas }) => deltas.length)).toEqual([3, 3, 3, 1])
    expect(sent.slice(1).map(({ previous }) => previous)).toEqual(sent.slice(0, -1).map(({ upTo }) => upTo))
    expect(b.state()).toEqual(a.state())
    expect([b.replica.counters.gaps, b.sentOf('pull')]).toEqual([0, []])
  })

  test('that is bigger than maxBatchBytes on its own goes alone', () => {
    const net = new Net({ maxBatchBytes: 1_000 })
    const [a, b] = net.cluster('a', 'b')
    a.write('first', { x: 'x'.repeat(5_000) })
    a.write('small', { x: '1' })
    a.write('big', { x: 'x'.repeat(5_000) })
    a.write('small too', { x: '1' })
    net.settle()
    expect(a.sentOf('delta', b).map(({ deltas }) => deltas.map(({ sid }) => sid))).toEqual([
      ['first'],
      ['small'],
      ['big'],
      ['small too'],
    ])
  })

  test('is on its way before a heartbeat that speaks for it', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    net.ms += 250
    a.tick()
    net.settle()
    expect(a.sent.filter(({ to }) => to === b.id).map(({ message }) => message.kind)).toEqual([
      'delta',
      'heartbeat',
    ])
    expect(b.replica.counters.gaps).toBe(0)
  })

  test('is not lost when there is no peer: the first to come pulls it', () => {
    const net = new Net()
    const a = net.start(net.member('a'))
    a.write('s', { x: '1' })
    net.settle()
    const b = net.start(net.member('b'), a)
    net.run(100)
    expect(b.read('s')).toEqual({ x: '1' })
  })
})

describe('a touch', () => {
  test('has a stamp as a write has, and is no write', () => {
    const net = new Net({ ttlMs: 10_000 })
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    net.run(2_000)
    const [written] = a.sentOf('delta', b)
    a.forgetLog()
    a.touch('s')
    net.settle()
    const [message] = a.sentOf('delta', b)
    const used = { stamp: message!.upTo }
    expect(message).toMatchObject({ previous: written?.upTo, deltas: [{ sid: 's', attributes: [], used }] })
    expect(b.state().digest).toEqual(a.state().digest)
    a.write('s', { x: '2' })
    net.settle()
    expect(a.sentOf('delta', b).at(-1)?.previous).toEqual(message?.upTo)
    expect([b.read('s'), b.replica.counters.gaps, a.replica.counters.writes]).toEqual([{ x: '2' }, 0, 2])
  })

  test('that is lost shows as a gap, and is pulled', () => {
    const net = new Net({ ttlMs: 10_000 })
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    net.run(2_000)
    net.hold(a, b)
    a.touch('s')
    net.settle()
    net.lose(a, b)
    net.release(a, b)
    a.write('t', { x: '1' })
    net.settle()
    expect([b.keys(), b.replica.record('s')?.used?.stamp]).toEqual([
      ['s', 't'],
      a.replica.record('s')?.used?.stamp,
    ])
  })

  test('queued with writes goes with them', () => {
    const net = new Net({ ttlMs: 10_000 })
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    net.run(2_000)
    a.forgetLog()
    a.touch('s')
    a.write('t', { x: '1' })
    net.settle()
    expect(a.sentOf('delta', b).map(({ deltas }) => deltas.map(({ sid }) => sid))).toEqual([['s', 't']])
    expect([a.replica.counters.touchesSent, a.replica.counters.deltasSent]).toEqual([1, 2])
  })
})
