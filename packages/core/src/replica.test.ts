/** Whole members against each other: convergence, asymmetric links, restarts, stalls, bad frames. */

import { describe, expect, test } from 'vitest'
import { stamp } from '../test/arbitraries.js'
import { Net } from '../test/harness.js'
import { type Member, WALL_MS } from '../test/member.js'
import { packMessage, resolveConfig } from './index.js'

const converged = (...members: readonly Member[]) => {
  const [first, ...rest] = members.map((member) => member.state())
  for (const state of rest) expect(state).toEqual(first)
}

describe('a cluster', () => {
  test('shows each write on all members, as soon as the messages are there', () => {
    const net = new Net()
    const members = net.cluster('a', 'b', 'c')
    const [a, b, c] = members
    for (const [i, writer] of members.entries()) {
      writer.write('s', { ...writer.read('s'), [`by${i}`]: '1' })
      net.settle()
    }
    for (const member of members) expect(member.read('s')).toEqual({ by0: '1', by1: '1', by2: '1' })
    converged(a, b, c)
  })

  test('keeps both of two changes that two members make to different attributes at once', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('s', { x: '0', y: '0' })
    net.settle()
    const [atA, atB] = [a.base('s'), b.base('s')]
    a.write('s', { x: '1', y: '0' }, { base: atA })
    b.write('s', { x: '0', y: '2' }, { base: atB })
    net.settle()
    for (const member of [a, b, c]) expect(member.read('s')).toEqual({ x: '1', y: '2' })
    converged(a, b, c)
  })

  test('agrees on one of two changes to the same attribute', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('s', { x: '0' })
    net.settle()
    net.hold(a, b)
    net.hold(b, a)
    a.write('s', { x: '1' }, { base: a.base('s') })
    net.settle()
    net.run(10)
    b.write('s', { x: '2' }, { base: b.base('s') })
    net.settle()
    net.release(a, b)
    net.release(b, a)
    for (const member of [a, b, c]) expect(member.read('s')).toEqual({ x: '2' })
    converged(a, b, c)
  })

  test('goes by what a writer had seen, not by its clock', () => {
    const net = new Net()
    const [a, b] = [net.member('a'), net.member('b', { skewMs: -3_000 })]
    net.start(a)
    net.start(b, a)
    net.run(500)
    for (let i = 0; i < 20; i++) {
      a.write('s', { x: `a${i}` })
      net.settle()
      b.write('s', { x: `b${i}` }, { base: b.base('s') })
      net.settle()
      expect(a.read('s')).toEqual({ x: `b${i}` })
    }
  })

  test('agrees after a partition with writes and destroys on both sides', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    for (let i = 0; i < 10; i++) a.write(`s${i}`, { x: '0', y: '0' })
    net.settle()
    net.cut(a, b)
    net.cut(a, c)
    for (let i = 0; i < 10; i++) {
      a.write(`s${i}`, { x: '1', y: '0' }, { base: a.base(`s${i}`) })
      b.write(`s${i}`, { x: '0', y: '2' }, { base: b.base(`s${i}`) })
      if (i % 3 === 0) a.destroy(`s${i}`)
      if (i % 4 === 0) c.destroy(`s${i}`)
    }
    net.run(10_000)
    net.heal(a, b)
    net.heal(a, c)
    net.run(2_000)
    converged(a, b, c)
    expect(a.keys()).toEqual(['s1', 's2', 's5', 's7'])
    for (const sid of a.keys()) expect(c.read(sid)).toEqual({ x: '1', y: '2' })
  })

  test('passes data on: a and c have no link, and everything comes by way of b', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    net.cut(a, c)
    net.run(500)
    for (let i = 0; i < 20; i++) {
      a.write('s', { x: `${i}` })
      c.write('t', { x: `${i}` })
      net.run(300)
    }
    net.run(2_000)
    converged(a, b, c)
    // Vouched for by b, neither is dead to the other; the sessions keep their owner.
    expect([a.peer(c).state, c.peer(a).state]).toEqual(['suspect', 'suspect'])
    expect([...a.told('takeover'), ...c.told('takeover')]).toEqual([])
    expect(c.replica.owner('s', c.now)).toBe(a.id)
  })

  test('takes back a member that restarted at its address at once, and forgets its former run', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    b.write('s', { x: '1' })
    net.settle()
    net.kill(b)
    const again = net.start(net.member('b'), a)
    net.run(500)
    expect([a.peer(b).state, a.peer(again).state]).toEqual(['left', 'alive'])
    expect(again.read('s')).toEqual({ x: '1' })
    converged(a, again)
  })
})

