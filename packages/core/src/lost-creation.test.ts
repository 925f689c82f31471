/** A session whose creation died with its writer, and to which others had written since. */

import { describe, expect, test } from 'vitest'
import { Net } from '../test/harness.js'
import { type Config, resolveConfig } from './config.js'

const TTL = 10_000
const config = resolveConfig()

/** a made the session, c alone has that, and b has merely what c wrote to it. */
function unmade(given: Partial<Config> = {}) {
  const net = new Net({ ttlMs: TTL, ...given })
  const [a, b, c] = net.cluster('a', 'b', 'c')
  net.hold(a, b)
  a.write('s', { x: '1' })
  net.settle()
  net.lose(a, b)
  net.release(a, b)
  c.write('s', { x: '1', y: '2' }, { base: c.base('s') })
  net.settle()
  expect([c.read('s'), b.read('s'), b.replica.size]).toEqual([{ x: '1', y: '2' }, undefined, 1])
  return { net, a, b, c }
}

/** a and c are gone, and with them the creation. */
function lost() {
  const made = unmade()
  for (const member of [made.c, made.a]) made.net.kill(member)
  made.net.run(250)
  return made
}

describe('a session without its creation', () => {
  test('is hidden while its writer lives, and shown with what there is when nobody has the rest', () => {
    const { net, a, b, c } = unmade()
    net.kill(c)
    net.run(250)
    expect([b.peer(c).state, b.peer(a).state, b.keys()]).toEqual(['dead', 'alive', []])
    net.kill(a)
    net.run(250)
    expect([b.peer(a).state, b.keys(), b.read('s')]).toEqual(['dead', ['s'], { y: '2' }])
    // Nothing was merged then: the next sweep tells of it.
    net.run(1_500)
    expect(b.told('session')).toMatchObject([{ change: 'created', sid: 's', changed: ['y'] }])
  })

  test('is hidden while a living peer has the creation, and whole with it', () => {
    const { net, a, b, c } = unmade()
    net.run(250)
    net.hold(c, b)
    net.kill(a)
    // That a is not there any more; what b asks for then does not come.
    net.deliverOne(c, b)
    net.run(250)
    expect([b.peer(a).state, b.peer(c).state, b.keys()]).toEqual(['dead', 'alive', []])
    net.release(c, b)
    expect(b.read('s')).toEqual({ x: '1', y: '2' })
  })

  test('is hidden until every living peer has told since its writer went', () => {
    const { net, a, b, c } = unmade()
    net.freeze(c)
    net.kill(a)
    net.run(1_000)
    expect([b.peer(a).state, b.peer(c).state, b.keys()]).toEqual(['dead', 'suspect', []])
    net.thaw(c)
    net.run(250)
    expect(b.read('s')).toEqual({ x: '1', y: '2' })
  })

  test('stays shown when who made it is told to have left for good', () => {
    const { net, a, b } = lost()
    const d = net.start(net.member('d'), b)
    net.run(500)
    expect(b.read('s')).toEqual({ y: '2' })
    // A new run at its address: the former one has left.
    net.hold(d, b)
    net.start(net.member('a'), b)
    net.settle()
    expect([b.peer(a).state, b.read('s')]).toEqual(['left', { y: '2' }])
  })

  test('stays shown when somebody is told of who may have the rest', () => {
    const { net, b } = lost()
    const d = net.start(net.member('d'), b)
    net.run(500)
    const e = net.member('e')
    net.cut(e, b)
    net.start(e, d)
    net.run(250)
    expect([b.peer(e).state, b.read('s')]).toEqual(['suspect', { y: '2' }])
    d.write('s', { y: '3' }, { base: d.base('s') })
    net.settle()
    expect(b.told('session').at(-1)).toMatchObject({ change: 'changed', sid: 's', changed: ['y'] })
  })

  test('is waited for: it may have been shown already where its creation was known to be lost', () => {
    const { net, b } = unmade()
    expect(b.read('s')).toBeUndefined()
    const wait = b.catchUp('s', [])
    net.run(config.waitMs)
    expect([b.caughtUp, b.read('s')]).toEqual([[{ wait, isStale: false }], { x: '1', y: '2' }])
  })

  test('is not named by the token of who is shown it: it would be waited for, and counted as lost, each time', () => {
    const { b, c } = lost()
    const token = b.token('s')
    expect([b.read('s'), token.map(({ origin }) => origin)]).toEqual([{ y: '2' }, [c.id]])
    expect([b.catchUp('s', token), b.replica.counters.lostWrites]).toEqual([undefined, 0])
  })

  test('is shown by joiners that never knew who made it', () => {
    const { net, a, b, c } = unmade()
    for (const member of [c, a]) net.kill(member)
    const again = net.start(net.member('a'), b)
    net.run(500)
    const joiner = net.start(net.member('d'), again)
    net.run(500)
    for (const member of [again, joiner]) expect(member.read('s')).toEqual({ y: '2' })
    expect(joiner.replica.peers().map(({ id }) => id)).not.toContain(a.id)
  })

  test('is forgotten after its time like any other', () => {
    const { net, a, b, c } = unmade({ forgetDeadAfterMs: 4 * TTL })
    for (const member of [c, a]) net.kill(member)
    net.run(3 * TTL)
    // What c wrote is kept as long as it may come back without it.
    expect([b.keys(), b.replica.size]).toEqual([[], 1])
    net.run(3 * TTL)
    expect(b.replica.size).toBe(0)
  })
})
