/** Who is linked to whom, over which of two connections, and who is refused. */

import { describe, expect, test } from 'vitest'
import { stamp } from '../test/arbitraries.js'
import { Net } from '../test/harness.js'
import { type Member, WALL_MS } from '../test/member.js'
import { resolveConfig } from './config.js'
import { packMessage } from './index.js'
import { type Hello, PROTOCOL } from './messages.js'

const { deadAfterMs } = resolveConfig()

/** Two members that found each other, or did not. */
function meet(a: Member, b: Member, net: Net): void {
  net.start(a)
  net.start(b, a)
  net.run(100)
}

const linked = (a: Member, b: Member) =>
  a.replica.peers().some(({ id, link }) => id === b.id && link !== undefined)

const hello = (given: Partial<Hello> = {}): Hello => ({
  kind: 'hello',
  sentMs: 0,
  protocolMin: PROTOCOL.min,
  protocolMax: PROTOCOL.max,
  cluster: 'test',
  id: 'stranger',
  name: 'stranger',
  address: 'stranger:1',
  dial: 0,
  heartbeatMs: 250,
  isJoining: false,
  clockMs: WALL_MS,
  digest: [],
  purged: [],
  roster: [],
  ...given,
})

/** What comes of a hello from a stranger: is it linked, with which code was it cut, and what was the warning? */
function greeted(member: Member, message: Hello, remoteHost = '10.0.0.9') {
  const link = 99
  member.act(member.replica.linkUp(link, { remoteHost }, member.now))
  const effects = member.replica.receive(link, packMessage(message, message.id), member.now)
  const drop = effects.find((effect) => effect.type === 'drop')
  member.act(effects)
  return {
    reason: drop?.reason,
    warning: member.told('warning').at(-1),
    peer: member.replica.peers().find(({ id }) => id === message.id),
  }
}

test('a hello that comes after the goodbye of the same run brings nobody back', () => {
  const a = new Net().member('a')
  greeted(a, hello())
  a.act(a.replica.receive(99, packMessage({ kind: 'leave' }, 'stranger'), a.now))
  a.act(a.replica.linkUp(98, { remoteHost: '10.0.0.9' }, a.now))
  a.act(a.replica.receive(98, packMessage(hello(), 'stranger'), a.now))
  expect(a.replica.peers().map(({ state }) => state)).toEqual(['left'])
})

test('who is held for gone by mistake, or by malice, is not dialled and does not dial without a pause, and is soon back', () => {
  const net = new Net()
  const [a, b] = net.cluster('a', 'b')
  b.act(b.replica.receive(b.peer(a).link ?? 0, packMessage({ kind: 'leave' }, a.id), b.now))
  net.breakLink(a, b)
  for (const member of [a, b]) member.forgetLog()
  net.run(3_500)
  expect(b.peer(a).state).toBe('left')
  const dials = a.dials.length + b.dials.length
  expect([dials > 2, dials < 20]).toEqual([true, true])
  net.run(3_500)
  expect([a.peer(b).state, b.peer(a).state]).toEqual(['alive', 'alive'])
})

describe('two members at one address', () => {
  test('are linked both if they dial, and the user is told that they cannot be dialled both', () => {
    const a = new Net().member('a')
    greeted(a, hello({ address: ':7373' }))
    const other = hello({ id: 'other', name: 'other', address: ':7373' })
    a.act(a.replica.linkUp(98, { remoteHost: '10.0.0.9' }, a.now))
    a.act(a.replica.receive(98, packMessage(other, other.id), a.now))
    expect(a.replica.peers().map(({ id, state }) => `${id} ${state}`)).toEqual([
      'stranger alive',
      'other alive',
    ])
    expect(a.told('warning').map(({ code, message }) => [code, message.slice(0, 49)])).toEqual([
      ['SESSIONMESH_SAME_ADDRESS', 'other and stranger are both at 10.0.0.9:7373, so '],
    ])
  })

  test('are told of though one of them is this member itself', () => {
    const a = new Net().member('a')
    greeted(a, hello({ address: 'a:1' }))
    expect(a.told('warning').map(({ code, message }) => [code, message.slice(0, 52)])).toEqual([
      ['SESSIONMESH_SAME_ADDRESS', 'stranger says that it is at a:1, as this member does'],
    ])
  })

  test('are no such thing when one has taken the place of the other', () => {
    const net = new Net()
    const a = net.member('a')
    greeted(a, hello({ address: ':7373' }))
    net.run(1_100)
    greeted(a, hello({ id: 'next', name: 'next', address: ':7373' }))
    expect(a.codes()).not.toContain('SESSIONMESH_SAME_ADDRESS')
  })
})