describe('a member that stood still', () => {
  /** Frozen while the others write. */
  function frozen(ms: number) {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('s', { x: '0' })
    net.settle()
    for (const member of [a, b, c]) member.forgetLog()
    net.freeze(c)
    a.write('s', { x: '1' })
    net.run(ms)
    return { net, a, b, c }
  }

  test('is suspect, then dead to the others, and alive again when it goes on', () => {
    const { net, a, b, c } = frozen(5_000)
    expect(a.told('member').map(({ state }) => state)).toEqual(['suspect', 'dead'])
    expect(a.told('takeover')).toHaveLength(1)
    expect(a.peer(c).link).toBeUndefined()
    net.thaw(c)
    net.run(2_000)
    expect([a.peer(c).state, b.peer(c).state]).toEqual(['alive', 'alive'])
    converged(a, b, c)
  })

  test.each([true, false])('accuses nobody, even when its timers run first (%s)', (timersFirst) => {
    const { net, a, c } = frozen(1_600)
    net.thaw(c, { timersFirst })
    net.run(2_000)
    expect(c.told('member')).toEqual([])
    expect(c.told('takeover')).toEqual([])
    expect(c.replica.counters.stalls).toBe(1)
    expect(c.peer(a).state).toBe('alive')
  })

  test('lets no read pass until it has caught up', () => {
    const { net, c } = frozen(1_600)
    net.freeze(c)
    // Thawed: the first thing that it does is serve a request, before it has read what was sent meanwhile.
    const wait = c.catchUp('s', [])
    expect(wait).toBeDefined()
    expect(c.caughtUp).toEqual([])
    net.thaw(c)
    expect(c.caughtUp).toEqual([{ wait, isStale: false }])
    expect(c.read('s')).toEqual({ x: '1' })
    expect(c.catchUp('s', [])).toBeUndefined()
  })

  test('lets no read pass even when its monotonic clock stood still with its host', () => {
    const { net, c } = frozen(1_600)
    c.wasSuspended(1_600)
    const wait = c.catchUp('s', [])
    expect(wait).toBeDefined()
    net.thaw(c)
    expect(c.caughtUp).toEqual([{ wait, isStale: false }])
    expect([c.read('s'), c.replica.counters.stalls]).toEqual([{ x: '1' }, 1])
  })

  test('waits no longer than others for what nobody has, once it has caught up', () => {
    const { net, a, c } = frozen(1_600)
    const { waitMs, askTimeoutMs } = resolveConfig()
    const wait = c.catchUp('s', [stamp(WALL_MS + 9_000, a.id)])
    net.thaw(c)
    expect(c.catchUp('s', [])).toBeUndefined()
    net.run(waitMs)
    expect([c.caughtUp, c.replica.counters.fetches]).toEqual([[], 1])
    net.run(askTimeoutMs)
    expect(c.caughtUp).toEqual([{ wait, isStale: true }])
  })

  test('notices it whatever input comes first', () => {
    const { c } = frozen(1_600)
    c.act(c.replica.drained(1, c.now))
    expect([c.replica.counters.stalls, c.replica.isBehind]).toEqual([1, true])
  })

  test('goes on alone after deadAfterMs when nobody is there any more', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    net.settle()
    net.freeze(b)
    net.run(3_000)
    net.kill(a)
    net.thaw(b)
    expect(b.catchUp('s', [])).toBeDefined()
    net.run(2_500)
    expect(b.caughtUp).toHaveLength(1)
    expect(b.catchUp('s', [])).toBeUndefined()
    expect(b.read('s')).toEqual({ x: '1' })
  })

  test('does not wait for ever for a member that it cannot reach, and others can', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    net.cut(a, c)
    net.run(500)
    net.freeze(c)
    net.run(1_600)
    net.thaw(c)
    const wait = c.catchUp('s', [])
    expect(wait).toBeDefined()
    net.run(2_500)
    expect([c.peer(a).state, c.peer(b).state]).toEqual(['suspect', 'alive'])
    expect(c.catchUp('s', [])).toBeUndefined()
  })

  test('a tick that is a little late is no stall', () => {
    const net = new Net()
    const [a] = net.cluster('a', 'b')
    net.freeze(a)
    net.run(400)
    net.thaw(a, { timersFirst: true })
    expect(a.replica.counters.stalls).toBe(0)
    expect(a.catchUp('s', [])).toBeUndefined()
  })
})

