/** What others tell of a member: vouching, the dead and the forgotten, former runs. */

import { describe, expect, test } from 'vitest'
import { stamp } from '../test/arbitraries.js'
import { Net } from '../test/harness.js'
import { config, DEAD, MemberTable, SUSPECT } from '../test/member-table.js'
import { MAX_MEMBERS } from './config.js'
import type { Peer } from './members.js'
import type { MemberState } from './messages.js'

describe('vouching', () => {
  /** A member whose link to us is cut, and another that vouches for it. */
  function asymmetric() {
    const world = new MemberTable()
    const peer = world.link('peer', { link: 1 })
    const teller = world.link('teller', { link: 2 })
    world.members.linkLost(peer, world.now)
    return { world, peer, teller }
  }

  test('keeps a member that we cannot reach suspect, as long as it goes on', () => {
    const { world, peer, teller } = asymmetric()
    for (let i = 0; i < 20; i++) {
      world.after(config.heartbeatMs)
      world.members.heard(teller, world.now)
      world.tell(teller, { id: 'peer', state: 'alive' })
      world.members.refused(peer.address, world.now)
      world.tick()
      expect(peer.state).toBe('suspect')
    }
  })

  test('counts as heard: once it ends, the member has as long as others to be heard', () => {
    const { world, peer, teller } = asymmetric()
    for (let i = 0; i < 20; i++) {
      world.after(config.heartbeatMs)
      world.members.heard(teller, world.now)
      world.members.refused(peer.address, world.now)
      world.tell(teller, { id: 'peer', state: 'alive' })
    }
    world.members.left(teller, world.now)
    world.tick()
    expect(peer.state).toBe('suspect')
    world.after(DEAD - 1).tick()
    expect(peer.state).toBe('suspect')
    world.after(2).tick()
    expect(peer.state).toBe('dead')
  })

  test('counts from the time when the member became suspect, not from when its silent link was dropped', () => {
    const world = new MemberTable()
    const peer = world.link('peer', { link: 1 })
    const teller = world.link('teller', { link: 2 })
    world.after(DEAD)
    world.members.heard(teller, world.now)
    world.tell(teller, { id: 'peer', state: 'alive' })
    world.tick()
    expect(peer.state).toBe('suspect')
    world.after(SUSPECT)
    world.members.linkLost(peer, world.now)
    world.members.heard(teller, world.now)
    world.tell(teller, { id: 'peer', state: 'alive' })
    world.members.left(teller, world.now)
    world.tick()
    expect(peer.state).toBe('suspect')
  })

  test('ends with the silence of who vouched', () => {
    const { world, peer, teller } = asymmetric()
    world.tell(teller, { id: 'peer', state: 'alive' })
    world.members.refused(peer.address, world.now)
    world.members.refused(peer.address, world.now)
    expect(peer.state).toBe('suspect')
    world.after(SUSPECT).tick()
    world.tick()
    expect([teller.state, peer.state]).toEqual(['suspect', 'dead'])
  })

  test('counts only from who is heard, even before its silence has been noticed', () => {
    const { world, peer, teller } = asymmetric()
    world.tell(teller, { id: 'peer', state: 'alive' })
    world.members.refused(peer.address, world.now)
    world.members.refused(peer.address, world.now)
    world.after(SUSPECT)
    world.tell(world.link('third', { link: 3 }))
    expect([teller.state, peer.state]).toEqual(['alive', 'dead'])
  })

  test('ends with the link of who vouched', () => {
    const { world, peer, teller } = asymmetric()
    world.tell(teller, { id: 'peer', state: 'alive' })
    world.members.linkLost(teller, world.now)
    world.members.refused(peer.address, world.now)
    world.members.refused(peer.address, world.now)
    expect(peer.state).toBe('dead')
  })

  test('right after our verdict does not raise the dead yet, but they are not gone for all', () => {
    const { world, peer, teller } = asymmetric()
    world.members.refused(peer.address, world.now)
    world.members.refused(peer.address, world.now)
    world.after(1)
    world.tell(teller, { id: 'peer', state: 'alive' })
    expect([peer.state, world.members.isGoneForAll('peer')]).toEqual(['dead', false])
    world.tell(teller, { id: 'peer', state: 'suspect' })
    expect(world.members.isGoneForAll('peer')).toBe(true)
  })

  test('that was given before the member was found dead does not raise it, however late it comes', () => {
    const { world, peer, teller } = asymmetric()
    for (let times = 0; times < 2; times++) world.members.refused(peer.address, world.now)
    world.after(3 * DEAD)
    world.members.heard(teller, world.now)
    world.tellLate(3 * DEAD - config.suspectAfterMs, teller, { id: 'peer', state: 'alive' })
    expect(peer.state).toBe('dead')
    world.tellLate(DEAD, teller, { id: 'peer', state: 'alive' })
    expect(peer.state).toBe('suspect')
  })

  test('for one that was dead makes us dial it at once: it is back, or refuses', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    net.cut(a, b)
    net.cut(a, c)
    net.run(20_000)
    expect([a.peer(b).state, a.peer(c).state]).toEqual(['dead', 'dead'])
    a.forgetLog()
    net.heal(a, c)
    net.connect(c, a)
    net.settle()
    expect(a.peer(b).state).toBe('suspect')
    expect(a.dials).toContain(b.address)
  })

  test('raises the dead to suspect, unless who vouches may not have noticed the death yet', () => {
    const { world, peer, teller } = asymmetric()
    world.members.refused(peer.address, world.now)
    world.members.refused(peer.address, world.now)
    world.after(config.suspectAfterMs)
    world.tell(teller, { id: 'peer', state: 'alive' })
    expect(peer.state).toBe('dead')
    world.after(1)
    world.members.heard(teller, world.now)
    world.tell(teller, { id: 'peer', state: 'alive' })
    expect(peer.state).toBe('suspect')
    world.tick()
    expect(peer.state).toBe('suspect')
    world.after(DEAD).tick()
    world.tick()
    expect(peer.state).toBe('dead')
  })
})

