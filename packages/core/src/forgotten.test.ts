/** Coming back after so long that the others have stopped waiting. */

import { describe, expect, test } from 'vitest'
import { Net } from '../test/harness.js'
import type { Member } from '../test/member.js'
import type { Config } from './config.js'

const linked = (a: Member, b: Member) =>
  a.replica.peers().some(({ id, link }) => id === b.id && link !== undefined)

describe('a member that was away for longer than the others remember', () => {
  const config = { forgetDeadAfterMs: 5_000, deadAfterMs: 1_000, suspectAfterMs: 500 }

  test('starts afresh, and does not bring back what was destroyed meanwhile', () => {
    const net = new Net(config)
    // The lone one has the lowest id: it is the smaller part that yields, not the higher id.
    const [b, a, c] = net.cluster('a', 'b', 'c')
    a.write('destroyed', { x: '1' })
    a.write('kept', { x: '1' })
    net.settle()
    net.cut(a, b)
    net.cut(c, b)
    a.destroy('destroyed')
    a.write('new', { x: '1' })
    net.run(20_000)
    expect([a.replica.tombstones, a.replica.peers().length, b.replica.peers().length]).toEqual([0, 1, 0])
    for (const member of [a, b, c]) member.forgetLog()
    net.heal(a, b)
    net.heal(c, b)
    net.run(3_000)
    expect(b.codes()).toContain('SESSIONMESH_FORGOTTEN_MEMBER')
    expect(b.state()).toEqual(a.state())
    expect(c.state()).toEqual(a.state())
    for (const member of [a, b, c]) expect(member.keys()).toEqual(['kept', 'new'])
    // And it can write again.
    b.write('later', { x: '2' })
    net.settle()
    expect([a.read('later'), c.read('later')]).toEqual([{ x: '2' }, { x: '2' }])
  })

  test('starts afresh also when it slept, and has forgotten nobody itself', () => {
    const net = new Net(config)
    // It has the lower id, which counts for nothing here.
    const [b, a] = net.cluster('a', 'b')
    a.write('destroyed', { x: '1' })
    a.write('kept', { x: '1' })
    net.settle()
    net.freeze(b)
    a.destroy('destroyed')
    net.run(20_000)
    expect([a.replica.tombstones, a.replica.peers().length, b.replica.peers().length]).toEqual([0, 0, 1])
    net.breakLink(a, b)
    // What was sent to it before is lost: it comes back as if it had slept with its network.
    net.lose(a, b)
    net.thaw(b)
    net.run(3_000)
    expect(b.codes()).toContain('SESSIONMESH_FORGOTTEN_MEMBER')
    expect([a.keys(), b.state()]).toEqual([['kept'], a.state()])
    expect([a.id, b.id]).toEqual(['b1', "a1'"])
  })

  test('is no joiner whose acks come before it has told what else it has merged', () => {
    const net = new Net({ ...config, transferChunkRecords: 1 })
    const [a, b] = net.cluster('a', 'b')
    for (const sid of ['s', 't']) a.write(sid, { x: '1' })
    b.write('destroyed', { x: '1' })
    b.destroy('destroyed')
    net.settle()
    b.act(b.replica.leave(b.now))
    net.kill(b)
    net.run(60_000)
    expect([a.replica.tombstones, a.state().digest.length]).toEqual([0, 1])
    const joiner = net.member('joiner')
    net.hold(a, joiner)
    net.start(joiner, a)
    net.settle()
    for (const x of ['2', '3']) {
      a.write('s', { x }, { acks: 'one' })
      net.settle()
    }
    net.release(a, joiner)
    expect([joiner.read('s'), a.acked.length, linked(a, joiner)]).toEqual([{ x: '3' }, 2, true])
    expect(a.told('member').map(({ state }) => state)).toEqual(['left', 'alive'])
  })

  test('goes on as it is when it has forgotten nobody and has nothing that it could bring back', () => {
    const net = new Net(config)
    const [a, b] = net.cluster('a', 'b')
    net.freeze(b)
    a.write('s', { x: '1' })
    net.run(20_000)
    net.breakLink(a, b)
    net.lose(a, b)
    net.thaw(b)
    net.run(3_000)
    expect([a.id, b.id, b.state()]).toEqual(['a1', 'b1', a.state()])
  })

  test('brings nothing back through one that it alone knows', () => {
    const net = new Net(config)
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('destroyed', { x: '1' })
    net.settle()
    const joiner = net.member('joiner')
    for (const one of [a, b]) {
      net.cut(one, c)
      net.cut(one, joiner)
    }
    a.destroy('destroyed')
    net.run(20_000)
    // It has never heard of the others.
    net.start(joiner, c)
    net.run(500)
    expect([joiner.keys(), a.replica.tombstones]).toEqual([['destroyed'], 0])
    net.heal(a, joiner)
    net.connect(a, joiner)
    net.settle()
    expect([a.id, b.id, joiner.id]).toEqual(['a1', 'b1', "joiner1'"])
  })

  /** b and c have not heard of a, nor a of them, for so long that they forgot each other; a has destroyed a session. */
  function apart() {
    const net = new Net(config)
    const [a, b, c] = net.cluster('a', 'b', 'c')
    for (const sid of ['destroyed', 'kept']) a.write(sid, { x: '1' })
    net.settle()
    for (const other of [b, c]) net.cut(a, other)
    return { net, a, b, c }
  }

  // Who came after the cut was never known on the other side, nor is who is gone.
  test('brings nothing back through those that took its place', () => {
    const { net, a, b, c } = apart()
    net.kill(c)
    a.destroy('destroyed')
    net.run(20_000)
    const d = net.member('d')
    net.cut(a, d)
    net.start(d, b)
    net.run(500)
    expect([d.keys(), a.replica.tombstones]).toEqual([['destroyed', 'kept'], 0])
    b.act(b.replica.leave(b.now))
    net.kill(b)
    net.run(20_000)
    net.heal(a, d)
    net.connect(d, a)
    net.run(3_000)
    expect([a.id, d.id]).toEqual(['a1', "d1'"])
    expect([a.keys(), d.state()]).toEqual([['kept'], a.state()])
  })

  test('brings nothing back through those that have joined the others since', () => {
    const { net, a, b, c } = apart()
    net.kill(c)
    a.destroy('destroyed')
    net.run(20_000)
    const e = net.member('a of late')
    net.cut(b, e)
    net.start(e, a)
    net.run(500)
    a.act(a.replica.leave(a.now))
    net.kill(a)
    net.run(20_000)
    net.heal(b, e)
    net.connect(b, e)
    net.run(3_000)
    expect([b.id, e.id]).toEqual(["b1'", 'a of late1'])
    expect([e.keys(), b.state()]).toEqual([['kept'], e.state()])
  })

  test('brings nothing back that was destroyed where nobody had it', () => {
    const { net, a, b, c } = apart()
    net.cut(b, c)
    net.heal(a, c)
    net.connect(a, c)
    net.settle()
    b.write('unknown', { x: '1' })
    // Who destroys it has never written anything, and who has it knows nothing else of his.
    c.destroy('unknown')
    net.run(20_000)
    expect([b.keys(), a.replica.tombstones]).toEqual([['destroyed', 'kept', 'unknown'], 0])
    net.heal(a, b)
    net.connect(a, b)
    net.run(3_000)
    expect([a.id, b.id, a.keys()]).toEqual(['a1', "b1'", ['destroyed', 'kept']])
    expect(b.state()).toEqual(a.state())
  })

  // All that the two had in common is what one wrote of whom nobody tells any more.
  test('brings nothing back of which it knew by one who has left', () => {
    const net = new Net(config)
    const [a, b, d] = net.cluster('a', 'b', 'd')
    // Nothing comes on their link any more, and neither has noticed yet.
    net.hold(a, b)
    net.hold(b, a)
    a.write('destroyed', { x: '1' })
    net.settle()
    d.write('destroyed', { x: '1', y: '2' })
    // It asks for that session alone, and so has the creator's write without claiming any of his.
    b.catchUp('destroyed', d.token('destroyed'))
    net.run(200)
    b.write('destroyed', { x: '1', y: '2', z: '3' })
    d.act(d.replica.leave(d.now))
    net.kill(d)
    expect(b.read('destroyed')).toBeDefined()
    net.cut(a, b)
    a.destroy('destroyed')
    net.run(60_000)
    expect([a.replica.tombstones, a.state().digest.length]).toEqual([0, 1])
    net.heal(a, b)
    net.run(3_000)
    expect([a.keys(), b.keys()]).toEqual([[], []])
  })

  test('brings back no value that was removed meanwhile', () => {
    const { net, a, b, c } = apart()
    net.kill(c)
    a.write('kept', { y: '1' }, { base: a.base('kept') })
    a.write('kept', { y: '2' }, { base: a.base('kept') })
    net.run(20_000)
    net.heal(a, b)
    net.connect(a, b)
    net.run(3_000)
    expect([a.read('kept'), b.state()]).toEqual([{ y: '2' }, a.state()])
  })

  test('brings back no value that was removed where the session has expired since', () => {
    const net = new Net({ ...config, maxTouchIntervalMs: 200 })
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { user: 'ada', x: '1' }, { ttlMs: 2_000 })
    net.settle()
    net.cut(a, b)
    a.write('s', { x: '2' }, { base: a.base('s') })
    const use = (ms: number) => {
      for (const untilMs = net.ms + ms; net.ms < untilMs; net.run(200)) b.touch('s')
    }
    use(20_000)
    expect([a.read('s'), b.read('s')]).toEqual([undefined, { user: 'ada', x: '1' }])
    net.heal(a, b)
    use(3_000)
    expect([a.id, b.id, b.read('s')]).toEqual(['a1', "b1'", undefined])
    expect(b.state()).toEqual(a.state())
  })

  // The first write of a run follows on nothing, so it could be merged at any time.
  test('merges nothing of those that it was with before it has the state of the others', () => {
    const net = new Net({ ...config, transferChunkRecords: 1 })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    for (const sid of ['s', 'kept', 'kept too']) a.write(sid, { x: '1' })
    net.settle()
    for (const other of [b, c]) net.cut(a, other)
    a.destroy('s')
    net.run(1_000)
    net.kill(c)
    const d = net.member('d')
    net.cut(a, d)
    net.start(d, b)
    net.run(20_000)
    // b begins anew, is being sent the state of a, and is linked with d, which writes for the first time.
    for (const other of [a, d]) net.hold(other, b)
    net.heal(a, b)
    net.connect(a, b)
    net.run(300)
    expect(b.id).toBe("b1'")
    d.write('s', { x: '1', y: '1' }, { base: d.base('s') })
    for (const other of [d, a]) net.release(other, b)
    expect([b.keys(), b.replica.record('s')]).toEqual([['kept', 'kept too'], undefined])
    net.heal(a, d)
    net.run(10_000)
    expect([a.id, a.keys()]).toEqual(['a1', ['kept', 'kept too']])
    expect([b.state(), d.state()]).toEqual([a.state(), a.state()])
  })

  test('goes on as it is when nothing was destroyed meanwhile', () => {
    const { net, a, b, c } = apart()
    a.write('here', { x: '1' })
    b.write('there', { x: '1' })
    net.run(20_000)
    expect([a.replica.peers().length, b.replica.peers().length]).toEqual([0, 1])
    for (const other of [b, c]) net.heal(a, other)
    net.run(3_000)
    expect([a.id, b.id, c.id]).toEqual(['a1', 'b1', 'c1'])
    expect([a.state(), c.state()]).toEqual([b.state(), b.state()])
    expect(a.keys()).toEqual(['destroyed', 'here', 'kept', 'there'])
  })

  test('is not one that has merged all, and tells no more of who is gone', () => {
    const net = new Net(config)
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('destroyed', { x: '1' })
    a.write('kept', { x: '1' })
    net.settle()
    c.destroy('destroyed')
    net.settle()
    c.act(c.replica.leave(c.now))
    net.kill(c)
    net.run(20_000)
    expect(b.replica.digest().map(({ origin }) => origin)).toEqual([a.id])
    for (const member of [a, b]) member.forgetLog()
    net.breakLink(a, b)
    net.run(3_000)
    expect([linked(a, b), a.codes(), b.codes()]).toEqual([true, [], []])
  })

  test('is not one that was never with the others', () => {
    const net = new Net(config)
    const [a, b] = [net.start(net.member('a')), net.start(net.member('b'))]
    for (const member of [a, b]) {
      member.write(`destroyed by ${member.name}`, { x: '1' })
      member.write(`of ${member.name}`, { x: '1' })
      member.destroy(`destroyed by ${member.name}`)
    }
    net.run(40_000)
    expect([a.replica.tombstones, b.replica.tombstones]).toEqual([0, 0])
    net.connect(a, b)
    net.run(1_000)
    expect([a.id, b.id, a.keys()]).toEqual(['a1', 'b1', ['of a', 'of b']])
    expect(b.state()).toEqual(a.state())
  })

  test('is not one of another cluster that has met one of ours', () => {
    const net = new Net(config)
    const [a, b] = net.cluster('a', 'b')
    const [c, d] = net.cluster('c', 'd')
    const all = [a, b, c, d]
    for (const member of all) {
      member.write(`destroyed by ${member.name}`, { x: '1' })
      member.write(`of ${member.name}`, { x: '1' })
      net.settle()
      member.destroy(`destroyed by ${member.name}`)
    }
    net.run(40_000)
    expect(all.map(({ replica }) => replica.tombstones)).toEqual([0, 0, 0, 0])
    // d is with c alone for a while, which has the state of a and b.
    net.cut(a, d)
    net.cut(b, d)
    net.hold(c, d)
    net.connect(a, c)
    net.run(1_000)
    expect(c.keys()).toEqual(['of a', 'of b', 'of c', 'of d'])
    net.release(c, d)
    net.heal(a, d)
    net.heal(b, d)
    net.run(3_000)
    expect(all.map(({ id }) => id)).toEqual(['a1', 'b1', 'c1', 'd1'])
    for (const member of all) expect(member.state()).toEqual(a.state())
    expect(d.keys()).toEqual(['of a', 'of b', 'of c', 'of d'])
  })

  test('is not one that another merely remembers for longer', () => {
    const net = new Net(config)
    const a = net.start(net.member('a'))
    const b = net.start(net.member('b', { config: { forgetDeadAfterMs: 60_000 } }), a)
    const c = net.start(net.member('c'), a, b)
    a.write('s', { x: '1' })
    net.run(500)
    net.kill(c)
    net.run(20_000)
    expect([a.replica.peers().length, b.peer(c).state]).toEqual([1, 'dead'])
    net.breakLink(a, b)
    net.run(2_000)
    expect([a.id, b.id, linked(a, b)]).toEqual(['a1', 'b1', true])
  })

  test('one of two that forgot each other yields, and they agree again', () => {
    const net = new Net(config)
    const [a, b] = net.cluster('a', 'b')
    a.write('destroyed by a', { x: '1' })
    b.write('destroyed by b', { x: '1' })
    a.write('kept', { x: '1' })
    net.settle()
    net.cut(a, b)
    a.destroy('destroyed by a')
    b.destroy('destroyed by b')
    net.run(20_000)
    net.heal(a, b)
    net.run(3_000)
    expect([linked(a, b), linked(b, a)]).toEqual([true, true])
    expect(b.state()).toEqual(a.state())
    expect(a.keys()).toContain('kept')
  })

  test('is not one of whom we have merely not heard yet', () => {
    const net = new Net()
    const [a, d] = net.cluster('a', 'd')
    const b = net.start(net.member('b'))
    net.settle()
    b.write('own', { x: '1' })
    // What d tells a is slow to come, and so a does not know b when b, who knows a from d, dials it.
    net.hold(d, a)
    net.connect(b, d)
    net.run(500)
    expect(b.codes()).toEqual([])
    expect(b.read('own')).toEqual({ x: '1' })
    net.release(d, a)
    net.run(500)
    expect(a.read('own')).toEqual({ x: '1' })
  })

  // The lone one refuses whom it has forgotten, though it is remembered there, and both of them begin anew.
  test('starts afresh also when it is the first to forget, and drops nothing of what the others wrote', () => {
    const net = new Net({ ...config, forgetDeadAfterMs: 10_000 })
    const a = net.start(net.member('a'))
    const b = net.start(net.member('b'), a)
    const c = net.start(net.member('c', { config }), a, b)
    net.run(500)
    net.cut(a, c)
    net.cut(b, c)
    a.write('new', { x: '1' })
    net.run(8_000)
    expect([c.replica.peers().length, a.peer(c).state]).toEqual([0, 'dead'])
    net.heal(a, c)
    net.heal(b, c)
    net.run(8_000)
    expect([a.keys(), b.keys(), c.keys()]).toEqual([['new'], ['new'], ['new']])
  })

  /** b was away, and is linked with the others again; it begins anew when it hears of it. */
  function forgotten(more: Partial<Config> = {}) {
    const net = new Net({ ...config, ...more })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    for (const sid of ['s1', 's2', 's3', 'destroyed']) a.write(sid, { x: '1' })
    net.settle()
    for (const other of [a, c]) net.cut(b, other)
    a.write('s1', { x: '2' })
    a.destroy('destroyed')
    net.run(20_000)
    for (const member of [a, b, c]) member.forgetLog()
    return { net, a, b, c, former: b.id }
  }

  test('goes on as another run, and its former one has left', () => {
    const { net, a, b, c, former } = forgotten()
    for (const other of [a, c]) net.heal(b, other)
    net.run(3_000)
    expect(b.id).not.toBe(former)
    expect(b.replica.isReady).toBe(true)
    for (const other of [a, c]) {
      expect(other.peer(b)).toMatchObject({ name: 'b', state: 'alive' })
      expect(other.replica.peers().filter(({ id }) => id === former)).toEqual([])
    }
    expect(b.replica.digest().map(({ origin }) => origin)).toEqual([a.id])
    b.write('s1', { x: '3' })
    net.settle()
    expect(a.replica.digest().map(({ origin }) => origin)).toEqual([a.id, b.id])
  })

  test('lets reads wait until it has joined, with or without a token', () => {
    const { net, a, b, c } = forgotten()
    net.kill(c)
    net.hold(a, b)
    net.heal(b, a)
    net.connect(b, a)
    net.settle()
    const isOld = b.read('s1')
    const waits = [b.catchUp('s1', []), b.catchUp('s1', a.token('s1'))]
    expect([isOld, b.replica.isReady, b.replica.isBehind]).toEqual([undefined, false, true])
    expect(waits).not.toContain(undefined)
    expect(b.caughtUp).toEqual([])
    net.release(a, b)
    expect(b.caughtUp.map(({ isStale }) => isStale)).toEqual([false, false])
    expect([b.read('s1'), b.catchUp('s1', [])]).toEqual([{ x: '2' }, undefined])
  })

  /** b, whose list names nobody, was away for long, and is sent away by a. */
  function unlisted() {
    const net = new Net(config)
    const b = net.start(net.member('b'))
    const a = net.start(net.member('a'), b)
    net.run(500)
    for (const sid of ['s', 'destroyed']) a.write(sid, { x: '1' })
    net.settle()
    net.cut(a, b)
    a.destroy('destroyed')
    net.run(20_000)
    expect([a.replica.peers(), b.replica.peers()]).toEqual([[], []])
    const former = b.id
    b.forgetLog()
    net.heal(a, b)
    net.hold(a, b)
    net.connect(a, b)
    net.settle()
    expect([b.id === former, b.replica.isReady, b.dials]).toEqual([false, false, [a.address]])
    expect(b.catchUp('s', [])).toBeDefined()
    return { net, a, b }
  }

  test('finds who goes on though its own list names nobody, and serves nothing before', () => {
    const { net, a, b } = unlisted()
    net.release(a, b)
    net.run(1_000)
    expect([b.caughtUp.map(({ isStale }) => isStale), b.read('s')]).toEqual([[false], { x: '1' }])
  })

  test('waits for others as long as a joiner does when the one that it knows of dies', () => {
    const { net, a, b } = unlisted()
    net.kill(a)
    net.run(4_900)
    expect([b.replica.isReady, b.caughtUp]).toEqual([false, []])
    net.run(100)
    expect([b.replica.isReady, b.caughtUp.length]).toEqual([true, 1])
  })

  test('lets reads wait no longer than a joiner waits, and they are not stale then', () => {
    const { net, a, b } = forgotten()
    net.heal(b, a)
    net.connect(b, a)
    net.hold(a, b)
    net.settle()
    net.cut(a, b)
    expect(b.catchUp('s1', [])).toBeDefined()
    net.run(5_100)
    expect([b.replica.isReady, b.caughtUp.map(({ isStale }) => isStale)]).toEqual([true, [false]])
  })

  test('keeps what it writes while it rejoins, and nothing of a first transfer that breaks off', () => {
    const { net, a, b } = forgotten({ transferChunkRecords: 1 })
    net.hold(a, b)
    net.heal(b, a)
    net.connect(b, a)
    net.settle()
    while (net.inFlight(a, b)[0]?.kind !== 'state') net.deliverOne(a, b)
    net.deliverOne(a, b)
    expect(b.replica.counters.pulls).toBe(1)
    b.write('own', { x: '1' })
    net.settle()
    net.deliverOne(a, b)
    net.breakLink(a, b)
    net.settle()
    expect(b.replica.counters.transfersAbandoned).toBe(1)
    expect(b.state()).toMatchObject({ sessions: { own: { x: '1' } } })
    expect(Object.keys(b.state().sessions)).toEqual(['own'])
    net.release(a, b)
    net.run(1_500)
    expect(b.state()).toEqual(a.state())
    expect(a.keys()).toEqual(['own', 's1', 's2', 's3'])
  })

  test('writes to a session of the cluster before it has it, and both writes stand', () => {
    const { net, a, b } = forgotten()
    net.hold(a, b)
    net.heal(b, a)
    net.connect(b, a)
    net.settle()
    b.write('s1', { y: '1' })
    net.settle()
    expect(a.read('s1')).toEqual({ x: '2', y: '1' })
    net.release(a, b)
    expect(b.read('s1')).toEqual({ x: '2', y: '1' })
    expect(b.state()).toEqual(a.state())
  })
})
