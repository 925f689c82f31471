/** Who answers for the sessions of a member that is gone. */

import { describe, expect, test } from 'vitest'
import { Net } from '../test/harness.js'
import type { Member } from '../test/member.js'
import { resolveConfig } from './config.js'
import { rendezvous } from './owner.js'

const config = resolveConfig()

const takenOver = (member: Member) => member.told('takeover').flatMap(({ sids }) => sids)

describe('when a member dies', () => {
  test('each of its sessions is taken over by one of the others, and no other session moves', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    for (let i = 0; i < 40; i++) a.write(`a${i}`, { x: '1' })
    for (let i = 0; i < 10; i++) b.write(`b${i}`, { x: '1' })
    net.settle()
    for (const member of [b, c]) expect(member.replica.owner('a0', member.now)).toBe(a.id)
    net.kill(a)
    net.run(200)
    const [atB, atC] = [takenOver(b), takenOver(c)]
    expect([...atB, ...atC].sort()).toEqual(Array.from({ length: 40 }, (_, i) => `a${i}`).sort())
    expect([atB.length > 5, atC.length > 5]).toEqual([true, true])
    for (const sid of atB)
      expect([b, c].map(({ replica, now }) => replica.owner(sid, now))).toEqual([b.id, b.id])
    expect(c.replica.owner('b0', c.now)).toBe(b.id)
    expect([b.told('takeover').length, c.told('takeover').length]).toEqual([1, 1])
    expect(b.told('takeover')[0]?.peer.id).toBe(a.id)
  })

  test('it is found out well under 150 ms after its port closed', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    net.kill(a)
    expect(b.peer(a).state).toBe('suspect')
    net.run(60)
    expect(b.told('member').map(({ state }) => state)).toEqual(['suspect', 'dead'])
    expect(b.told('takeover')).toHaveLength(1)
  })

  test('one that is silent is found dead right after deadAfterMs, whenever the next heartbeat is due', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    net.freeze(c)
    const found = new Map<Member, number>()
    for (let ms = 0; ms < 1.5 * config.deadAfterMs; ms++) {
      net.run(1)
      for (const member of [a, b]) {
        const { state, heardMs } = member.peer(c)
        if (state === 'dead' && !found.has(member)) found.set(member, member.now.monoMs - heardMs)
      }
    }
    // (Each has a clock of its own.)
    for (const member of [a, b]) expect(found.get(member)).toBeLessThan(config.deadAfterMs + 3)
    for (const silentMs of found.values()) expect(silentMs).toBeGreaterThan(config.deadAfterMs)
  })

  test('destroyed and expired sessions are not taken over', () => {
    const net = new Net({ ttlMs: 1_000 })
    const [a, b] = net.cluster('a', 'b')
    a.write('expired', { x: '1' })
    net.run(1_000)
    a.write('destroyed', { x: '1' })
    a.destroy('destroyed')
    a.write('alive', { x: '1' })
    net.settle()
    net.kill(a)
    net.run(100)
    expect(takenOver(b)).toEqual(['alive'])
  })

  test('nor is one whose end a read was told of before it came by itself', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    const sids = Array.from({ length: 8 }, (_, i) => `s${i}`)
    for (const sid of sids) a.write(sid, { x: '1' })
    net.settle()
    net.hold(a, b)
    for (const sid of sids) a.destroy(sid)
    net.settle()
    const token = c.replica.digest().filter(({ origin }) => origin === a.id)
    for (const sid of sids) b.catchUp(sid, token)
    net.run(config.waitMs + 100)
    for (const sid of sids) expect(b.read(sid)).toBeUndefined()
    // Or it would send it all to b.
    net.kill(c)
    net.kill(a)
    net.run(100)
    expect(takenOver(b)).toEqual([])
  })

  test('what it had taken over moves on', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    for (let i = 0; i < 20; i++) a.write(`s${i}`, { x: '1' })
    net.settle()
    net.kill(a)
    net.run(100)
    const first = takenOver(b)
    expect(first.length).toBeGreaterThan(0)
    c.forgetLog()
    net.kill(b)
    net.run(100)
    expect(takenOver(c).sort()).toEqual(first.sort())
  })

  test('a session that somebody else wrote since is not its any more', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('s', { x: '1' })
    net.settle()
    c.write('s', { x: '2' })
    net.settle()
    net.kill(a)
    net.run(100)
    expect([takenOver(b), takenOver(c)]).toEqual([[], []])
  })

  test('and it comes back, it owns what it wrote last again', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('s', { x: '1' })
    net.settle()
    net.cut(a, b)
    net.cut(a, c)
    net.run(3_000)
    expect(b.replica.owner('s', b.now)).toBe(rendezvous('s', new Set([b.id, c.id])))
    net.heal(a, b)
    net.heal(a, c)
    net.run(2_000)
    for (const member of [a, b, c]) expect(member.replica.owner('s', member.now)).toBe(a.id)
  })
})

describe('when a member leaves', () => {
  test('its sessions are taken over at once, and it is not dialled again', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    const c = net.start(net.member('c'), a, b)
    net.run(300)
    c.write('s', { x: '1' })
    net.settle()
    for (const member of [a, b]) member.forgetLog()
    c.act(c.replica.leave(c.now))
    net.settle()
    expect([...takenOver(a), ...takenOver(b)]).toEqual(['s'])
    expect([a.peer(c).state, b.peer(c).state]).toEqual(['left', 'left'])
    net.kill(c)
    net.run(5_000)
    expect([...a.dials, ...b.dials]).toEqual([])
    expect(a.told('member').map(({ state }) => state)).toEqual(['left'])
    expect([a.read('s'), b.read('s')]).toEqual([{ x: '1' }, { x: '1' }])
  })

  test('one that is not linked to it hears it from others', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    net.cut(a, c)
    net.run(300)
    c.act(c.replica.leave(c.now))
    net.settle()
    net.kill(c)
    net.run(300)
    expect([a.peer(c).state, b.peer(c).state]).toEqual(['left', 'left'])
  })
})
