/** How many peers hold a write before its promise resolves, and when that will never be. */

import { describe, expect, test } from 'vitest'
import { Net } from '../test/harness.js'
import type { Member } from '../test/member.js'
import { resolveConfig } from './config.js'

const config = resolveConfig()

describe('acks', () => {
  test('none: nothing is asked for, and nothing follows', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    expect(a.write('s', { x: '1' }).ack).toBeUndefined()
    net.run(5_000)
    expect([a.acked, b.sentOf('ack')]).toEqual([[], []])
  })

  test('one: is there with the first of two peers', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    net.hold(a, c)
    const { ack } = a.write('s', { x: '1' }, { acks: 'one' })
    expect(a.acked).toEqual([])
    net.settle()
    expect(a.acked).toEqual([{ ack, peers: 1 }])
    expect([b.read('s'), c.read('s')]).toEqual([{ x: '1' }, undefined])
  })

  test('one: of a save that is repeated, waits for what was missed, whoever wrote to the session meanwhile', () => {
    const net = new Net({ ackTimeoutMs: 500 })
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { base: '1' })
    net.settle()
    net.hold(a, b)
    a.write('s', { base: '1', order: 'paid' }, { acks: 'one' })
    b.write('s', { base: '1', seen: 'page' })
    net.run(500)
    expect(a.acked).toMatchObject([{ missing: 'SESSIONMESH_ACK_TIMEOUT' }])
    const again = a.write('s', { base: '1', order: 'paid', seen: 'page' }, { acks: 'one' })
    expect([again.outcome, a.acked.length]).toEqual(['unchanged', 1])
    net.release(a, b)
    expect(b.read('s')).toMatchObject({ order: 'paid' })
    expect(a.acked.slice(1)).toEqual([{ ack: again.ack, peers: 1 }])
  })

  test('all: is there with the last', () => {
    const net = new Net()
    const [a, , c] = net.cluster('a', 'b', 'c')
    net.hold(a, c)
    const { ack } = a.write('s', { x: '1' }, { acks: 'all' })
    net.settle()
    expect(a.acked).toEqual([])
    net.release(a, c)
    expect(a.acked).toEqual([{ ack, peers: 2 }])
  })

  test('all: does not wait for who joins, whose transfer may last; a leave does', () => {
    const net = new Net({ transferChunkRecords: 1 })
    const [a, b] = net.cluster('a', 'b')
    for (const sid of ['s1', 's2', 's3']) a.write(sid, { x: '1' })
    net.settle()
    const joiner = net.member('joiner')
    net.hold(a, joiner)
    net.start(joiner, a)
    net.settle()
    expect(b.peer(joiner).isJoining).toBe(true)
    const { ack } = b.write('s', { x: '1' }, { acks: 'all' })
    net.settle()
    expect(b.acked).toEqual([{ ack, peers: 1 }])
    b.forgetLog()
    const leave = b.replica.handOver(b.now)
    b.act(leave.effects)
    net.settle()
    expect(b.acked).toEqual([])
    net.release(a, joiner)
    expect([joiner.read('s'), b.acked]).toEqual([{ x: '1' }, [{ ack: leave.ack, peers: 2 }]])
    net.run(250)
    expect(b.peer(joiner).isJoining).toBe(false)
  })

  test('all: waits for who has joined, be he just ready, or ready since his link was lost', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    const ready = net.member('ready')
    net.start(ready, a, b)
    net.settle()
    net.run(20)
    expect([ready.replica.isReady, a.peer(ready).isJoining]).toEqual([true, false])
    const cutOff = net.member('cut off')
    net.hold(cutOff, a)
    net.start(cutOff, b, a)
    net.settle()
    expect(a.peer(cutOff).isJoining).toBe(true)
    // What it says does not come any more, and later its link breaks.
    net.run(1_000)
    expect([a.peer(cutOff).isJoining, a.peer(cutOff).state]).toEqual([true, 'suspect'])
    a.write('s', { x: '0' }, { acks: 'all' })
    net.run(1_100)
    expect(a.acked.map(({ missing }) => missing)).toEqual(['SESSIONMESH_ACK_TIMEOUT'])
    a.forgetLog()
    net.cut(a, cutOff)
    net.release(cutOff, a)
    net.run(1_000)
    net.hold(b, cutOff)
    a.write('s', { x: '1' }, { acks: 'all' })
    net.run(1_100)
    expect(a.acked.map(({ peers, missing }) => [peers, missing])).toEqual([[2, 'SESSIONMESH_ACK_TIMEOUT']])
  })

  test('are not there before the peer has merged the write', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    net.hold(b, a)
    a.write('s', { x: '1' }, { acks: 'one' })
    net.settle()
    expect(b.read('s')).toEqual({ x: '1' })
    expect(a.acked).toEqual([])
    net.release(b, a)
    expect(a.acked).toHaveLength(1)
  })

  test('a destroy may ask for them too', () => {
    const net = new Net()
    const [a] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    const { ack } = a.destroy('s', 'all')
    net.settle()
    expect(a.acked).toEqual([{ ack, peers: 1 }])
  })

  test('of several writes come for each of them', () => {
    const net = new Net()
    const [a] = net.cluster('a', 'b')
    const acks = ['s', 't', 's'].map((sid, i) => a.write(sid, { x: `${i}` }, { acks: 'one' }).ack)
    net.settle()
    expect(a.acked.map(({ ack }) => ack)).toEqual(acks)
  })
})

