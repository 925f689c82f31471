/** What heartbeats leave out, that it counts all the same, and that members beat together. */

import { describe, expect, test } from 'vitest'
import { Net } from '../test/harness.js'
import { type Member, WALL_MS } from '../test/member.js'
import { resolveConfig } from './config.js'
import { packMessage } from './index.js'
import { type Hello, type Message, PROTOCOL } from './messages.js'

const { heartbeatMs, gapPatienceMs } = resolveConfig()

/** Which parts each heartbeat brought. */
function news(from: Member, to: Member): string[] {
  const heartbeats = from.sentOf('heartbeat', to)
  from.forgetLog()
  return heartbeats.map(
    ({ digest, roster }) => `${digest ? 'digest' : ''}${roster ? 'roster' : ''}` || 'nothing',
  )
}

describe('a heartbeat', () => {
  test('tells what changed since the one before on its link, and no more', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    net.run(heartbeatMs)
    a.forgetLog()
    net.run(2 * heartbeatMs)
    expect(news(a, b)).toEqual(['nothing', 'nothing'])
    a.write('s', { x: '1' })
    net.run(2 * heartbeatMs)
    expect(news(a, b)).toEqual(['digest', 'nothing'])
    net.kill(c)
    net.run(2 * heartbeatMs)
    expect(news(a, b).filter((what) => what !== 'nothing')).toContain('roster')
    net.run(2 * heartbeatMs)
    expect(news(a, b)).toEqual(['nothing', 'nothing'])
  })

  test('tells all on a new link', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    net.breakLink(a, b)
    net.run(2 * heartbeatMs)
    const [first, ...later] = news(a, b)
    expect([first, ...new Set(later)]).toEqual(['digestroster', 'nothing'])
  })

  test('that brings nothing new still shows a gap, until it is old enough to be pulled', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    net.hold(a, c)
    a.write('s', { x: '1' })
    net.run(gapPatienceMs - heartbeatMs)
    expect([news(b, c).at(-1), c.keys()]).toEqual(['nothing', []])
    net.run(2 * heartbeatMs)
    expect([c.keys(), c.sentOf('pull', b).length]).toEqual([['s'], 1])
  })

  test('that leaves out what none before it said on this link cuts it', () => {
    const net = new Net()
    const a = net.start(net.member('a'))
    const hello: Hello = {
      kind: 'hello',
      sentMs: 0,
      protocolMin: PROTOCOL.min,
      protocolMax: PROTOCOL.max,
      cluster: 'test',
      id: 'other',
      name: 'other',
      address: 'other:1',
      dial: 0,
      heartbeatMs,
      isJoining: false,
      clockMs: WALL_MS,
      digest: [],
      purged: [],
      roster: [],
    }
    const heartbeat = { kind: 'heartbeat', sentMs: 1, isJoining: false } as const
    const greet = () => {
      a.act(a.replica.linkUp(99, { remoteHost: '10.0.0.9' }, a.now))
      a.act(a.replica.receive(99, packMessage(hello, 'other'), a.now))
    }
    for (const parts of [{ digest: [] }, { roster: [] }, {}]) {
      // (What was said on a link that is gone counts for no other.)
      greet()
      a.act(a.replica.receive(99, packMessage({ ...heartbeat, digest: [], roster: [] }, 'other'), a.now))
      a.act(a.replica.linkDown(99, 'lost', a.now))
      greet()
      const message = { ...heartbeat, digest: undefined, roster: undefined, ...parts }
      const effects = a.replica.receive(99, packMessage(message, 'other'), a.now)
      expect(effects.find(({ type }) => type === 'drop')).toMatchObject({ reason: 'SESSIONMESH_BAD_FRAME' })
      a.act(effects)
    }
  })
})

test('without news, by the hundred, are heard, and heeded no more often than members beat', () => {
  const net = new Net()
  const [a, b] = net.cluster('a', 'b')
  const link = a.peer(b).link ?? 0
  const news = { digest: [{ time: 1, counter: 0, origin: 'made up' }], roster: [] }
  const beat = {
    kind: 'heartbeat',
    sentMs: 0,
    isJoining: false,
    digest: undefined,
    roster: undefined,
  } as const
  const receive = (message: Message) => a.act(a.replica.receive(link, packMessage(message, b.id), a.now))
  receive({ ...beat, ...news })
  const before = a.replica.counters.gaps
  for (let i = 0; i < 300; i++) receive(beat)
  expect(a.replica.counters.gaps - before).toBe(0)
  net.run(heartbeatMs / 2)
  for (let i = 0; i < 300; i++) receive(beat)
  expect(a.replica.counters.gaps - before).toBeLessThan(3)
  expect(a.replica.counters.gaps - before).toBeGreaterThan(0)
})

test('members that beat at different times beat together soon, and not more often', () => {
  const net = new Net()
  const [a, b, c] = net.cluster('a', 'b', 'c')
  // Each is kept from its heartbeat for another time, and late from then on.
  net.run(heartbeatMs - 10)
  net.freeze(b)
  net.freeze(c)
  net.run(50)
  net.thaw(b)
  net.run(50)
  net.thaw(c)
  net.run(2 * heartbeatMs)
  const beats = (member: Member) => member.sentOf('heartbeat').length / 2
  const times: string[] = []
  for (const member of [a, b, c]) member.forgetLog()
  for (let ms = 1; ms <= 4 * heartbeatMs; ms++) {
    const before = [a, b, c].map(beats)
    net.run(1)
    const beating = [a, b, c].filter((member, i) => beats(member) > before[i]!)
    if (beating.length > 0) times.push(beating.map(({ name }) => name).join(''))
  }
  expect(times).toEqual(Array(4).fill('abc'))
})