test('who stood still vouches for nobody before it has heard them again', () => {
  const world = new MemberTable()
  const peer = world.link('peer')
  const states = () => world.members.roster('heartbeat', world.now).map(({ state }) => state)
  expect(states()).toEqual(['alive'])
  world.after(3 * DEAD)
  world.members.creditStall(3 * DEAD, world.now)
  world.tick()
  expect([peer.state, states()]).toEqual(['alive', ['suspect']])
  world.members.heard(peer, world.now, world.now.monoMs)
  expect(states()).toEqual(['alive'])
})

test('who was on a suspended host, where no clock shows it, vouches for nobody either', () => {
  const net = new Net()
  const [a, b, c] = net.cluster('a', 'b', 'c')
  net.hold(c, b)
  net.run(10)
  net.freeze(b)
  net.run(2 * SUSPECT)
  b.wasSuspended(2 * SUSPECT)
  net.thaw(b)
  net.run(config.heartbeatMs)
  const told = () =>
    b
      .sentOf('heartbeat', a)
      .findLast(({ roster }) => roster !== undefined)
      ?.roster?.find(({ id }) => id === c.id)?.state
  expect([b.peer(c).state, told()]).toEqual(['alive', 'suspect'])
  net.release(c, b)
  net.run(config.heartbeatMs)
  expect(told()).toBe('alive')
})

describe('what others tell', () => {
  test('makes a member known that we never met: suspect, and living', () => {
    const world = new MemberTable()
    world.tell(world.link('teller'), { id: 'new', state: 'alive' })
    expect(world.members.get('new')).toMatchObject({ state: 'suspect', announced: false, address: 'new:1' })
    expect(world.members.living).toEqual(new Set(['self', 'teller', 'new']))
  })

  test('is nothing to us when it is about ourselves', () => {
    const world = new MemberTable()
    world.tell(world.link('teller'), { id: 'self', state: 'dead' })
    expect(world.members.get('self')).toBeUndefined()
    expect(world.members.isGone('self')).toBe(false)
  })

  test('makes no member known that has left', () => {
    const world = new MemberTable()
    world.tell(world.link('teller'), { id: 'gone', state: 'left' })
    expect(world.members.get('gone')).toBeUndefined()
  })

  test('makes the dead known with what they had merged: tombstones wait for them', () => {
    const world = new MemberTable()
    const entry = { id: 'gone', state: 'dead' as const, digest: [stamp(5)] }
    world.tell(world.link('teller'), entry)
    expect(world.members.get('gone')?.state).toBe('dead')
    for (const peer of world.members.all()) if (peer.id === 'teller') peer.digest.raise(stamp(9))
    expect([world.members.isSettled(stamp(5)), world.members.isSettled(stamp(6))]).toEqual([true, false])
  })

  test('adds the digest of one that was known as dead without it', () => {
    const world = new MemberTable()
    const teller = world.link('teller')
    teller.digest.raise(stamp(9))
    world.tell(teller, { id: 'gone', state: 'dead' })
    world.tell(teller, { id: 'gone', state: 'dead', digest: [stamp(5)] })
    expect(world.members.isSettled(stamp(5))).toBe(true)
  })

  test('counts for nothing against a link of our own', () => {
    const world = new MemberTable()
    const peer = world.link('peer')
    world.tell(world.link('teller', { link: 2 }), { id: 'peer', state: 'left' })
    expect(peer.state).toBe('alive')
  })
})