describe('addresses in what a peer tells of others', () => {
  const told = (address: string) =>
    hello({ roster: [{ id: 'other', name: 'other', address, state: 'alive' }] })
  const otherAfter = (member: Member, message: Hello, remoteHost?: string) => {
    greeted(member, message, remoteHost)
    return member.replica.peers().find(({ id }) => id === 'other')?.address
  }

  test.each(['127.0.0.1:7374', '[::1]:7374', 'localhost:7374'])(
    '%s is on its own machine, and so where we see it',
    (address) => {
      const a = new Net().member('a')
      expect(otherAfter(a, told(address))).toBe('10.0.0.9:7374')
      expect(a.dials).toEqual(['10.0.0.9:7374'])
    },
  )

  test('are on the network by which we see it, if they are link-local', () => {
    const seen = (address: string, remoteHost: string) =>
      otherAfter(new Net().member('a'), told(address), remoteHost)
    expect(seen('[fe80::c%b0]:7374', 'fe80::b%a0')).toBe('[fe80::c%a0]:7374')
    expect(seen('[fe80::c]:7374', 'fe80::b%a0')).toBe('[fe80::c%a0]:7374')
    expect(seen('[fe80::c%b0]:7374', '10.0.0.9')).toBe('[fe80::c%b0]:7374')
    expect(seen('[2001:db8::c]:7374', 'fe80::b%a0')).toBe('[2001:db8::c]:7374')
  })

  test('are taken as they are otherwise', () => {
    expect(otherAfter(new Net().member('a'), told('10.1.0.1:7374'))).toBe('10.1.0.1:7374')
    expect(otherAfter(new Net().member('a'), told('localhost.example:7374'))).toBe('localhost.example:7374')
  })
})