describe('when they do not come', () => {
  test('a missed ack is never a success: told after ackTimeoutMs, with what there is', () => {
    const net = new Net()
    const [a, , c] = net.cluster('a', 'b', 'c')
    net.freeze(c)
    const { ack } = a.write('s', { x: '1' }, { acks: 'all' })
    net.run(999)
    expect(a.acked).toEqual([])
    net.run(1)
    expect(a.acked).toEqual([{ ack, peers: 1, missing: 'SESSIONMESH_ACK_TIMEOUT' }])
    expect(a.replica.counters.missedAcks).toBe(1)
    // The write stands, and still replicates.
    net.thaw(c)
    expect(c.read('s')).toEqual({ x: '1' })
  })

  test('one of nobody is missed at once', () => {
    const net = new Net()
    const a = net.start(net.member('a'))
    const { ack } = a.write('s', { x: '1' }, { acks: 'one' })
    expect(a.acked).toEqual([{ ack, peers: 0, missing: 'SESSIONMESH_NO_PEER' }])
    expect(a.read('s')).toEqual({ x: '1' })
  })

  test('all of nobody is there at once', () => {
    const net = new Net()
    const a = net.start(net.member('a'))
    const { ack } = a.write('s', { x: '1' }, { acks: 'all' })
    expect(a.acked).toEqual([{ ack, peers: 0 }])
  })

  test('the death of the last peer ends the wait for one', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    net.hold(a, b)
    const { ack } = a.write('s', { x: '1' }, { acks: 'one' })
    net.kill(b)
    net.run(200)
    expect(a.acked).toEqual([{ ack, peers: 0, missing: 'SESSIONMESH_NO_PEER' }])
  })

  test('all do not wait for one that died: the others are all that there are', () => {
    const net = new Net()
    const [a, , c] = net.cluster('a', 'b', 'c')
    net.hold(a, c)
    const { ack } = a.write('s', { x: '1' }, { acks: 'all' })
    net.settle()
    net.kill(c)
    net.run(200)
    expect(a.acked).toEqual([{ ack, peers: 1 }])
  })

  test('nor for one that left', () => {
    const net = new Net()
    const [a, , c] = net.cluster('a', 'b', 'c')
    net.hold(a, c)
    const { ack } = a.write('s', { x: '1' }, { acks: 'all' })
    c.act(c.replica.leave(c.now))
    net.settle()
    expect(a.acked).toEqual([{ ack, peers: 1 }])
  })

  test('a peer that lost the delta with its link acks by the digest that it tells later', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    net.hold(a, b)
    const { ack } = a.write('s', { x: '1' }, { acks: 'one' })
    net.settle()
    net.lose(a, b)
    net.breakLink(a, b)
    net.release(a, b)
    net.run(500)
    expect(a.acked).toEqual([{ ack, peers: 1 }])
  })
})

