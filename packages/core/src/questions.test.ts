/** Sessions that are asked for by id: of whom, how often, and what may be given. */

import { describe, expect, test, vi } from 'vitest'
import { ahead } from '../test/ahead.js'
import { Net } from '../test/harness.js'
import type { Member } from '../test/member.js'
import { graceMs, resolveConfig } from './config.js'
import { packMessage } from './index.js'
import { SessionRecord } from './session.js'

const TTL = 10_000
const config = resolveConfig()
const { waitMs, askTimeoutMs, deadAfterMs, joinTimeoutMs, sweepMs, heartbeatMs } = config

describe('a member that is asked for a session', () => {
  test('does not give what others wrote to it without the write that created it', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    net.hold(a, c)
    a.write('s', { x: '1' })
    net.settle()
    b.write('s', { x: '1', y: '1' }, { base: b.base('s') })
    net.settle()
    const ask = packMessage({ kind: 'pull', pull: 1, sids: ['s'] }, b.id)
    const answers = () => {
      c.forgetLog()
      c.act(c.replica.receive(c.peer(b).link ?? 0, ask, c.now))
      return c.sentOf('state', b).map(({ records, missing }) => [records.length, missing])
    }
    expect([c.replica.size, answers()]).toEqual([1, [[0, ['s']]]])
    net.release(a, c)
    expect(answers()).toEqual([[1, []]])
  })
})

test('a member that had forgotten a session, and has a part of it, does not answer for the whole', () => {
  const net = new Net({ ttlMs: TTL })
  const [a, b, c] = net.cluster('a', 'b', 'c')
  a.write('s', { x: '1', y: '1' })
  net.run(2 * heartbeatMs)
  net.cut(a, b)
  net.cut(c, b)
  for (let passed = 0; passed < 3 * TTL; passed += TTL / 4) {
    net.run(TTL / 4)
    a.touch('s')
  }
  net.heal(a, b)
  net.connect(a, b)
  net.hold(a, b)
  a.write('s', { x: '2', y: '1' }, { base: a.base('s') })
  net.settle()
  while (b.replica.record('s')?.get('x') === undefined) net.deliverOne(a, b)
  expect([b.replica.record('s')?.whole, b.read('s')]).toEqual([false, undefined])
  b.forgetLog()
  net.heal(c, b)
  net.connect(c, b)
  net.settle()
  const ask = packMessage({ kind: 'pull', pull: 99, sids: ['s'] }, c.id)
  b.act(b.replica.receive(b.peer(c).link ?? 0, ask, b.now))
  const answer = b.sentOf('state', c).find(({ pull }) => pull === 99)
  expect([answer?.records, answer?.missing]).toEqual([[], ['s']])
})

test('an answer is no larger than a batch, or one session; what no frame can hold is not given', () => {
  const size = {
    maxSessionBytes: 3_000,
    maxBatchBytes: 4_000,
    maxFrameBytes: 16_000,
    transferChunkBytes: 1_300,
  }
  const net = new Net(size)
  const [a, b, c] = net.cluster('a', 'b', 'c')
  for (const sid of ['s1', 's2', 's3']) a.write(sid, { x: 'x'.repeat(2_500) })
  // At once, on each of them: together more than a quarter of a frame.
  for (const member of [a, b, c]) member.write('large', { [member.name]: 'x'.repeat(2_500) })
  net.settle()
  expect(a.replica.record('large')?.bytes).toBeGreaterThan(5_000)
  a.forgetLog()
  const sids = ['s1', 'large', 's2', 's3']
  a.act(a.replica.receive(a.peer(b).link ?? 0, packMessage({ kind: 'pull', pull: 9, sids }, b.id), a.now))
  const answers = a.sentOf('state', b).map(({ records, missing }) => [records.map(({ sid }) => sid), missing])
  expect(answers).toEqual([
    [['s1'], ['large']],
    [['s2'], []],
    [['s3'], []],
  ])
})

test('a session that is named again and again in one question is given once; what would run over a link is not', () => {
  const small = {
    maxSessionBytes: 3_000,
    maxBatchBytes: 3_000,
    maxFrameBytes: 16_000,
    transferChunkBytes: 1_300,
  }
  const net = new Net({ ...small, maxLinkBufferBytes: 12_000 })
  const [a, b] = net.cluster('a', 'b')
  for (const sid of ['s1', 's2', 's3']) a.write(sid, { x: 'x'.repeat(2_500) })
  net.settle()
  a.forgetLog()
  const sids = ['s1', 's1', 's2', 's1', 'none', 'none', 's3']
  a.act(a.replica.receive(a.peer(b).link ?? 0, packMessage({ kind: 'pull', pull: 9, sids }, b.id), a.now))
  const answers = a.sentOf('state', b)
  expect(answers.flatMap(({ records }) => records.map(({ sid }) => sid))).toEqual(['s1', 's2'])
  expect(answers.flatMap(({ missing }) => missing)).toEqual(['none', 's3'])
})

