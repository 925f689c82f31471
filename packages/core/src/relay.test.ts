/** Touches reach those that are cut off from who was touched by way of others, and that ends. */

import { describe, expect, test } from 'vitest'
import { Net } from '../test/harness.js'
import type { Member } from '../test/member.js'

const TTL = 10_000
/** A use is told at most once in it. */
const INTERVAL = TTL / 10

/** Four members of which only these pairs reach each other, all with a session that is a while old. */
function linkedBy(...reachable: readonly string[]) {
  const net = new Net({ ttlMs: TTL })
  const members = net.cluster('a', 'b', 'c', 'd')
  for (const a of members) {
    for (const b of members) {
      const pair = a.name + b.name
      if (a.name < b.name && !reachable.includes(pair)) net.cut(a, b)
    }
  }
  members[0].write('s', { x: '1' })
  net.run(2 * INTERVAL)
  for (const member of members) expect(member.keys()).toEqual(['s'])
  return { net, members }
}

const isTouch = ({ message }: Member['sent'][number]) =>
  message.kind === 'delta' && message.upTo === undefined && message.deltas.length > 0

/** Who told whom of one use of the session at `a`, with a touch. */
function ways(net: Net, members: readonly Member[], use = (a: Member) => void a.touch('s')): string[] {
  for (const member of members) member.forgetLog()
  use(members[0] as Member)
  net.run(5 * INTERVAL)
  return members.flatMap(({ name, sent }) => sent.filter(isTouch).map(({ to }) => name + to.charAt(0)))
}

describe('a touch', () => {
  test('keeps a session from expiring at the other end of a chain of four', () => {
    const { net, members } = linkedBy('ab', 'bc', 'cd')
    const [a, b, c, d] = members
    for (let ms = 0; ms < 2 * TTL; ms += 500) {
      a.touch('s')
      net.run(500)
      expect([b.keys(), c.keys(), d.keys()]).toEqual([['s'], ['s'], ['s']])
    }
    // Nor does any of them take it for a fresher use than it is.
    net.run(TTL)
    for (const member of members) expect(member.keys()).toEqual([])
  })

  test('is told from one to the next in a chain, each time to who does not hear it from the teller', () => {
    const { net, members } = linkedBy('ab', 'bc', 'cd')
    expect(ways(net, members)).toEqual(['ab', 'bc', 'cd'])
  })

  test('goes round a ring once, and is over', () => {
    const { net, members } = linkedBy('ab', 'bc', 'cd', 'ad')
    const told = ways(net, members)
    // Two tell c of it; it passes on to the one what it has from the other, who knows.
    expect(told.filter((way) => !way.startsWith('c'))).toEqual(['ab', 'ad', 'bc', 'dc'])
    expect(told.filter((way) => way.startsWith('c'))).toHaveLength(1)
  })

  test('is not news when it comes by another way much later', () => {
    const { net, members } = linkedBy('ab', 'bc', 'cd', 'ad')
    const [a, b, c, d] = members
    net.hold(d, c)
    for (const member of members) member.forgetLog()
    a.touch('s')
    net.run(INTERVAL)
    const before = c.sent.filter(isTouch).length
    net.release(d, c)
    expect([before, c.sent.filter(isTouch).length, b.sent.filter(isTouch).length]).toEqual([1, 1, 1])
  })

  test('is passed on to one that finds out later that it is cut off from its teller', () => {
    const net = new Net({ ttlMs: 10 * TTL })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('s', { x: '1' })
    net.run(10 * INTERVAL)
    net.hold(a, c)
    a.touch('s')
    net.run(10)
    // So soon after that one nobody is told of it, nor now c alone: it would take it for told to all.
    b.touch('s')
    net.run(1)
    expect(b.sent.filter(isTouch)).toEqual([])
    for (let ms = 0; b.peer(c).vouchesFor.has(a.id) && ms < INTERVAL; ms++) net.run(1)
    net.settle()
    expect(b.sent.filter(isTouch).map(({ to }) => to.charAt(0))).toEqual(['c'])
    const idleMs = (member: Member) => member.replica.record('s')?.idleMs(member.now)
    expect(idleMs(c)).toBe(idleMs(a))
  })

  test('is not passed on so when its teller stood still, and nobody heard it', () => {
    const net = new Net({ ttlMs: 10 * TTL })
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('s', { x: '1' })
    net.run(10 * INTERVAL)
    a.touch('s')
    net.run(1)
    net.freeze(a)
    for (let ms = 0; b.peer(c).vouchesFor.has(a.id) && ms < INTERVAL; ms++) net.run(1)
    b.touch('s')
    net.settle()
    expect(b.sent.filter(isTouch)).toEqual([])
  })

  test('is passed on although the session was used here a moment before, of which nobody was told', () => {
    const { net, members } = linkedBy('ab', 'bc', 'cd')
    const [a, b, c] = members
    b.touch('s')
    net.run(0.9 * INTERVAL)
    b.touch('s')
    net.run(0.1 * INTERVAL)
    for (const member of members) member.forgetLog()
    a.touch('s')
    net.settle()
    expect(b.sent.filter(isTouch).map(({ to }) => to.charAt(0))).toEqual(['c'])
    expect(c.replica.record('s')?.idleMs(c.now)).toBeLessThan(0.1 * INTERVAL)
  })

  test('is not passed on where all reach all', () => {
    const { net, members } = linkedBy('ab', 'ac', 'ad', 'bc', 'bd', 'cd')
    expect(ways(net, members)).toEqual(['ab', 'ac', 'ad'])
  })

  test('is not made of a write, which who missed it pulls', () => {
    const { net, members } = linkedBy('ab', 'bc', 'cd')
    expect(ways(net, members, (a) => void a.write('s', { x: '2' }))).toEqual([])
    expect(members[3].read('s')).toEqual({ x: '2' })
  })

  test('tells that the end of a session was told, too', () => {
    const { net, members } = linkedBy('ab', 'bc', 'bd', 'cd')
    const [a, , , d] = members
    const isTold = () => a.told('session').some(({ change }) => change === 'expired')
    for (let ms = 0; ms < 3 * TTL && !isTold(); ms += 10) net.run(10)
    // Who is not told waits for joinTimeoutMs and more.
    net.run(2_000)
    expect([isTold(), d.replica.size]).toEqual([true, 0])
  })

  test('of a session that was destroyed here meanwhile is not passed on', () => {
    const { net, members } = linkedBy('ab', 'bc', 'cd')
    const [a, b] = members
    net.hold(b, a)
    b.destroy('s')
    net.settle()
    expect(ways(net, members)).toEqual(['ab'])
    net.release(b, a)
    expect(a.keys()).toEqual([])
  })
})