describe('two members', () => {
  test('are linked after a hello from each', () => {
    const net = new Net()
    const [a, b] = [net.member('a'), net.member('b')]
    meet(a, b, net)
    expect([linked(a, b), linked(b, a), net.linksBetween(a, b)]).toEqual([true, true, 1])
    expect(a.peer(b)).toMatchObject({ name: 'b', address: 'b:1', state: 'alive' })
    expect([a.codes(), b.codes()]).toEqual([[], []])
  })

  test('are told of a goodbye that is said before the hello of the other end is read', () => {
    const net = new Net()
    const [a, b] = [net.member('a'), net.member('b')]
    const [near, far] = net.connect(a, b)
    net.deliver(a, near)
    net.deliver(b, far)
    net.deliver(b, far)
    expect([linked(a, b), linked(b, a)]).toEqual([false, true])
    a.act(a.replica.leave(a.now))
    net.deliver(b, far)
    expect(b.peer(a).state).toBe('left')
  })

  test('that dial each other at once settle on one link, though each reads another hello first', () => {
    const net = new Net()
    const [a, b] = [net.member('a'), net.member('b')]
    for (const member of [a, b]) net.start(member)
    net.settle()
    const [aDialled, bAccepted] = net.connect(a, b)
    const [bDialled, aAccepted] = net.connect(b, a)
    // Both connections are up at both ends, and all four hellos are on their way.
    for (const link of [aDialled, aAccepted]) net.deliver(a, link)
    for (const link of [bAccepted, bDialled]) net.deliver(b, link)
    net.deliver(a, aAccepted)
    net.deliver(b, bAccepted)
    net.settle()
    expect([a.peer(b).link, b.peer(a).link, net.linksBetween(a, b)]).toEqual([aDialled, bAccepted, 1])
    a.write('s', { x: '1' })
    b.write('t', { x: '2' })
    net.settle()
    expect(a.state()).toEqual(b.state())
    // One link too many is no sign of anything.
    for (const member of [a, b]) {
      expect(member.told('member').map(({ state }) => state)).toEqual(['alive'])
      expect([member.dials, member.codes()]).toEqual([[], []])
    }
  })

  test.each([
    ['a', 'b'],
    ['b', 'a'],
  ])('take the newer of two links that %s dialled: the older is a ghost', (first, second) => {
    const net = new Net()
    const members = { a: net.member('a'), b: net.member('b') }
    const [dialler, acceptor] = [members[first as 'a' | 'b'], members[second as 'a' | 'b']]
    for (const member of [dialler, acceptor]) net.start(member)
    net.connect(dialler, acceptor)
    net.settle()
    expect(linked(dialler, acceptor)).toBe(true)
    const [near, far] = net.connect(dialler, acceptor)
    net.settle()
    expect([dialler.peer(acceptor).link, acceptor.peer(dialler).link]).toEqual([near, far])
    expect(net.linksBetween(dialler, acceptor)).toBe(1)
    dialler.write('s', { x: '1' })
    net.settle()
    expect(acceptor.read('s')).toEqual({ x: '1' })
  })

  test('that dial twice, by two ways of which the second is faster, settle on one link', () => {
    const net = new Net()
    const [a, b] = [net.member('a'), net.member('b')]
    for (const member of [a, b]) net.start(member)
    net.settle()
    const [first, firstAccepted] = net.connect(a, b)
    const [second, secondAccepted] = net.connect(a, b)
    for (const link of [first, second]) net.deliver(a, link)
    for (const link of [secondAccepted, secondAccepted, firstAccepted, firstAccepted]) net.deliver(b, link)
    net.settle()
    expect([a.peer(b).link, b.peer(a).link, net.linksBetween(a, b)]).toEqual([second, secondAccepted, 1])
  })

  test('a silent link does not stand in the way of a new one', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    // The link that stands was dialled by a, which has the lower id: it would be kept if it were not silent.
    net.hold(a, b)
    net.hold(b, a)
    net.run(600)
    const [near] = net.connect(b, a)
    net.run(0)
    expect(b.peer(a).link).toBe(near)
  })
})

describe('a hello that is read late, by who stood still', () => {
  const readAfter = (ms: number) => {
    const net = new Net()
    const [a, b] = [net.start(net.member('a')), net.start(net.member('b'))]
    net.run(5_000)
    const [, link] = net.connect(b, a)
    net.deliver(a, link)
    net.freeze(a)
    b.write('s', { x: '1' })
    net.run(ms)
    a.isFrozen = false
    net.deliver(a, link)
    const links = a.replica.peers().map((peer) => peer.link)
    net.run(1_000)
    return { a, b, link, links }
  }

  test('establishes the link', () => {
    const { link, links } = readAfter(deadAfterMs - 100)
    expect(links).toEqual([link])
  })

  test('does not when the link was to be closed as mute, since how old the rest is nobody knows: another one is made', () => {
    const { a, b, links } = readAfter(deadAfterMs + 100)
    expect(links).toEqual([])
    expect([a.codes(), a.keys(), a.replica.load('s', a.now)?.remainingMs]).toEqual([
      ['SESSIONMESH_STALLED'],
      ['s'],
      b.replica.load('s', b.now)?.remainingMs,
    ])
  })
})

describe('a link that is broken at one end alone', () => {
  test('gives way after 2 heartbeats of silence, though the other end goes on dialling', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    const broken = a.peer(b).link
    // b dials when the test says so.
    net.silent.add(a.address)
    net.breakLink(b, a)
    // a does not learn of it.
    net.lose(b, a)
    const links = [200, 400, 600].map((ms) => {
      net.run(200)
      const [, far] = net.connect(b, a)
      net.settle()
      return [ms, a.peer(b).link === broken, a.peer(b).link === far]
    })
    expect(links).toEqual([
      [200, true, false],
      [400, true, false],
      [600, false, true],
    ])
    expect([linked(a, b), linked(b, a), net.linksBetween(a, b)]).toEqual([true, true, 1])
  })
})