describe('an answer', () => {
  /** c asks for what its client has seen, and nobody answers yet. */
  function asking() {
    const { net, a, b, others, token } = ahead(['c'])
    const [c] = others
    if (c === undefined) throw new Error('there is no c')
    net.hold(a, c)
    net.hold(b, c)
    c.catchUp('s', [{ ...token[0]!, time: token[0]!.time + 1 }])
    net.run(waitMs)
    const [question] = c.sentOf('pull').filter(({ sids }) => sids !== undefined)
    const pull = question?.pull ?? 0
    const isOfA = c.sentOf('pull', a).some((sent) => sent.pull === pull)
    const [first, second] = isOfA ? [a, b] : [b, a]
    const created = { time: token[0]!.time + 1, counter: 0, origin: first.id }
    const record = { sid: 's', created, attributes: [{ name: 'x', value: 'told', stamp: created }] }
    const end = { digest: [], roster: [], purged: [], isReady: true }
    const answer = {
      kind: 'state',
      sentMs: 0,
      pull,
      records: [record, record, record],
      missing: [],
      end,
    } as const
    const tell = (from: Member) =>
      c.act(c.replica.receive(c.peer(from).link ?? 0, packMessage(answer, from.id), c.now))
    const shown = () => [...c.replica.fetched(c.now)].map(({ sid }) => sid)
    return { first, second, tell, shown, c }
  }

  test('counts when it is of who was asked, and once', () => {
    const { first, second, tell, shown, c } = asking()
    const looked = vi.spyOn(SessionRecord.prototype, 'merge')
    tell(second)
    expect(shown()).toEqual([])
    for (let i = 0; i < 10; i++) tell(first)
    looked.mockClear()
    c.read('s')
    // (One answer, and what is held here.)
    expect(looked.mock.calls.length).toBe(2)
    looked.mockRestore()
  })
})

test('of thousands that were forgotten here and are in use elsewhere a few are asked for at once, those that are read first', () => {
  const net = new Net({ ttlMs: TTL })
  const [a, b] = net.cluster('a', 'b')
  const sids = Array.from({ length: 100 }, (_, i) => `s${i}`)
  for (const sid of sids) a.write(sid, { x: '1' })
  net.run(2 * heartbeatMs)
  net.cut(a, b)
  for (let passed = 0; passed < 3 * TTL; passed += TTL / 4) {
    net.run(TTL / 4)
    for (const sid of sids) a.touch(sid)
  }
  expect([a.keys().length, b.replica.size]).toEqual([100, 0])
  b.forgetLog()
  net.heal(a, b)
  net.connect(a, b)
  net.hold(a, b)
  net.settle()
  while (b.sentOf('pull').every((pull) => pull.sids === undefined)) net.deliverOne(a, b)
  const asked = () => b.sentOf('pull').flatMap((pull) => pull.sids ?? [])
  expect([asked().length, b.replica.pending]).toEqual([16, 100])
  expect(asked()).not.toContain('s99')
  const wait = b.catchUp('s99', [])
  net.run(waitMs)
  expect(asked().slice(16)).toEqual(['s99'])
  net.release(a, b)
  expect(b.caughtUp).toEqual([{ wait, isStale: false }])
  expect([b.keys().length, Math.max(...b.sentOf('pull').map((pull) => pull.sids?.length ?? 0))]).toEqual([
    100, 16,
  ])
})

describe('a peer that was asked in vain', () => {
  test('is asked again when it is back, and answers before its transfer is over', () => {
    const { net, a, b, others, token } = ahead(['c'], { transferChunkRecords: 1 })
    const [c] = others
    if (c === undefined) throw new Error('no third member')
    for (let i = 0; i < 20; i++) a.write(`s${i}`, { x: '1' })
    net.settle()
    net.hold(c, b)
    const wait = b.catchUp('s', token)
    // Neither of them answers in time.
    net.run(5 * waitMs)
    expect([b.sentOf('pull', a).length, b.sentOf('pull', c).length]).toEqual([1, 1])
    net.breakLink(b, c)
    net.settle()
    expect(b.sentOf('pull', c).slice(1)).toMatchObject([{ digest: expect.any(Array) }, { sids: ['s'] }])
    while (b.caughtUp.length === 0) net.deliverOne(c, b)
    expect([b.caughtUp, b.read('s')]).toEqual([[{ wait, isStale: false }], { x: '2' }])
    expect([b.replica.counters.transfersReceived, b.keys()]).toEqual([2, ['s']])
    expect(5 * waitMs).toBeLessThan(askTimeoutMs)
  })
})

