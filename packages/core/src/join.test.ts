/** Joining: a transfer in place, from one peer at a time, or nothing of it. */

import { describe, expect, test } from 'vitest'
import { Net } from '../test/harness.js'
import type { Member } from '../test/member.js'
import { packMessage, resolveConfig } from './index.js'

const { deadAfterMs } = resolveConfig()

const converged = (...members: readonly Member[]) => {
  const [first, ...rest] = members.map((member) => member.state())
  for (const state of rest) expect(state).toEqual(first)
}

/** A member with `count` sessions, and a small chunk: a transfer of it takes many turns. */
function loaded(count: number, config = {}): { net: Net; a: Member } {
  const net = new Net({ transferChunkRecords: 2, ...config })
  const a = net.start(net.member('a'))
  for (let i = 0; i < count; i++) a.write(`s${i}`, { x: `${i}` })
  net.settle()
  return { net, a }
}

/** A joiner to whom the only other member is about to send its state, session by session; `chunk` lets one come. */
function underWay(joinTimeoutMs?: number) {
  const net = new Net({ transferChunkRecords: 1, ...(joinTimeoutMs !== undefined && { joinTimeoutMs }) })
  const a = net.start(net.member('a'))
  for (const sid of ['s1', 's2', 's3']) a.write(sid, { x: '1' })
  const b = net.member('b')
  net.hold(a, b)
  net.start(b, a)
  const chunk = () => {
    net.settle()
    while (net.inFlight(a, b)[0]?.kind !== 'state') net.deliverOne(a, b)
    net.deliverOne(a, b)
  }
  return { net, a, b, chunk }
}

describe('a joiner whose first transfer breaks off', () => {
  test('is not ready with nothing, be it later than it waits for anybody', () => {
    const { net, a, b, chunk } = underWay(500)
    chunk()
    net.run(600)
    net.cut(a, b)
    net.run(100)
    expect(b.replica.isReady).toBe(false)
    net.heal(a, b)
    net.release(a, b)
    net.run(300)
    expect([b.replica.isReady, b.keys(), b.codes()]).toEqual([true, ['s1', 's2', 's3'], []])
  })

  test('waits for who was giving it his state as for who never answered, though he is found dead', () => {
    const { net, a, b, chunk } = underWay()
    chunk()
    net.cut(a, b)
    net.run(3_000)
    expect([b.peer(a).state, b.replica.isReady]).toEqual(['dead', false])
    net.kill(a)
    net.run(1_500)
    expect(b.replica.isReady).toBe(true)
  })

  test('is given the time that it stands still meanwhile', () => {
    const { net, a, b, chunk } = underWay(1_500)
    for (let i = 0; i < 2; i++) {
      chunk()
      net.run(900)
    }
    net.cut(a, b)
    net.run(100)
    net.freeze(b)
    net.run(2_000)
    net.heal(a, b)
    net.thaw(b, { timersFirst: true })
    expect(b.replica.isReady).toBe(false)
    net.release(a, b)
    net.run(500)
    expect([b.replica.isReady, b.keys()]).toEqual([true, ['s1', 's2', 's3']])
  })

  test('is ready in the end, and says without whose sessions, when each transfer breaks off', () => {
    const { net, a, b, chunk } = underWay(500)
    for (let times = 0; times < 11; times++) {
      expect(b.replica.isReady).toBe(false)
      chunk()
      net.breakLink(a, b)
      net.run(200)
    }
    net.cut(a, b)
    net.run(600)
    expect([b.replica.isReady, b.keys(), b.codes()]).toEqual([true, [], ['SESSIONMESH_JOIN_TIMEOUT']])
    expect(b.told('warning')[0]?.message).toMatch(
      /^a at a:1 has sessions that this member could not be given/,
    )
  })
})