describe('a hello is refused', () => {
  const member = () => {
    const net = new Net()
    const member = net.start(net.member('a'))
    net.settle()
    member.forgetLog()
    return member
  }

  test('of another cluster', () => {
    const { reason, warning, peer } = greeted(member(), hello({ cluster: 'other' }))
    expect([reason, peer]).toEqual(['SESSIONMESH_CLUSTER_MISMATCH', undefined])
    expect(warning?.message).toMatch(/stranger at stranger:1.*"other".*"test"/)
  })

  test.each([
    [PROTOCOL.max + 1, PROTOCOL.max + 2],
    [0, 0],
  ])('of a protocol from %d to %d', (protocolMin, protocolMax) => {
    const { reason, warning, peer } = greeted(member(), hello({ protocolMin, protocolMax }))
    expect([reason, peer]).toEqual(['SESSIONMESH_PROTOCOL_MISMATCH', undefined])
    expect(warning?.message).toContain(`${protocolMin} to ${protocolMax}`)
  })

  test('of another protocol, whatever else its hello may look like', () => {
    const next = PROTOCOL.max + 1
    const net = new Net()
    const a = net.start(net.member('a'))
    for (const [i, hello] of [
      [0, [], [0], next, next],
      [0, 'an id', {}, next, next, [], 'whatever comes to be said', 7],
    ].entries()) {
      a.act(a.replica.linkUp(100 + i, { remoteHost: '10.0.0.9' }, a.now))
      a.act(a.replica.receive(100 + i, hello, a.now))
    }
    expect(a.codes()).toEqual(['SESSIONMESH_PROTOCOL_MISMATCH', 'SESSIONMESH_PROTOCOL_MISMATCH'])
    expect(a.told('warning')[0]).toMatchObject({
      address: '10.0.0.9',
      message: expect.stringMatching(/speaks protocol 2 to 2.*\(from 10\.0\.0\.9\)/),
    })
  })

  test('of a protocol range that overlaps it is not', () => {
    expect(greeted(member(), hello({ protocolMax: 5 })).peer?.state).toBe('alive')
  })

  test('of a clock more than maxClockDriftMs ahead, with both clocks', () => {
    const { reason, warning, peer } = greeted(member(), hello({ clockMs: WALL_MS + 10_001 }))
    expect([reason, peer]).toEqual(['SESSIONMESH_CLOCK_DRIFT', undefined])
    expect(warning?.message).toContain(`${WALL_MS + 10_001}`)
    expect(warning?.message).toContain(`${WALL_MS} `)
  })

  test('of a clock 501 ms ahead it is not, but there is a warning', () => {
    const { reason, warning, peer } = greeted(member(), hello({ clockMs: WALL_MS + 501 }))
    expect([reason, peer?.state, warning?.code]).toEqual([undefined, 'alive', 'SESSIONMESH_CLOCK_DRIFT'])
  })

  test.each([500, -5_000])(
    'of a clock %d ms ahead it is neither: a hello may have been delayed',
    (aheadMs) => {
      expect(greeted(member(), hello({ clockMs: WALL_MS + aheadMs })).warning).toBeUndefined()
    },
  )

  test('with stamps from the future, whatever clock it tells', () => {
    const { reason, peer } = greeted(member(), hello({ digest: [stamp(WALL_MS + 20_001, 'stranger')] }))
    expect([reason, peer]).toEqual(['SESSIONMESH_CLOCK_DRIFT', undefined])
  })

  test('and the refused one learns why, is refused again at each attempt, and harms nobody', () => {
    const net = new Net()
    const [a, b] = [net.member('a'), net.member('b', { cluster: 'other' })]
    meet(a, b, net)
    expect(b.codes()).toContain('SESSIONMESH_CLUSTER_MISMATCH')
    expect(a.codes()).toContain('SESSIONMESH_CLUSTER_MISMATCH')
    expect([linked(a, b), linked(b, a)]).toEqual([false, false])
    // It does not wait for a peer that refuses it, and goes on trying at its own pace.
    expect(b.replica.isReady).toBe(true)
    const before = b.dials.length
    net.run(10_000)
    expect(b.dials.length - before).toBeGreaterThan(5)
    expect(b.dials.length - before).toBeLessThan(15)
  })

  test('not of members within the limit of one between them, however far ahead another one writes', () => {
    const net = new Net()
    const [a, b] = [net.member('a'), net.member('b', { skewMs: -9_500 })]
    const ahead = net.member('m', { skewMs: 9_500 })
    meet(a, b, net)
    ahead.start([a.address])
    net.run(3_000)
    expect([linked(a, ahead), linked(b, ahead)]).toEqual([true, false])
    for (let i = 0; i < 5; i++) {
      ahead.write('theirs', { x: `${i}` })
      net.run(500)
      a.write('ours', { x: `${i}` })
      net.run(500)
    }
    expect([b.read('ours'), b.read('theirs')]).toEqual([{ x: '4' }, { x: '4' }])
    expect([linked(a, b), a.peer(b).state, b.peer(a).state]).toEqual([true, 'alive', 'alive'])
  })

  test('by both, when one clock is far ahead', () => {
    const net = new Net()
    const [a, b] = [net.member('a'), net.member('b', { skewMs: 20_000 })]
    meet(a, b, net)
    expect([linked(a, b), linked(b, a)]).toEqual([false, false])
    expect(a.codes()).toContain('SESSIONMESH_CLOCK_DRIFT')
    // Not even for a moment: what one end refuses the other does not announce.
    expect([...a.told('member'), ...b.told('member')]).toEqual([])
  })
})