describe('a member that stood still', () => {
  /** For longer than ackTimeoutMs, and not so long that anybody is dead. */
  function stoodStill() {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    net.hold(b, a)
    const { ack } = a.write('s', { x: '1' }, { acks: 'one' })
    net.settle()
    net.freeze(a)
    net.run(1_600)
    net.thaw(a, { timersFirst: true })
    expect(a.acked).toEqual([])
    return { net, a, b, ack }
  }

  test('takes the ack that came meanwhile for one in time', () => {
    const { net, a, b, ack } = stoodStill()
    net.release(b, a)
    expect(a.acked).toEqual([{ ack, peers: 1 }])
  })

  test('misses one that does not come in the time that is left', () => {
    const { net, a, ack } = stoodStill()
    net.run(1_000)
    expect(a.acked).toEqual([{ ack, peers: 0, missing: 'SESSIONMESH_ACK_TIMEOUT' }])
  })

  test('gets all of the time that it lost, however it found out', () => {
    const { ackTimeoutMs, heartbeatMs } = resolveConfig()
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    net.hold(b, a)
    a.tick()
    const { ack } = a.write('s', { x: '1' }, { acks: 'one' })
    net.freeze(a)
    // Once it notices in its long turn; what it loses after that is less than it would notice.
    net.run(600)
    a.isFrozen = false
    a.write('other', { x: '1' })
    a.isFrozen = true
    net.run(200)
    net.thaw(a)
    const lostMs = 800 - heartbeatMs
    net.run(ackTimeoutMs + lostMs - 800 - 1)
    expect(a.acked).toEqual([])
    net.run(1)
    expect(a.acked).toEqual([{ ack, peers: 0, missing: 'SESSIONMESH_ACK_TIMEOUT' }])
  })
})

describe('a handover', () => {
  /** Leaves as the agent does: returns the number of the `acked` effect to come. */
  function leave(member: Member): number {
    const { ack, effects } = member.replica.handOver(member.now)
    member.act(effects)
    return ack
  }

  test('is done at once when there is nothing to hand over, or nobody to take it', () => {
    const net = new Net()
    const [a] = net.cluster('a', 'b')
    expect(a.acked).toEqual([])
    const ack = leave(a)
    expect(a.acked).toEqual([{ ack, peers: 1 }])
    const alone = new Net().cluster('c')[0]
    alone.write('s', { x: '1' })
    expect([leave(alone), alone.acked]).toEqual([1, [{ ack: 1, peers: 0 }]])
  })

  test('waits for everything written so far', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    net.hold(a, b)
    a.write('s', { x: '1' })
    net.settle()
    const ack = leave(a)
    net.run(500)
    expect(a.acked).toEqual([])
    net.release(a, b)
    net.run(250)
    expect(a.acked).toEqual([{ ack, peers: 1 }])
  })

  test('waits for what another wrote, who has died since, and is not known to be dead', () => {
    const net = new Net()
    const [a, b, d] = net.cluster('a', 'b', 'd')
    net.hold(d, b)
    d.write('s', { x: '1' })
    net.settle()
    net.lose(d, b)
    // It has only just fallen silent.
    net.freeze(d)
    net.breakLink(a, d)
    expect([a.peer(d).state, b.read('s')]).toEqual(['suspect', undefined])
    leave(a)
    expect(a.acked).toEqual([])
    net.run(2 * config.deadAfterMs)
    expect([a.acked.length, b.read('s')]).toEqual([1, { x: '1' }])
  })

  test('waits for a joiner that is being sent its state, for what others wrote as well', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    b.write('s', { x: '1' })
    net.settle()
    net.kill(b)
    net.run(config.deadAfterMs)
    const c = net.member('c')
    net.hold(a, c)
    net.start(c, a)
    net.run(100)
    const ack = leave(a)
    // (Not for so long that it gives up the silent link.)
    net.run(1.5 * config.ackTimeoutMs)
    expect([a.acked, c.replica.isReady]).toEqual([[], false])
    net.release(a, c)
    net.run(config.heartbeatMs)
    expect([a.acked, c.read('s')]).toEqual([[{ ack, peers: 1 }], { x: '1' }])
  })
})