describe('a peer that has answered, has more since, and cannot be asked any more', () => {
  test('is asked once: then those who can answer', () => {
    const net = new Net()
    const [a, b, c, d] = net.cluster('a', 'b', 'c', 'd')
    d.write('s', { x: '1' })
    net.settle()
    for (const other of [a, b, c]) net.hold(d, other)
    d.write('s', { x: '2' }, { base: d.base('s') })
    net.hold(a, d)
    const wait = a.catchUp('s', d.token('s'))
    // All are asked, and b and c answer: nobody has it.
    net.run(4 * waitMs)
    expect([b, c].map((peer) => a.sentOf('pull', peer).length)).toEqual([1, 1])
    // Both get it, and tell a so; what a sends to b is cut off.
    net.hold(a, b)
    for (const other of [c, b]) net.release(d, other)
    net.run(heartbeatMs + 5 * waitMs)
    expect([a.read('s'), a.caughtUp]).toEqual([{ x: '2' }, [{ wait, isStale: false }]])
    expect([b, c].map((peer) => a.sentOf('pull', peer).length)).toEqual([2, 2])
  })
})

describe('a session that was forgotten here and is alive elsewhere', () => {
  /** a used it while b was cut off and forgot it; now b has heard of that from c, and its question for the whole is on its way. */
  function forgotten() {
    const net = new Net({ ttlMs: TTL, gapPatienceMs: 60_000 })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('s', { x: '1' })
    net.run(heartbeatMs)
    for (const other of [a, c]) net.cut(other, b)
    const overMs = TTL + graceMs(TTL, config) + joinTimeoutMs + deadAfterMs + 4 * sweepMs
    for (let ms = 0; ms < overMs; ms += heartbeatMs) {
      net.run(heartbeatMs)
      a.touch('s')
    }
    expect([b.replica.size, a.keys(), c.keys()]).toEqual([0, ['s'], ['s']])
    for (const member of [a, b, c]) member.forgetLog()
    net.hold(c, b)
    net.heal(c, b)
    for (let ms = 0; net.inFlight(c, b).length === 0 && ms < 5_000; ms++) net.run(1)
    while (b.sentOf('pull', c).length === 0) net.deliverOne(c, b)
    net.hold(b, c)
    net.release(c, b)
    expect([b.replica.size, b.keys(), b.replica.pending]).toEqual([1, [], 1])
    return { net, a, b, c }
  }

  test('is shown, and asked for again and again, while its whole is ahead of what is merged', () => {
    const { net, b, c } = forgotten()
    // To b this looks like data in flight.
    net.hold(c, b)
    c.write('s', { x: '1', y: '1' }, { base: c.base('s') })
    net.settle()
    net.lose(c, b)
    net.release(c, b)
    net.release(b, c)
    const asked = () => b.sentOf('pull').filter(({ sids }) => sids !== undefined).length
    expect([b.read('s'), b.state().sessions, asked()]).toEqual([{ x: '1', y: '1' }, { s: {} }, 1])
    net.run(2 * deadAfterMs)
    expect([b.read('s'), asked()]).toEqual([{ x: '1', y: '1' }, 2])
    // The next of its writer's deltas shows the gap.
    c.write('other', { x: '1' })
    net.settle()
    expect([b.state(), b.replica.pending]).toEqual([c.state(), 0])
  })

  test('is given up when nobody has the whole of it any more', () => {
    const { net, a, b, c } = forgotten()
    for (const member of [a, c]) net.kill(member)
    net.run(2 * deadAfterMs + heartbeatMs)
    expect([b.replica.size, b.replica.pending]).toEqual([0, 0])
  })
})

test('an answer with writes of who is held for dead is shown, while what its teller sent before is held back', () => {
  const net = new Net({ transferChunkRecords: 1 })
  const [a, b, c] = net.cluster('a', 'b', 'c')
  for (const sid of ['p', 'q']) a.write(sid, { x: '1' })
  net.cut(a, b)
  net.cut(b, c)
  for (let ms = 0; b.peer(c).state !== 'dead' && ms < 2 * deadAfterMs; ms++) net.run(1)
  net.run(1)
  net.heal(a, b)
  net.connect(a, b)
  net.settle()
  expect([b.peer(a).state, b.peer(c).state]).toEqual(['alive', 'dead'])
  // Something of a is lost: what it sends then waits for a pull, which takes several frames.
  net.loseWrite(a, b)
  c.write('s', { x: '1' })
  net.settle()
  a.write('later', { x: '1' })
  net.settle()
  net.deliverOne(a, b)
  const wait = b.catchUp('s', a.token('s'))
  net.run(waitMs)
  for (let frames = 0; b.caughtUp.length === 0 && frames < 20; frames++) net.deliverOne(a, b)
  expect([b.peer(c).state, b.caughtUp, b.read('s')]).toEqual(['dead', [{ wait, isStale: false }], { x: '1' }])
})

