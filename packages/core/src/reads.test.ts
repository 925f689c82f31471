/** Reads with a token: served at once, waited for, asked for by id, found lost, or stale and told so. */

import { describe, expect, test } from 'vitest'
import { ahead, seenAt } from '../test/ahead.js'
import { Net } from '../test/harness.js'
import type { Member } from '../test/member.js'
import { resolveConfig } from './config.js'
import { packMessage } from './index.js'
import { compareStamps, type Stamp } from './stamp.js'

const { waitMs, askTimeoutMs } = resolveConfig()

describe('a read with a token', () => {
  test('is served at once when the member has what the client saw', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    net.settle()
    expect(b.catchUp('s', seenAt(a, 's'))).toBeUndefined()
    expect(b.catchUp('s', [])).toBeUndefined()
    expect(b.replica.counters.waitedReads).toBe(0)
  })

  test('waits for the delta that is on its way, and goes on with it', () => {
    const { net, a, b, token } = ahead()
    const wait = b.catchUp('s', token)
    expect([wait, b.caughtUp, b.read('s')]).toEqual([1, [], { x: '1' }])
    net.run(waitMs - 1)
    net.release(a, b)
    expect(b.caughtUp).toEqual([{ wait, isStale: false }])
    expect(b.read('s')).toEqual({ x: '2' })
    expect(b.sentOf('pull')).toEqual([])
    expect([b.replica.counters.waitedReads, b.replica.counters.staleReads, b.replica.pending]).toEqual([
      1, 0, 0,
    ])
  })

  test('asks for the session by id after waitMs, of a member that has it', () => {
    const { net, a, b, others, token } = ahead(['c', 'd'])
    const [c, d] = others
    if (c === undefined || d === undefined) throw new Error('no third member')
    // c tells with its heartbeat that it has it; the gap is too young for a pull of everything.
    net.run(250)
    b.forgetLog()
    const wait = b.catchUp('s', token)
    net.run(waitMs)
    const asked = [a, c, d].filter((peer) => b.sentOf('pull', peer).length > 0)
    expect(asked).toHaveLength(1)
    expect(asked).not.toContain(a)
    expect(b.sentOf('pull')).toEqual([{ kind: 'pull', pull: expect.any(Number), sids: ['s'] }])
    expect(b.caughtUp).toEqual([{ wait, isStale: false }])
    expect(b.read('s')).toEqual({ x: '2' })
    // It is shown, and not merged: the digest does not speak for it yet.
    expect(b.state().sessions).toEqual({ s: { x: '1' } })
    net.release(a, b)
    expect(b.state()).toEqual(a.state())
  })

  test('asks again whom it has asked already, when that one has what is needed by then', () => {
    const { net, a, b, others } = ahead(['c'])
    const c = others[0] as Member
    net.hold(a, c)
    a.write('s', { x: '3' }, { base: a.base('s') })
    const wait = b.catchUp('s', seenAt(a, 's'))
    net.run(4 * waitMs)
    expect([b.sentOf('pull', c).length, b.caughtUp]).toEqual([1, []])
    net.release(a, c)
    net.run(250)
    expect([b.sentOf('pull', c).length, b.caughtUp]).toEqual([2, [{ wait, isStale: false }]])
    expect(b.read('s')).toEqual({ x: '3' })
  })

  test('shows what a save without a base then replaces, the rest of it included', () => {
    const { net, a, b } = ahead(['c'])
    a.write('s', { x: '2', more: '1' }, { base: a.base('s') })
    net.settle()
    net.run(250)
    b.catchUp('s', seenAt(a, 's'))
    net.run(waitMs)
    expect(b.read('s')).toEqual({ x: '2', more: '1' })
    b.write('s', { x: '2' })
    net.settle()
    net.release(a, b)
    net.run(1_000)
    expect([b.read('s'), a.read('s')]).toEqual([{ x: '2' }, { x: '2' }])
  })

  test('shows what was fetched together with what is merged here', () => {
    const { net, a, b, token } = ahead(['c'])
    b.write('s', { x: '1', mine: '1' }, { base: b.base('s') })
    net.settle()
    net.run(250)
    b.catchUp('s', token)
    net.run(waitMs)
    expect(b.read('s')).toEqual({ x: '2', mine: '1' })
    // A request that loaded that can write a difference against it.
    b.write('s', { x: '2', mine: '2' }, { base: b.base('s') })
    expect(b.read('s')).toEqual({ x: '2', mine: '2' })
    net.settle()
    net.release(a, b)
    net.run(1_000)
    expect(b.read('s')).toEqual({ x: '2', mine: '2' })
    expect(b.state()).toEqual(a.state())
  })

  test('asks the next one when the first has not got it, or goes', () => {
    const { net, a, b, others, token } = ahead(['c', 'd'])
    const [c, d] = others
    if (c === undefined || d === undefined) throw new Error('no third member')
    net.run(250)
    b.forgetLog()
    net.hold(c, b)
    net.hold(d, b)
    b.catchUp('s', token)
    net.run(waitMs)
    const first = b.sentOf('pull', c).length > 0 ? c : d
    const second = first === c ? d : c
    net.release(second, b)
    expect(b.caughtUp).toEqual([])
    net.kill(first)
    expect(b.sentOf('pull', second)).toHaveLength(1)
    expect(b.caughtUp).toMatchObject([{ isStale: false }])
    expect([b.read('s'), a.replica.counters.staleReads]).toEqual([{ x: '2' }, 0])
  })

  test('is served as it is when nobody answers in time, and says so', () => {
    const { net, b, token } = ahead()
    const wait = b.catchUp('s', token)
    net.run(waitMs + askTimeoutMs - 1)
    expect(b.caughtUp).toEqual([])
    net.run(1)
    expect(b.caughtUp).toEqual([{ wait, isStale: true }])
    expect(b.codes()).toEqual(['SESSIONMESH_STALE_READ'])
    expect([b.read('s'), b.replica.counters.staleReads]).toEqual([{ x: '1' }, 1])
  })

  test('of a session that is not here yet waits for it as well', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    net.hold(a, b)
    a.write('s', { x: '1' })
    net.settle()
    const wait = b.catchUp('s', seenAt(a, 's'))
    net.release(a, b)
    expect(b.caughtUp).toEqual([{ wait, isStale: false }])
    expect(b.read('s')).toEqual({ x: '1' })
  })

  test('several of them are served each in its time', () => {
    const { net, a, b, token } = ahead()
    const waits = [b.catchUp('s', token), b.catchUp('s', token), b.catchUp('other', token)]
    net.release(a, b)
    expect(b.caughtUp.map(({ wait }) => wait)).toEqual(waits)
  })
})