describe('joining', () => {
  test('of the first member is done when all addresses have refused', () => {
    const net = new Net()
    const a = net.start(net.member('a'), 'nobody:1', 'nobody:2')
    expect(a.replica.isReady).toBe(false)
    net.settle()
    expect([a.replica.isReady, a.told('ready').length, net.ms]).toEqual([true, 1, 0])
  })

  test('of a member that is looking for others waits until it has looked, or has found one', () => {
    const net = new Net()
    const [a, b] = [net.member('a'), net.member('b')]
    for (const member of [a, b]) member.act(member.replica.start([], member.now, true))
    net.run(1_000)
    expect([a.replica.isReady, b.replica.isReady]).toEqual([false, false])
    a.act(a.replica.discovered(a.now))
    expect([a.replica.isReady, b.replica.isReady]).toEqual([true, false])
    a.write('s', { x: '1' })
    b.act(b.replica.candidate(a.address, 'heard', a.id, b.now))
    net.settle()
    expect([b.replica.isReady, b.read('s')]).toEqual([true, { x: '1' }])
  })

  test('waits on for who was cut off before he could say hello', () => {
    const net = new Net()
    net.silent.add('x:1')
    const a = net.start(net.member('a'), 'x:1')
    a.act(a.replica.linkUp(1, { dialled: 'x:1', remoteHost: 'x' }, a.now))
    a.act(a.replica.linkDown(1, 'the connection was lost', a.now))
    net.run(1_000)
    expect(a.replica.isReady).toBe(false)
    a.act(a.replica.dialFailed('x:1', 'refused', a.now))
    expect(a.replica.isReady).toBe(true)
  })

  test('of two that meet each other goes on: neither knows who else is there', () => {
    const net = new Net({ joinTimeoutMs: 60_000 })
    const a = net.start(net.member('a'))
    a.write('s', { x: '1' })
    const [b, c] = [net.member('b'), net.member('c')]
    for (const member of [b, c]) member.act(member.replica.start([], member.now, true))
    b.act(b.replica.candidate(c.address, 'heard', c.id, b.now))
    net.run(1_000)
    expect([b.peer(c).state, b.replica.isReady, c.replica.isReady]).toEqual(['alive', false, false])
    // Not even when both have looked: somebody was heard of who has not answered yet.
    net.silent.add(a.address)
    for (const member of [b, c]) {
      member.act(member.replica.candidate(a.address, 'heard', a.id, member.now))
      member.act(member.replica.discovered(member.now))
    }
    net.run(1_000)
    expect([b.replica.isReady, c.replica.isReady]).toEqual([false, false])
    net.silent.delete(a.address)
    for (const member of [b, c]) member.act(member.replica.dialFailed(a.address, 'unreachable', member.now))
    net.run(1_000)
    expect([b.read('s'), c.read('s')]).toEqual([{ x: '1' }, { x: '1' }])
    expect([b.codes(), c.codes()]).toEqual([[], []])
  })

  test('waits for an address that was found, and for a search without end no longer than joinTimeoutMs', () => {
    const net = new Net({ joinTimeoutMs: 1_000 })
    net.silent.add('silent:1')
    const a = net.member('a')
    a.act(a.replica.start([], a.now, true))
    a.act(a.replica.candidate('silent:1', 'heard', 'somebody', a.now))
    a.act(a.replica.discovered(a.now))
    net.run(900)
    expect(a.replica.isReady).toBe(false)
    net.run(200)
    expect([a.replica.isReady, a.codes()]).toEqual([true, ['SESSIONMESH_JOIN_TIMEOUT']])
    const b = net.member('b')
    b.act(b.replica.start([], b.now, true))
    net.run(1_100)
    expect([b.replica.isReady, b.codes()]).toEqual([true, []])
  })

  // Since reads wait for it, the end of the join is due, and stays due as long as the transfer takes.
  test('does not tick without end when its transfer takes longer than joinTimeoutMs', () => {
    const { net, a } = loaded(100, { joinTimeoutMs: 1_000 })
    const b = net.member('b')
    net.hold(a, b)
    net.start(b, a)
    net.settle()
    while (net.inFlight(a, b)[0]?.kind !== 'state') net.deliverOne(a, b)
    net.deliverOne(a, b)
    net.run(1_100)
    expect(b.replica.isReady).toBe(false)
  })

  test('waits for an address that neither answers nor refuses, no longer than joinTimeoutMs', () => {
    const net = new Net()
    net.silent.add('silent:1')
    const a = net.start(net.member('a'), 'silent:1')
    net.run(4_999)
    expect(a.replica.isReady).toBe(false)
    net.run(251)
    expect(a.replica.isReady).toBe(true)
  })

  test('waits as long for it when it stands still meanwhile: what was answered is still to be read', () => {
    const net = new Net()
    net.silent.add('silent:1')
    const a = net.start(net.member('a'), 'silent:1')
    net.run(1_000)
    net.freeze(a)
    net.run(10_000)
    net.thaw(a, { timersFirst: true })
    net.run(3_500)
    expect(a.replica.isReady).toBe(false)
    net.run(1_000)
    expect(a.replica.isReady).toBe(true)
  })

  test('one living member in the list is enough', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('s', { x: '1' })
    net.settle()
    const d = net.start(net.member('d'), 'nobody:1', b, 'nobody:2')
    net.run(300)
    expect(d.replica.peers().map(({ state }) => state)).toEqual(['alive', 'alive', 'alive'])
    converged(a, b, c, d)
  })

  test('in the middle of a burst of writes misses none of them', () => {
    const net = new Net({ transferChunkRecords: 50 })
    const [a, b] = net.cluster('a', 'b')
    const d = net.member('d')
    for (let i = 0; i < 1_000; i++) {
      const writer = i % 2 === 0 ? a : b
      writer.write(`s${i}`, { x: `${i}` })
      if (i % 50 === 0) net.settle()
      if (i === 300) {
        net.hold(a, d)
        net.hold(b, d)
        net.start(d, a, b)
        net.settle()
      }
      if (i > 300 && i % 40 === 0)
        for (const peer of [a, b]) if (net.inFlight(peer, d).length > 0) net.deliverOne(peer, d)
    }
    net.release(a, d)
    net.release(b, d)
    net.run(1_000)
    expect(d.replica.size).toBe(1_000)
    converged(a, b, d)
  })
})