test('an answer that is not shown any more, since who wrote and who gave it are gone, satisfies no read', () => {
  const net = new Net()
  const a = net.start(net.member('a'))
  const b = net.start(net.member('b'), a)
  // Of a clock that is ahead it looks as if it wrote after it was found dead.
  const c = net.start(net.member('c', { skewMs: 5_000 }), a, b)
  net.run(500)
  c.write('s', { x: '1' })
  net.settle()
  net.hold(c, b)
  c.write('s', { x: '2' }, { base: c.base('s') })
  net.settle()
  const token = c.token('s')
  b.catchUp('s', token)
  net.run(waitMs)
  expect(b.read('s')).toEqual({ x: '2' })
  for (const other of [a, c]) net.cut(b, other)
  net.freeze(b)
  net.run(config.suspectAfterMs + 2 * heartbeatMs)
  net.thaw(b, { timersFirst: true })
  b.forgetLog()
  const wait = b.catchUp('s', token)
  net.run(deadAfterMs + waitMs + askTimeoutMs)
  expect([b.peer(a).state, b.peer(c).state, b.read('s')]).toEqual(['dead', 'dead', { x: '1' }])
  expect(b.caughtUp).toEqual([{ wait, isStale: true }])
})

test('what was fetched is counted as lost, and shown no more, as soon as nobody who lives has it', () => {
  const net = new Net()
  const [a, b, c, d] = net.cluster('a', 'b', 'c', 'd')
  d.write('s', { x: '1' })
  net.settle()
  for (const member of [b, c]) net.hold(d, member)
  d.write('s', { x: '2' }, { base: d.base('s') })
  net.settle()
  for (const member of [b, c]) net.lose(d, member)
  b.catchUp('s', a.token('s'))
  net.run(waitMs)
  expect(b.read('s')).toEqual({ x: '2' })
  for (const member of [a, d]) net.freeze(member)
  const isDead = (member: Member) => b.peer(member).state === 'dead'
  for (let ms = 0; !(isDead(a) && isDead(d)) && ms < 2 * deadAfterMs; ms++) net.run(1)
  // (The one that is left has not told since then that it lacks it.)
  expect([b.read('s'), b.token('s'), b.replica.counters.lostWrites]).toEqual([
    { x: '2' },
    [expect.objectContaining({ origin: d.id })],
    0,
  ])
  // (Nor with an ack, which tells of one origin alone.)
  b.write('other', { x: '1' }, { acks: 'one' })
  net.settle()
  expect([b.acked.length, b.replica.counters.lostWrites]).toEqual([1, 0])
  net.run(2 * heartbeatMs)
  expect([b.read('s'), b.replica.counters.lostWrites]).toEqual([{ x: '1' }, 1])
})

test('what was fetched is not shown again when the session was destroyed here and its tombstone is gone', () => {
  const net = new Net({ gapPatienceMs: 60_000 })
  const [a, b, c] = net.cluster('a', 'b', 'c')
  net.hold(c, b)
  c.write('s', { x: '1' })
  net.settle()
  net.lose(c, b)
  net.release(c, b)
  b.catchUp('s', a.token('s'))
  net.run(waitMs)
  expect(b.read('s')).toEqual({ x: '1' })
  a.destroy('s')
  net.settle()
  expect([b.read('s'), b.replica.tombstones]).toEqual([undefined, 1])
  net.run(3 * sweepMs)
  expect([b.replica.tombstones, b.read('s')]).toEqual([0, undefined])
})

describe('what was fetched and shown can be written to in the same turn', () => {
  function fetched() {
    const net = new Net({ gapPatienceMs: 60_000 })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    net.hold(c, b)
    c.write('s', { x: '1' })
    net.settle()
    b.catchUp('s', a.token('s'))
    net.run(waitMs)
    return { net, b, base: b.base('s') }
  }

  test('when it was shown for long enough just then', () => {
    const { net, b, base } = fetched()
    net.run(2 * deadAfterMs - waitMs - 50)
    const now = { ...b.now, monoMs: b.now.monoMs + 100 }
    const isShown = b.replica.has('s', now)
    const { written } = b.replica.write('s', new Map([['x', '2']]), { base }, now)
    expect([isShown, written.outcome]).toEqual([true, 'changed'])
  })

  test('when its member has stood still for long since it was asked for', () => {
    const { net, b, base } = fetched()
    net.freeze(b)
    net.run(3 * deadAfterMs)
    b.isFrozen = false
    const shown = b.read('s')
    const { outcome } = b.write('s', { x: '2' }, { base })
    b.tick()
    expect([shown, outcome, b.read('s')]).toEqual([{ x: '1' }, 'changed', { x: '2' }])
  })
})