describe('a write that nobody has any more', () => {
  test('is counted, and not waited for, once its origin is dead and the living have told', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('s', { x: '1' })
    net.settle()
    net.hold(a, b)
    net.hold(a, c)
    a.write('s', { x: '2' })
    net.settle()
    const token = seenAt(a, 's')
    net.kill(a)
    net.run(500)
    expect(b.peer(a).state).toBe('dead')
    b.forgetLog()
    expect(b.catchUp('s', token)).toBeUndefined()
    expect(b.codes()).toEqual(['SESSIONMESH_LOST_WRITE'])
    expect([b.replica.counters.lostWrites, c.replica.counters.lostWrites]).toEqual([1, 0])
    expect(b.read('s')).toEqual({ x: '1' })
    // The client is not told to look for it again.
    expect(b.token('s', token).some((stamp) => compareStamps(stamp, token[0] as Stamp) === 0)).toBe(false)
  })

  test('is not all that its client has seen: what the living have of its origin is waited for', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    net.cut(a, c)
    net.hold(b, c)
    a.write('s', { x: '1' })
    net.settle()
    net.hold(a, b)
    a.write('s', { x: '1', y: '2' }, { base: a.base('s') })
    const token = seenAt(a, 's')
    net.kill(a)
    net.run(3_000)
    // c hears what b has, and not yet the rest.
    while (c.peer(b).digest.get(a.id) === undefined) net.deliverOne(b, c)
    const wait = c.catchUp('s', token)
    expect([wait, c.replica.counters.lostWrites]).toEqual([1, 1])
    net.release(b, c)
    expect([c.caughtUp, c.read('s')]).toEqual([[{ wait, isStale: false }], { x: '1' }])
    expect(c.replica.counters.lostWrites).toBe(1)
  })

  test('is found lost by a read that waits for it already', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    net.settle()
    net.hold(a, b)
    a.write('s', { x: '2' })
    net.settle()
    const wait = b.catchUp('s', seenAt(a, 's'))
    net.kill(a)
    net.run(300)
    expect(b.caughtUp).toEqual([{ wait, isStale: false }])
    expect([b.replica.counters.lostWrites, b.replica.counters.staleReads]).toEqual([1, 0])
  })

  test('is not lost while its origin is merely suspect', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    net.freeze(a)
    net.run(1_000)
    expect(b.peer(a).state).toBe('suspect')
    expect(b.catchUp('s', [{ time: b.now.wallMs, counter: 0, origin: a.id }])).toBeDefined()
    expect(b.replica.counters.lostWrites).toBe(0)
  })

  test('is not lost when a peer that lacked it has told of it since it was asked', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    for (const peer of [b, c]) net.hold(a, peer)
    a.write('s', { x: '1' })
    const token = seenAt(a, 's')
    // c is heard last, and asked first.
    net.run(250)
    const wait = b.catchUp('s', token)
    net.run(waitMs)
    expect(c.sentOf('state', b).at(-1)?.missing).toEqual(['s'])
    net.release(a, c)
    net.hold(c, b)
    net.kill(a)
    // c tells at once what it has of a; the whole that b pulls then is still to come.
    net.deliverOne(c, b)
    net.run(100)
    expect([b.peer(a).state, b.caughtUp, b.replica.counters.lostWrites]).toEqual(['dead', [], 0])
    net.release(c, b)
    expect([b.caughtUp, b.read('s')]).toEqual([[{ wait, isStale: false }], { x: '1' }])
    expect(b.replica.counters.lostWrites).toBe(0)
  })

  test('of an origin that nobody knows is lost to a member alone, and asked for by one of many', () => {
    const token = [{ time: 5, counter: 0, origin: 'from before' }]
    const alone = new Net()
    const a = alone.start(alone.member('a'))
    alone.settle()
    expect(a.catchUp('s', token)).toBeUndefined()
    expect(a.replica.counters.lostWrites).toBe(1)
    const net = new Net()
    const [b] = net.cluster('b', 'c')
    expect(b.catchUp('s', token)).toBeDefined()
    net.run(waitMs)
    expect(b.caughtUp).toMatchObject([{ isStale: false }])
    expect(b.replica.counters.lostWrites).toBe(1)
  })
})

