/** What a member may have missed is not held against a session: nothing ends by time before it has been told. */

import { describe, expect, test } from 'vitest'
import { Net } from '../test/harness.js'
import type { Member } from '../test/member.js'
import { graceMs, resolveConfig } from './config.js'

const TTL = 5_000
const config = resolveConfig()
/** Without a use, its owner tells the end of a session after so long, and forgets it. */
const OVER = TTL + graceMs(TTL, config)

/** b answers for a session, is cut off from a, and does not learn that a uses it. */
function cutOff(isFrozen: boolean, forMs: number) {
  const net = new Net({ ttlMs: TTL })
  const [a, b] = net.cluster('a', 'b')
  b.write('s', { x: '1' })
  net.run(config.heartbeatMs)
  for (const member of [a, b]) member.forgetLog()
  if (isFrozen) net.freeze(b)
  net.cut(a, b)
  for (let ms = 0; ms < forMs; ms += config.heartbeatMs) {
    net.run(config.heartbeatMs)
    a.touch('s')
  }
  return { net, a, b }
}

function expectNothingEnded(a: Member, b: Member): void {
  expect([a, b].flatMap((member) => member.told('session'))).toEqual([])
  expect([a.keys(), b.keys()]).toEqual([['s'], ['s']])
  expect(b.state()).toEqual(a.state())
}

test('who stood still asks again, whatever it is being sent already', () => {
  const net = new Net()
  const [a, b] = net.cluster('a', 'b')
  net.hold(a, b)
  net.breakLink(a, b)
  net.settle()
  const answered = net.inFlight(a, b).findIndex((message) => message.kind === 'state')
  expect(net.inFlight(a, b)[answered]).toMatchObject({ end: expect.anything() })
  net.freeze(b)
  net.run(config.suspectAfterMs + 2 * config.heartbeatMs)
  net.thaw(b, { timersFirst: true })
  b.forgetLog()
  // What a had when it was asked first.
  for (let frame = 0; frame <= answered; frame++) net.deliverOne(a, b)
  expect([b.sentOf('pull', a).length, b.replica.isBehind]).toEqual([1, true])
  net.release(a, b)
  expect(b.replica.isBehind).toBe(false)
})

test.for([0, 10_000])(
  'who asked within a long turn asks again when it is over (clock off by %d ms then)',
  (offMs) => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    net.freeze(b)
    net.run(config.suspectAfterMs + 2 * config.heartbeatMs)
    b.isFrozen = false
    b.skewMs += offMs
    b.write('own', { x: '1' })
    b.isFrozen = true
    net.hold(a, b)
    net.settle()
    const answered = net.inFlight(a, b).findLastIndex((message) => message.kind === 'state')
    b.skewMs -= offMs
    a.write('later', { x: '1' })
    net.run(10)
    b.isFrozen = false
    for (let frame = 0; frame <= answered; frame++) net.deliverOne(a, b)
    expect([b.keys(), b.replica.isBehind]).toEqual([['own'], true])
    b.tick()
    expect(b.replica.isBehind).toBe(true)
    net.release(a, b)
    b.tick()
    expect([b.keys(), b.replica.isBehind]).toEqual([['later', 'own'], false])
  },
)

describe('nobody is found dead by a member that stood still', () => {
  const LONG_MS = 2 * config.deadAfterMs

  /** a's loop does not come round; every 100 ms it does this itself. */
  function standing(forMs: number, meanwhile: (net: Net, a: Member, b: Member) => void) {
    const net = new Net()
    // The others have patience with a.
    const patient = { config: { deadAfterMs: 10 * LONG_MS } }
    const a = net.start(net.member('a'))
    const b = net.start(net.member('b', patient), a)
    const c = net.start(net.member('c', patient), a, b)
    net.run(2 * config.heartbeatMs)
    a.forgetLog()
    net.freeze(a)
    for (let ms = 0; ms < forMs; ms += 100) {
      net.run(100)
      a.isFrozen = false
      meanwhile(net, a, b)
      a.isFrozen = true
    }
    a.isFrozen = false
    a.tick()
    const states = [b, c].map((peer) => a.peer(peer).state)
    net.settle()
    net.run(2 * config.heartbeatMs)
    return { a, states, statesLater: [b, c].map((peer) => a.peer(peer).state) }
  }

  test.for<[string, (net: Net, a: Member, b: Member) => void]>([
    ['while it wrote', (_, a) => a.write('s', { x: `${a.now.monoMs}` })],
    ['while what it sends was handed over', (_, a) => a.act(a.replica.drained(1, a.now))],
    [
      'while it read what one of them sent',
      (net, a, b) => {
        if (net.inFlight(b, a).length > 0) net.deliver(a, a.peer(b).link as number)
      },
    ],
  ])('%s', ([, meanwhile]) => {
    const { a, states, statesLater } = standing(LONG_MS, meanwhile)
    expect(states).not.toContain('dead')
    expect(statesLater).toEqual(['alive', 'alive'])
    expect(a.told('member').filter(({ state }) => state === 'dead')).toEqual([])
    expect(a.replica.counters.stalls).toBe(1)
  })

  test('and who is gone meanwhile is found so in time', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    net.freeze(a)
    net.freeze(b)
    for (let ms = 0; ms < LONG_MS; ms += 100) {
      net.run(100)
      a.write('s', { x: `${ms}` })
    }
    net.thaw(a, { timersFirst: true })
    net.run(config.deadAfterMs + 2 * config.heartbeatMs)
    expect(a.peer(b).state).toBe('dead')
  })
})

describe('a session in use elsewhere', () => {
  test('does not end at a member that stood still, before it is linked again and has caught up', () => {
    const { net, a, b } = cutOff(true, OVER + 2 * config.sweepMs)
    net.thaw(b, { timersFirst: true })
    // Nobody can be asked yet.
    net.run(config.deadAfterMs / 2)
    expect([b.replica.isBehind, b.replica.pending]).toEqual([true, 0])
    net.heal(a, b)
    net.connect(b, a)
    net.run(2 * config.sweepMs)
    expectNothingEnded(a, b)
  })

  test('does not end at a member that is about to be told what it has missed', () => {
    const { net, a, b } = cutOff(false, OVER - 2 * config.heartbeatMs)
    net.hold(a, b)
    net.heal(a, b)
    net.connect(b, a)
    net.run(config.deadAfterMs / 2)
    expect([b.replica.isBehind, b.replica.pending]).toEqual([false, 1])
    net.release(a, b)
    net.run(2 * config.sweepMs)
    expectNothingEnded(a, b)
  })
})

test('who stood still for longer than silence takes to be suspect is told, once, and no other', () => {
  const net = new Net()
  const [a, b] = net.cluster('a', 'b')
  const stall = (ms: number) => {
    net.freeze(b)
    net.run(ms)
    net.thaw(b, { timersFirst: true })
    net.run(1_000)
    return [a, b].flatMap((member) => member.codes())
  }
  expect(stall(config.suspectAfterMs - config.heartbeatMs)).toEqual([])
  expect(stall(config.suspectAfterMs + 2 * config.heartbeatMs)).toEqual(['SESSIONMESH_STALLED'])
  expect(b.codes()).toEqual(['SESSIONMESH_STALLED'])
})