describe('a member that dials itself', () => {
  test('finds out, does not link, and looks there again only after a while: an address may change hands', () => {
    const net = new Net()
    const a = net.start(net.member('a'), 'a:1')
    net.run(9_000)
    expect([a.replica.peers(), a.dials]).toEqual([[], ['a:1']])
    net.run(9_000)
    expect([a.replica.peers(), a.dials]).toEqual([[], ['a:1', 'a:1']])
    expect([a.replica.isReady, a.codes()]).toEqual([true, []])
    expect([a.replica.isOwn('a:1'), a.replica.isOwn('b:1')]).toEqual([true, false])
  })
})

describe('an address', () => {
  test('without a host is filled in with where the member is seen', () => {
    const net = new Net()
    const a = net.start(net.member('a'))
    expect(greeted(a, hello({ address: ':7373' })).peer?.address).toBe('10.0.0.9:7373')
  })

  test('of a member that dialled us is dialled by us when its link has gone', () => {
    const net = new Net()
    const [a, b] = [net.member('a'), net.member('b')]
    meet(a, b, net)
    expect([a.dials, b.dials]).toEqual([[], ['a:1']])
    // b cannot come to us any more, and we to it.
    net.freeze(b)
    net.breakLink(a, b)
    net.run(100)
    expect(a.dials).toEqual(['b:1'])
  })

  test('spreads: who names one member becomes known to all', () => {
    const net = new Net()
    const [a, b, c, d] = [net.member('a'), net.member('b'), net.member('c'), net.member('d')]
    net.start(a)
    net.start(b, a)
    net.start(c, b)
    net.run(500)
    net.start(d, a)
    net.run(500)
    for (const one of [a, b, c, d])
      for (const other of [a, b, c, d])
        if (one !== other)
          expect([one.name, other.name, linked(one, other)]).toEqual([one.name, other.name, true])
  })
})

describe('a connection without a hello', () => {
  test('is closed after deadAfterMs', () => {
    const net = new Net()
    const [a, b] = [net.member('a'), net.member('b')]
    net.start(a)
    net.freeze(b)
    net.connect(b, a)
    net.run(1_900)
    expect(net.linksBetween(a, b)).toBe(1)
    net.run(500)
    expect(net.linksBetween(a, b)).toBe(0)
  })

  test('is cut when anything else comes first', () => {
    const net = new Net()
    const a = net.start(net.member('a'))
    a.act(a.replica.linkUp(99, { remoteHost: 'x' }, a.now))
    const effects = a.replica.receive(99, packMessage({ kind: 'leave' }, 'x'), a.now)
    expect(effects).toContainEqual({ type: 'drop', link: 99, reason: 'SESSIONMESH_BAD_FRAME' })
  })
})