describe('an answer by id', () => {
  test('that was not asked for is nothing', () => {
    const { net, b, others, token } = ahead(['c'])
    const [c] = others
    const [stamp] = token
    if (c === undefined || stamp === undefined) throw new Error('no third member, or no token')
    net.run(250)
    net.hold(c, b)
    const wait = b.catchUp('s', token)
    net.run(waitMs)
    expect(b.sentOf('pull', c)).toHaveLength(1)
    const record = { sid: 's', created: stamp, attributes: [{ name: 'x', value: '9', stamp }] }
    const end = { digest: token, roster: [], purged: [], isReady: true }
    const forged = packMessage(
      { kind: 'state', sentMs: 0, pull: 99, records: [record], missing: [], end },
      c.id,
    )
    b.act(b.replica.receive(b.peer(c).link ?? 0, forged, b.now))
    expect([b.codes(), b.caughtUp, b.read('s')]).toEqual([[], [], { x: '1' }])
    net.release(c, b)
    expect([b.caughtUp, b.read('s')]).toEqual([[{ wait, isStale: false }], { x: '2' }])
  })

  test('does not outlive its writer, if nobody has merged it', () => {
    const { net, a, b, others, token } = ahead(['c'])
    const [c] = others
    if (c === undefined) throw new Error('no third member')
    net.run(250)
    b.catchUp('s', token)
    net.run(waitMs)
    expect([b.read('s'), b.state().sessions]).toEqual([{ x: '2' }, { s: { x: '1' } }])
    // Whoever has what was answered goes, before it is merged here.
    for (const member of [c, a]) net.kill(member)
    net.run(500)
    expect([b.read('s'), b.replica.pending]).toEqual([{ x: '1' }, 0])
  })

  test('leaves after what was written in the same turn, which its digest covers', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    const pull = packMessage({ kind: 'pull', pull: 1, sids: ['s'] }, b.id)
    a.act(a.replica.receive(a.peer(b).link ?? 0, pull, a.now))
    expect(a.sent.map(({ message }) => message.kind)).toEqual(['delta', 'state'])
  })

  test('tells what its sender has merged', () => {
    const { net, b, others, token } = ahead(['c'])
    const [c] = others
    if (c === undefined) throw new Error('no third member')
    b.catchUp('s', token)
    // Before the next heartbeat.
    net.run(4 * waitMs)
    expect(c.sentOf('heartbeat')).toEqual([])
    expect(c.sentOf('state', b)).toHaveLength(1)
    expect(b.peer(c).digest.coversAll(token)).toBe(true)
  })

  test('does not tell so while what its sender sent before is held here', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    net.loseWrite(a, b)
    a.write('next', { x: '1' })
    net.settle()
    // The gap is found, and stays: what is pulled for it does not come.
    net.deliverOne(a, b)
    expect([b.keys(), b.sentOf('pull', a).length]).toEqual([[], 1])
    const end = { digest: a.replica.digest(), roster: [], purged: [], isReady: true }
    const answer = packMessage({ kind: 'state', sentMs: 0, pull: 99, records: [], missing: [], end }, a.id)
    b.act(b.replica.receive(b.peer(a).link ?? 0, answer, b.now))
    expect(b.peer(a).digest.coversAll(end.digest)).toBe(false)
    net.release(a, b)
    net.run(250)
    expect(b.peer(a).digest.coversAll(end.digest)).toBe(true)
  })

  test('names what the member has not got', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    net.settle()
    b.act(
      b.replica.receive(
        b.peer(a).link ?? 0,
        packMessage({ kind: 'pull', pull: 1, sids: ['s', 'unknown'] }, a.id),
        b.now,
      ),
    )
    const [answer] = b.sentOf('state', a)
    expect(answer?.records.map(({ sid }) => sid)).toEqual(['s'])
    expect(answer?.missing).toEqual(['unknown'])
  })
})