describe('a bad frame', () => {
  test('cuts its link with a reason, harms nobody else, and the link comes back', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('s', { x: '1' })
    net.settle()
    const link = b.peer(a).link
    b.act(b.replica.receive(link ?? 0, ['nonsense'], b.now))
    expect(b.codes()).toEqual(['SESSIONMESH_BAD_FRAME'])
    expect(b.peer(a).link).toBeUndefined()
    expect(b.peer(c).link).toBeDefined()
    net.settle()
    expect(a.codes()).toEqual(['SESSIONMESH_BAD_FRAME'])
    // Whatever was wrong with it may be wrong again: not at once.
    expect([...a.dials, ...b.dials]).toEqual([])
    net.run(1_000)
    expect(b.peer(a).state).toBe('alive')
    converged(a, b, c)
  })

  test('of writes in the name of another member is one', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    const stamp = { time: c.now.wallMs, counter: 0, origin: c.id }
    const forged = {
      kind: 'delta' as const,
      sentMs: 0,
      previous: undefined,
      upTo: { ...stamp, origin: a.id },
      deltas: [{ sid: 's', created: stamp, attributes: [], lifetime: { ttlMs: 1, stamp } }],
      wantsAck: false,
    }
    b.act(b.replica.receive(b.peer(a).link ?? 0, packMessage(forged, a.id), b.now))
    expect(b.codes()).toEqual(['SESSIONMESH_BAD_FRAME'])
    expect(b.state().sessions).toEqual({})
  })

  test('of an ack of what another member wrote is one, and counts for nothing', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    net.hold(c, a)
    c.write('s', { x: '1' })
    net.settle()
    const [upTo] = c.replica.digest()
    if (upTo === undefined) throw new Error('c has written nothing')
    b.act(b.replica.receive(b.peer(a).link ?? 0, packMessage({ kind: 'ack', upTo }, a.id), b.now))
    expect([b.codes(), b.peer(a).link, b.peer(a).digest.covers(upTo)]).toEqual([
      ['SESSIONMESH_BAD_FRAME'],
      undefined,
      false,
    ])
    expect(b.peer(c).link).toBeDefined()
    net.settle()
    expect(a.codes()).toEqual(['SESSIONMESH_BAD_FRAME'])
  })

  test('is followed by a redial soon, however long its sender could not be reached before', () => {
    const net = new Net()
    const a = net.member('a')
    a.isDown = true
    const b = net.start(net.member('b'), a)
    net.run(20_000)
    a.isDown = false
    net.start(a)
    net.run(2_000)
    b.act(b.replica.receive(b.peer(a).link ?? 0, ['nonsense'], b.now))
    // Only b dials.
    net.freeze(a)
    b.forgetLog()
    net.run(1.5 * resolveConfig().dialBackoffMs)
    expect(b.dials).toEqual([a.address])
  })

  test('on a link that is no more is nothing', () => {
    const net = new Net()
    const [a] = net.cluster('a', 'b')
    expect(a.replica.linkDown(12_345, 'SESSIONMESH_BAD_FRAME', a.now)).toEqual([])
  })
})

describe('the next tick', () => {
  test('is due with the next heartbeat, the next dial, the next missed ack or the end of a wait', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    a.tick()
    const inMs = () => a.nextTickMs - net.ms
    expect(inMs()).toBe(250)
    net.hold(a, b)
    a.catchUp('s', [{ time: a.now.wallMs, counter: 0, origin: b.id }])
    expect(inMs()).toBe(50)
    net.kill(b)
    expect(inMs()).toBe(50)
    net.run(50)
    expect(a.peer(b).state).toBe('dead')
  })

  test('an idle pair sends heartbeats and nothing else', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    net.run(10_000)
    expect(a.sent.map(({ message }) => message.kind)).toEqual(Array(40).fill('heartbeat'))
    expect(b.sent.length).toBe(40)
  })
})