describe('a new run of a member', () => {
  test('takes the place of the former one at the same name and address', () => {
    const world = new MemberTable()
    const former = world.link('peer', { id: 'peer1' })
    world.members.linkLost(former, world.now)
    world.link('peer', { id: 'peer2', link: 2 })
    expect(former.state).toBe('left')
    expect([...world.members.living]).toEqual(['self', 'peer2'])
    // Who lists the living by name has one of it all the time.
    expect(world.changes.slice(-2)).toEqual(['peer1: suspect -> left', 'peer2: suspect -> alive'])
  })

  test('does so when the former link closes only afterwards', () => {
    const world = new MemberTable()
    const former = world.link('peer', { id: 'peer1' })
    world.link('peer', { id: 'peer2', link: 2 })
    expect(former.state).toBe('alive')
    world.members.linkLost(former, world.now)
    expect(former.state).toBe('left')
  })

  test.each([
    ['our own', 'self', 'self:1', false],
    ['our own, on another network,', 'self', 'other:1', false],
    ["a linked member's", 'peer', 'peer:1', false],
    ["a linked member's, vouched for by who has not noticed yet,", 'peer', 'peer:1', true],
  ])('%s former run that others tell of afterwards is not waited for', (_, name, address, isVouchedFor) => {
    const world = new MemberTable()
    const peer = world.link('peer', { id: 'peer2' })
    const teller = world.link('teller', { link: 2 })
    for (const { digest } of [peer, teller]) digest.raise(stamp(5))
    const former = { id: `${name}1`, name, address }
    if (isVouchedFor) {
      world.tell(teller, { ...former, state: 'alive' })
      expect(world.members.isSettled(stamp(5))).toBe(false)
    }
    world.tell(teller, { ...former, state: 'dead' })
    // A linked member has to be heard of later than that: else it may be the one that is gone.
    world.after(2 * config.heartbeatMs + 1)
    world.members.heard(peer, world.now, world.nowMs)
    world.tell(teller, { ...former, state: 'dead' })
    expect(world.members.isSettled(stamp(5))).toBe(true)
    expect(world.members.isGone(former.id)).toBe(true)
  })

  test('is not taken for the former one when the link to that one merely seems whole', () => {
    const world = new MemberTable()
    const gone = world.link('peer', { id: 'peer1' })
    const teller = world.link('teller', { link: 2 })
    for (const { digest } of [gone, teller]) digest.raise(stamp(5))
    world.tell(teller, { id: 'peer2', name: 'peer', address: 'peer:1', state: 'alive' })
    // What was on its way from the one that is gone still comes.
    world.after(2 * config.heartbeatMs + 1)
    world.members.heard(gone, world.now, 0)
    world.tell(teller, { id: 'peer2', name: 'peer', address: 'peer:1', state: 'suspect' })
    expect(world.members.get('peer2')?.state).toBe('suspect')
    expect(world.members.isSettled(stamp(5))).toBe(false)
  })

  test('is not who was given the same name and address by mistake, and lives beside the other one', () => {
    const world = new MemberTable()
    const one = world.link('peer', { id: 'peer1' })
    const two = world.link('peer', { id: 'peer2', link: 2 })
    world.after(2 * config.heartbeatMs + 1)
    for (const peer of [one, two]) world.members.heard(peer, world.now, world.nowMs)
    world.members.linkLost(one, world.now)
    expect([one.state, two.state]).toEqual(['suspect', 'alive'])
    world.members.linkLost(two, world.now)
    world.link('peer', { id: 'peer1', link: 3 })
    world.members.heard(one, world.now, world.nowMs)
    world.tick()
    expect([one.state, two.state]).toEqual(['alive', 'suspect'])
  })

  test('of ours is not who is heard: it lives beside us', () => {
    const world = new MemberTable()
    const twin = world.link('self', { id: 'self2' })
    world.members.heard(twin, world.now, world.nowMs)
    world.members.linkLost(twin, world.now)
    world.tick()
    expect(twin.state).toBe('suspect')
  })

  test('leaves another name, or another address, alone', () => {
    const world = new MemberTable()
    const named = world.link('peer', { id: 'peer1' })
    const addressed = world.link('other', { id: 'other1', address: 'peer:2' })
    world.members.linkLost(named, world.now)
    world.members.linkLost(addressed, world.now)
    world.link('peer', { id: 'peer2', address: 'peer:2', link: 3 })
    expect([named.state, addressed.state]).toEqual(['suspect', 'suspect'])
  })
})