describe('a member that does not answer', () => {
  test('is not waited for: the next one is asked', () => {
    const net = new Net()
    const [a, b, c, d] = net.cluster('a', 'b', 'c', 'd')
    a.write('s', { x: '1' })
    net.settle()
    // Of a, nothing comes to d any more, and all that d knows is that a has what it needs.
    net.hold(a, d)
    a.write('s', { x: '2' })
    net.settle()
    const wait = d.catchUp('s', seenAt(a, 's'))
    net.run(300)
    expect(d.caughtUp).toEqual([{ wait, isStale: false }])
    expect(d.read('s')).toEqual({ x: '2' })
    expect([b.read('s'), c.read('s')]).toEqual([{ x: '2' }, { x: '2' }])
  })
})

describe('a write that was made after its origin was found dead', () => {
  test('is not lost: its origin lives, and is waited for', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    net.settle()
    // a was silent for too long, and goes on writing before its links are back.
    net.cut(a, b)
    net.cut(a, c)
    net.run(3_000)
    expect([b.peer(a).state, c.peer(a).state]).toEqual(['dead', 'dead'])
    a.write('s', { x: '1' })
    const wait = b.catchUp('s', seenAt(a, 's'))
    expect(wait).toBeDefined()
    net.run(200)
    expect(b.replica.counters.lostWrites).toBe(0)
    net.heal(a, b)
    net.heal(a, c)
    net.run(3_000)
    expect(b.caughtUp).toEqual([{ wait, isStale: expect.any(Boolean) }])
    expect(b.replica.counters.lostWrites).toBe(0)
    expect(b.read('s')).toEqual({ x: '1' })
  })
})