describe('a joiner', () => {
  test('has the state of its peer before it is ready', () => {
    const { net, a } = loaded(20)
    const b = net.member('b')
    net.hold(a, b)
    net.start(b, a)
    net.settle()
    while (net.inFlight(a, b).length > 0) {
      expect([b.replica.isReady, b.replica.digest()]).toEqual([false, []])
      net.deliverOne(a, b)
    }
    expect(b.told('ready')).toHaveLength(1)
    expect(b.state()).toEqual(a.state())
    expect([a.replica.pending, b.replica.pending]).toEqual([0, 0])
    expect(b.told('sync')).toMatchObject([{ phase: 'start' }, { phase: 'end', complete: true, sessions: 20 }])
  })

  test('asks one peer at a time, and so is not sent everything by everybody', () => {
    const net = new Net({ transferChunkRecords: 2 })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    for (let i = 0; i < 20; i++) a.write(`s${i}`, { x: `${i}` })
    net.settle()
    const d = net.start(net.member('d'), a, b, c)
    net.run(100)
    expect(d.state()).toEqual(a.state())
    const wholes = [a, b, c].map((peer) => {
      const records = peer.sentOf('state', d).flatMap(({ records }) => records)
      return records.filter(({ attributes }) => attributes.length > 0).length
    })
    expect(wholes.sort((x, y) => y - x)).toEqual([20, 0, 0])
    expect(d.sentOf('pull')).toHaveLength(3)
  })

  test('whose source dies in mid-transfer throws away what it got, and takes the next', () => {
    const net = new Net({ transferChunkRecords: 2 })
    const [a, b] = net.cluster('a', 'b')
    for (let i = 0; i < 20; i++) a.write(`s${i}`, { x: `${i}` })
    net.settle()
    const d = net.member('d')
    net.hold(a, d)
    net.hold(b, d)
    net.start(d, a, b)
    net.settle()
    const source = d.sentOf('pull', a).length > 0 ? a : b
    const other = source === a ? b : a
    for (let i = 0; i < 4; i++) net.deliverOne(source, d)
    expect(d.replica.size).toBeGreaterThan(0)
    net.kill(source)
    expect([d.replica.size, d.replica.isReady]).toEqual([0, false])
    net.release(other, d)
    net.run(500)
    expect(d.state()).toEqual(other.state())
    expect([d.replica.size, d.replica.isReady, d.replica.counters.transfersAbandoned]).toEqual([20, true, 1])
  })

  test('whose only source dies is ready with nothing', () => {
    const { net, a } = loaded(20)
    const d = net.member('d')
    net.hold(a, d)
    net.start(d, a)
    net.settle()
    net.deliverOne(a, d)
    net.kill(a)
    net.run(6_000)
    expect([d.replica.size, d.replica.isReady]).toEqual([0, true])
  })

  describe('whose link to its source broke in mid-transfer', () => {
    /** All that d knows of a is that a has more than what came. */
    function brokenOff(config = {}) {
      const { net, a } = loaded(20, config)
      const d = net.member('d')
      net.hold(a, d)
      net.start(d, a)
      net.settle()
      net.deliverOne(a, d)
      net.cut(a, d)
      net.settle()
      expect([d.replica.isReady, d.replica.size]).toEqual([false, 0])
      return { net, a, d }
    }

    test('is not ready before that source is back', () => {
      const { net, a, d } = brokenOff()
      net.run(1_500)
      expect(d.replica.isReady).toBe(false)
      net.release(a, d)
      net.heal(a, d)
      for (let ms = 0; ms < 2_000 && !d.replica.isReady; ms += 50) net.run(50)
      expect(d.told('ready')).toHaveLength(1)
      expect(d.state()).toEqual(a.state())
      expect(d.replica.counters.transfersAbandoned).toBe(1)
    })

    test('is ready with nothing when that source is found dead', () => {
      const { net, a, d } = brokenOff()
      net.run(1_900)
      expect([d.peer(a).state, d.replica.isReady]).toEqual(['suspect', false])
      net.run(400)
      expect([d.peer(a).state, d.replica.isReady, d.replica.size]).toEqual(['dead', true, 0])
    })

    test('is ready with nothing when joinTimeoutMs is over', () => {
      const { net, a, d } = brokenOff({ joinTimeoutMs: 1_000 })
      net.run(900)
      expect(d.replica.isReady).toBe(false)
      net.run(350)
      expect([d.peer(a).state, d.replica.isReady, d.replica.size]).toEqual(['suspect', true, 0])
    })
  })

  describe('that has nothing from anybody, since who it asked died', () => {
    /** b has all of it too, and d knows it by what a told of it. */
    function orphaned(before: (net: Net, a: Member, b: Member, d: Member) => void) {
      const net = new Net({ transferChunkRecords: 2 })
      const [a, b] = net.cluster('a', 'b')
      for (let i = 0; i < 20; i++) a.write(`s${i}`, { x: `${i}` })
      net.settle()
      const d = net.member('d')
      before(net, a, b, d)
      net.hold(a, d)
      net.start(d, a)
      net.settle()
      return { net, a, b, d }
    }

    test('asks one that was merely suspect to the dead', () => {
      const { net, a, b, d } = orphaned((net, a, b) => {
        net.cut(a, b)
        net.run(500)
        expect(a.peer(b).state).toBe('suspect')
      })
      net.kill(a)
      net.run(500)
      expect([d.replica.isReady, d.state()]).toEqual([true, b.state()])
    })

    test('waits for one that it could not say hello to', () => {
      const { net, a, b, d } = orphaned((net, _, b) => net.freeze(b))
      expect(net.linksBetween(d, b)).toBe(1)
      net.breakLink(d, b)
      net.kill(a)
      net.run(150)
      expect([d.peer(a).state, d.peer(b).state, d.replica.isReady]).toEqual(['dead', 'suspect', false])
      net.thaw(b)
      net.run(500)
      expect([d.replica.isReady, d.state()]).toEqual([true, b.state()])
    })
  })

  test('gets what is written while it joins', () => {
    const { net, a } = loaded(20)
    const b = net.member('b')
    net.hold(a, b)
    net.start(b, a)
    net.settle()
    for (let i = 0; net.inFlight(a, b).length > 0; i++) {
      if (i < 30) {
        a.write(`s${i % 7}`, { x: `again ${i}` })
        a.write(`new${i}`, { x: '1' })
        if (i % 5 === 0) a.destroy(`s${i % 20}`)
      }
      net.settle()
      net.deliverOne(a, b)
    }
    expect(b.replica.counters.transfersReceived).toBe(1)
    expect(b.keys()).toEqual(a.keys())
    net.release(a, b)
    net.run(4_000)
    expect(b.state()).toEqual(a.state())
  })

  test('acks nothing before its first transfer is over: it may be thrown away', () => {
    const net = new Net({ transferChunkRecords: 2 })
    const [a, b] = net.cluster('a', 'b')
    for (let i = 0; i < 20; i++) a.write(`s${i}`, { x: `${i}` })
    net.settle()
    const d = net.member('d')
    net.hold(a, d)
    net.start(d, a)
    net.run(100)
    net.deliverOne(a, d)
    // b is linked to d by now; its first write ever follows on nothing.
    b.write('live', { x: '1' }, { acks: 'all' })
    net.settle()
    // (Nor is it waited for.)
    expect([d.sentOf('ack'), b.acked]).toEqual([[], [{ ack: 1, peers: 1 }]])
    net.kill(a)
    net.run(500)
    expect(d.read('live')).toEqual({ x: '1' })
    expect(d.state()).toEqual(b.state())
  })

  test('takes no chunk of a transfer that it has not asked for', () => {
    const { net, a } = loaded(4)
    const b = net.member('b')
    net.hold(a, b)
    net.start(b, a)
    net.settle()
    const other = packMessage(
      {
        kind: 'state',
        sentMs: 0,
        pull: 99,
        records: [],
        end: { digest: a.replica.digest(), roster: [], purged: [], isReady: true },
      },
      a.id,
    )
    b.act(b.replica.receive(b.peer(a).link ?? 0, other, b.now))
    expect([b.replica.isReady, b.replica.digest()]).toEqual([false, []])
    net.release(a, b)
    expect(b.state()).toEqual(a.state())
  })

  test('that is ready already builds nothing in place, even if it is empty', () => {
    const { net, a } = loaded(20)
    const b = net.start(net.member('b'))
    net.settle()
    net.hold(a, b)
    net.connect(b, a)
    net.settle()
    for (let i = 0; i < 4; i++) {
      net.deliverOne(a, b)
      expect(b.replica.size).toBe(0)
    }
    net.release(a, b)
    expect(b.state()).toEqual(a.state())
  })

  test('serves another joiner only what its digest speaks for', () => {
    const { net, a } = loaded(20)
    const [b, c] = [net.member('b'), net.member('c')]
    net.hold(a, b)
    net.start(b, a)
    net.settle()
    for (let i = 0; i < 3; i++) net.deliverOne(a, b)
    // b holds a part of what a has, and says nothing of it to c.
    net.hold(a, c)
    net.start(c, b)
    net.settle()
    expect(b.sentOf('state', c).flatMap(({ records }) => records)).toEqual([])
    net.release(a, b)
    net.release(a, c)
    net.run(500)
    expect(b.state()).toEqual(a.state())
    expect(c.state()).toEqual(a.state())
  })

  test('gives up on a source that stands still, and cuts it', () => {
    const { net, a } = loaded(20, { transferStallMs: 1_000 })
    const b = net.member('b')
    net.start(b, a)
    // The source is alive to judge by its heartbeats; the transfer alone does not go on.
    net.hold(a, b)
    net.settle()
    const link = b.peer(a).link
    for (let ms = 0; ms < 1_300; ms += 100) {
      if (link !== undefined) b.act(b.replica.receive(link, [3, [], [0], [], []], b.now))
      net.run(100)
    }
    expect(b.replica.counters.transfersAbandoned).toBeGreaterThan(0)
    net.release(a, b)
    net.run(2_000)
    expect(b.state()).toEqual(a.state())
  })
})

test('a joiner that stood still before it read the hello waits for the link that is made anew', () => {
  const net = new Net()
  const [b] = net.cluster('b', 'c')
  b.write('s', { x: '1' })
  net.settle()
  const a = net.member('a')
  net.silent.add(b.address)
  net.start(a, b)
  net.silent.clear()
  const [link] = net.connect(a, b)
  net.deliver(a, link)
  net.freeze(a)
  net.run(deadAfterMs + 100)
  // The hello that came meanwhile is read before any timer is heard.
  a.isFrozen = false
  net.deliver(a, link)
  expect([a.replica.isReady, a.keys()]).toEqual([false, []])
  net.run(1_000)
  expect([a.replica.isReady, a.keys()]).toEqual([true, ['s']])
})