describe('what is told of a member that left', () => {
  test('is told with each heartbeat for a while, and then with hellos and transfers alone', () => {
    const world = new MemberTable()
    const [left, dead] = [world.link('left', { link: 1 }), world.link('dead', { link: 2 })]
    world.members.left(left, world.now)
    world.members.linkLost(dead, world.now)
    world.after(DEAD).tick()
    const told = (on: 'hello' | 'heartbeat' | 'transfer') =>
      world.members.roster(on, world.now).map(({ name, state }) => `${name} ${state}`)
    world.after(9 * config.deadAfterMs - 1)
    expect(told('heartbeat')).toEqual(['left left', 'dead dead'])
    world.after(1)
    expect(told('heartbeat')).toEqual(['dead dead'])
    for (const on of ['hello', 'transfer'] as const) expect(told(on)).toEqual(['left left', 'dead dead'])
  })
})

describe('what is settled', () => {
  test('is what everybody has merged who is known and has not left, the dead included', () => {
    const world = new MemberTable()
    const [dead, living, left] = ['dead', 'living', 'left'].map((name, i) => world.link(name, { link: i }))
    world.members.toldDigest(living as Peer, [stamp(5)], world.now.monoMs)
    world.members.left(left as Peer, world.now)
    world.members.linkLost(dead as Peer, world.now)
    world.members.refused('dead:1', world.now)
    world.members.refused('dead:1', world.now)
    expect([dead?.state, world.members.isSettled(stamp(5))]).toEqual(['dead', false])
    world.members.toldDigest(dead as Peer, [stamp(6)], world.now.monoMs)
    expect([world.members.isSettled(stamp(5)), world.members.isSettled(stamp(6))]).toEqual([true, false])
  })

  test('the dead are forgotten after forgetDeadAfterMs, and only they', () => {
    const world = new MemberTable()
    const dead = world.link('dead')
    world.members.linkLost(dead, world.now)
    world.after(DEAD).tick()
    const living = world.link('living', { link: 2 })
    world.after(config.forgetDeadAfterMs - 1)
    world.members.heard(living, world.now)
    world.tick()
    expect(world.members.get('dead')).toBe(dead)
    world.after(2).tick()
    expect(world.members.get('dead')).toBeUndefined()
    expect(world.members.get('living')).toBe(living)
    expect(world.members.isSettled(stamp(1))).toBe(false)
  })

  test('who left is not forgotten before its link is gone', () => {
    const world = new MemberTable()
    const left = world.link('left')
    world.members.left(left, world.now)
    world.after(config.forgetDeadAfterMs + 1)
    world.members.heard(left, world.now)
    expect(world.tick()).toEqual([])
    expect([world.members.get('left'), world.members.links()]).toEqual([left, [1]])
    world.members.linkLost(left, world.now)
    world.tick()
    expect(world.members.get('left')).toBeUndefined()
  })

  test('a member that was forgotten is not learned of again from who has not forgotten it yet', () => {
    const world = new MemberTable()
    const dead = world.link('dead')
    world.members.linkLost(dead, world.now)
    world.after(DEAD).tick()
    world.after(config.forgetDeadAfterMs + 1).tick()
    const teller = world.link('teller', { link: 2 })
    for (const state of ['dead', 'suspect', 'left'] as const) world.tell(teller, { id: 'dead', state })
    expect(world.members.get('dead')).toBeUndefined()
    // He has a link to it: it is back.
    world.tell(teller, { id: 'dead', state: 'alive' })
    expect(world.members.get('dead')?.state).toBe('suspect')
  })
})