describe('a write of one that has been gone for long', () => {
  test('is counted as lost when a read has waited in vain, be it made after it was found dead, and waited for no more', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    for (const other of [b, c]) net.cut(a, other)
    net.run(3_000)
    a.write('s', { x: '1' })
    const token = seenAt(a, 's')
    net.kill(a)
    net.run(10_000)
    expect(b.catchUp('s', token)).toBeDefined()
    net.run(1_100)
    const { staleReads, lostWrites } = b.replica.counters
    expect([staleReads, lostWrites, b.caughtUp.length]).toEqual([1, 1, 1])
    // The answer's token names it no more.
    expect(b.token('s', token)).toEqual([])
  })

  test('is named again by tokens when it is back: what was lost may be on its way', () => {
    const net = new Net({ transferChunkRecords: 1 })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    for (const other of [b, c]) net.cut(a, other)
    net.run(3_000)
    for (const sid of ['s', 't', 'u']) a.write(sid, { x: '1' })
    const token = seenAt(a, 's')
    net.run(8_000)
    b.catchUp('s', token)
    net.run(1_100)
    expect([b.replica.counters.lostWrites, b.token('s', token)]).toEqual([1, []])
    net.hold(a, b)
    net.heal(a, b)
    net.connect(a, b)
    net.settle()
    while (net.inFlight(a, b)[0]?.kind !== 'state') net.deliverOne(a, b)
    expect([b.peer(a).state, b.read('s'), b.token('s', token)]).toEqual(['alive', undefined, token])
  })
})

describe('a member that was silent for long, and is heard again by another one', () => {
  test('is known to live at once by who cannot reach it: what it wrote meanwhile is not taken for lost', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    net.settle()
    net.cut(a, c)
    net.run(1_000)
    net.hold(a, b)
    net.run(1_900)
    a.write('s', { x: '1' })
    expect([b.peer(a).state, c.peer(a).state]).toEqual(['suspect', 'suspect'])
    net.release(a, b)
    net.run(1)
    expect([b.peer(a).state, c.read('s'), c.catchUp('s', seenAt(a, 's'))]).toEqual([
      'alive',
      { x: '1' },
      undefined,
    ])
  })
})

/** A long repair: its chunks come one by one, from c alone. What b wrote last is read long before it ends, by an answer. */
test.for([3_990, 4_000, 4_010, 4_020, 4_030, 4_040])(
  'what answers a read is shown by it, and not dropped as too old in between (after %d ms)',
  (ms) => {
    const net = new Net({ transferChunkRecords: 1 })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    net.hold(b, a)
    for (let i = 0; i < 900; i++) b.write(`other${i}`, { x: '1' })
    b.write('s', { x: '1' })
    const token = seenAt(b, 's')
    net.hold(c, a)
    a.catchUp('s', token)
    for (let spent = 0; spent < ms; spent += 10) {
      net.run(10)
      for (let frames = 0; frames < 2; frames++) if (net.inFlight(c, a).length > 0) net.deliverOne(c, a)
    }
    expect([a.read('s'), a.replica.covers(token)]).toEqual([{ x: '1' }, false])
    // No input has looked what is too old by now.
    net.ms += 25
    if (a.catchUp('s', token) === undefined) expect(a.read('s')).toEqual({ x: '1' })
  },
)
