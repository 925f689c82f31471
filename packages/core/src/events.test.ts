/** What the members tell of a session: on each of them, once. */

import { describe, expect, test } from 'vitest'
import { Net } from '../test/harness.js'

describe('the events of a session', () => {
  test('are told on all members, once each, as owned by the last writer', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1', y: '1' })
    net.settle()
    b.write('s', { x: '2', y: '1' })
    net.settle()
    const told = (member: typeof a) =>
      member
        .told('session')
        .map(({ change, changed, owned, local }) => [change, changed.join(), owned, local])
    expect(told(a)).toEqual([
      ['created', 'x,y', true, true],
      ['changed', 'x', false, false],
    ])
    expect(told(b)).toEqual([
      ['created', 'x,y', false, false],
      ['changed', 'x', true, true],
    ])
    expect([a.replica.owner('s', a.now), b.replica.owner('s', b.now)]).toEqual([b.id, b.id])
  })

  test('do not tell of sessions that a joiner got with its first transfer', () => {
    const net = new Net()
    const [a] = net.cluster('a')
    a.write('s', { x: '1' })
    const b = net.start(net.member('b'), a)
    net.run(100)
    expect(b.read('s')).toEqual({ x: '1' })
    expect(b.told('session')).toEqual([])
    a.write('s', { x: '2' })
    net.settle()
    expect(b.told('session').map(({ change }) => change)).toEqual(['changed'])
  })

  test('do not tell of them either when the joiner had written something before', () => {
    const net = new Net()
    const [a] = net.cluster('a')
    a.write('s', { x: '1' })
    const b = net.member('b')
    b.write('own', { x: '1' })
    net.start(b, a)
    net.run(100)
    expect([b.keys(), b.replica.isReady]).toEqual([['own', 's'], true])
    expect(b.told('session').map(({ change, sid }) => [change, sid])).toEqual([['created', 'own']])
    b.forgetLog()
    a.write('s', { x: '2' })
    net.settle()
    expect(b.told('session').map(({ change }) => change)).toEqual(['changed'])
  })

  test('nobody owns a session that is none', () => {
    const member = new Net().member('a')
    expect(member.replica.owner('s', member.now)).toBeUndefined()
  })
})