describe('members that somebody makes up by the thousand', () => {
  const made = (count: number, state: MemberState = 'suspect', prefix = 'ghost') =>
    Array.from({ length: count }, (_, i) => ({ id: `${prefix}${i}`, state }))

  /** All that are known, by the beginnings of their names. */
  function known(world: MemberTable): Record<string, number> {
    const counts: Record<string, number> = {}
    for (const { id } of world.members.all()) {
      const name = id.replace(/\d+/, '')
      counts[name] = (counts[name] ?? 0) + 1
    }
    return counts
  }

  test('are known up to a bound, and keep out nobody who comes himself', () => {
    const world = new MemberTable()
    const teller = world.link('teller', { link: 9 })
    const dead = world.link('dead', { link: 8 })
    world.members.linkLost(dead, world.now)
    for (let i = 0; i < 2; i++) world.members.refused(dead.address, world.now)
    world.tell(teller, ...made(MAX_MEMBERS))
    expect(known(world)).toEqual({ teller: 1, dead: 1, ghost: MAX_MEMBERS - 2 })
    world.link('newcomer', { link: 7 })
    expect(world.members.get('newcomer')?.state).toBe('alive')
    // (Whoever was here, and may come back, goes before anybody lives who does.)
    expect(known(world)).toEqual({ teller: 1, newcomer: 1, ghost: MAX_MEMBERS - 2 })
  })

  test('make room for each other when they are gone, and then nobody waits for who does', () => {
    const world = new MemberTable()
    const teller = world.link('teller', { link: 9 })
    const dead = world.link('dead', { link: 8 })
    world.members.linkLost(dead, world.now)
    for (let i = 0; i < 2; i++) world.members.refused(dead.address, world.now)
    world.tell(teller, ...made(MAX_MEMBERS, 'dead'))
    world.tell(teller, ...made(MAX_MEMBERS, 'dead', 'other'))
    expect(known(world)).toEqual({ teller: 1, dead: 1, other: MAX_MEMBERS - 2 })
    expect(world.forgotten.length).toBe(MAX_MEMBERS - 2)
    expect([world.members.isSettled(stamp(1)), world.members.living.size]).toEqual([false, 2])
  })

  test('are no reason to refuse a member; as many that are really here are', () => {
    const world = new MemberTable()
    for (let i = 0; i < MAX_MEMBERS; i++) world.link(`real${i}`, { link: i })
    expect(() => world.link('newcomer')).toThrow(
      expect.objectContaining({ code: 'SESSIONMESH_TOO_MANY_MEMBERS' }),
    )
    world.tell(world.members.get('real0') as Peer, ...made(3))
    expect(known(world)).toEqual({ real: MAX_MEMBERS })
    world.members.linkLost(world.members.get('real5') as Peer, world.now)
    expect(() => world.link('newcomer')).toThrow(
      expect.objectContaining({ code: 'SESSIONMESH_TOO_MANY_MEMBERS' }),
    )
    world.after(DEAD).tick()
    world.link('newcomer')
    expect(known(world)).toEqual({ real: MAX_MEMBERS - 1, newcomer: 1 })
  })

  test('have merged nothing that counts, when what is said of them is more than is kept', () => {
    const world = new MemberTable()
    const teller = world.link('teller', { link: 9 })
    const digest = Array.from({ length: 10_000 }, (_, i) => stamp(1, `o${i}`))
    const told = made(50).map((entry) => ({ ...entry, digest }))
    const sizes = () => [...world.members.all()].reduce((sum, peer) => sum + peer.digest.size, 0)
    world.members.toldDigest(teller, [stamp(1)], world.now.monoMs)
    world.tell(teller, ...told)
    expect(sizes()).toBe(500_001)
    world.tell(teller, ...made(20, 'suspect', 'other').map((entry) => ({ ...entry, digest })))
    expect([sizes(), teller.digest.covers(stamp(1))]).toEqual([1, true])
  })
})
