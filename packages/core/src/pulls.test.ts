/** Repair: what a link that was down, a gap or a death has left out. */

import { describe, expect, test } from 'vitest'
import { Net } from '../test/harness.js'
import { type Member, WALL_MS } from '../test/member.js'
import { MAX_ORIGINS } from './config.js'
import { type Message, packMessage, resolveConfig, type Stamp } from './index.js'
import type { Purge } from './purged.js'
import type { Delta } from './session.js'

const kinds = (from: Member, to: Member) =>
  from.sent.filter((sent) => sent.to === to.id).map(({ message }) => message.kind)

/** A member with `count` sessions, and a small chunk: a transfer of it takes many turns. */
function loaded(count: number, config = {}): { net: Net; a: Member } {
  const net = new Net({ transferChunkRecords: 2, ...config })
  const a = net.start(net.member('a'))
  for (let i = 0; i < count; i++) a.write(`s${i}`, { x: `${i}` })
  net.settle()
  return { net, a }
}

const config = resolveConfig()

describe('a link', () => {
  test('begins with a pull from both ends, and closes what each missed', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    a.write('both', { x: '1', y: '1' })
    net.settle()
    net.cut(a, b)
    a.write('a only', { x: '1' })
    b.write('b only', { x: '1' })
    a.write('both', { x: '2', y: '1' })
    b.write('both', { x: '1', y: '2' })
    net.settle()
    net.run(500)
    net.heal(a, b)
    for (const member of [a, b]) member.forgetLog()
    net.run(2_000)
    expect([kinds(a, b)[0], kinds(b, a)[0]]).toEqual(['hello', 'hello'])
    expect([a.sentOf('pull').length, b.sentOf('pull').length]).toEqual([1, 1])
    expect(b.state()).toEqual(a.state())
    expect(a.read('both')).toEqual({ x: '2', y: '2' })
    expect(a.keys()).toEqual(['a only', 'b only', 'both'])
  })

  test('that dies in mid-transfer leaves nothing of it: what is staged was never received', () => {
    const { net, a } = loaded(0)
    const b = net.start(net.member('b'), a)
    net.run(100)
    b.write('own', { x: '1' })
    net.cut(a, b)
    for (let i = 0; i < 20; i++) a.write(`s${i}`, { x: `${i}` })
    net.run(500)
    net.heal(a, b)
    net.hold(a, b)
    net.run(2_000)
    for (let i = 0; i < 4; i++) net.deliverOne(a, b)
    net.breakLink(a, b)
    net.settle()
    expect(b.keys()).toEqual(['own'])
    expect(b.told('sync')).toContainEqual(
      expect.objectContaining({ phase: 'end', complete: false, sessions: 0 }),
    )
    net.release(a, b)
    net.run(2_000)
    expect(b.state()).toEqual(a.state())
  })

  test('live deltas wait for the transfer before them, and none is merged twice', () => {
    const { net, a } = loaded(20)
    const b = net.start(net.member('b'))
    net.settle()
    b.write('own', { x: '1' })
    net.settle()
    net.hold(a, b)
    net.connect(b, a)
    net.settle()
    a.write('s0', { x: 'live' })
    a.write('live', { x: '1' })
    net.settle()
    a.destroy('live')
    net.settle()
    net.release(a, b)
    net.run(300)
    expect(b.state()).toEqual(a.state())
    expect(b.read('s0')).toEqual({ x: 'live' })
    expect(b.read('live')).toBeUndefined()
  })

  test('a delta held back that the transfer contains is skipped: it would bring back the forgotten', () => {
    const { net, a } = loaded(6)
    const b = net.start(net.member('b'))
    net.settle()
    b.write('own', { x: '1' })
    net.settle()
    net.hold(a, b)
    net.connect(b, a)
    net.settle()
    // Live deltas to b, behind the first chunk; and all of it is contained in the transfer's later chunks.
    for (let i = 0; i < 6; i++) a.write(`s${i}`, { x: `again ${i}` })
    net.settle()
    net.release(a, b)
    net.run(300)
    expect(b.state()).toEqual(a.state())
    const changes = b.told('session').filter(({ sid, change }) => sid === 's0' && change === 'changed')
    expect(changes.length).toBeLessThanOrEqual(1)
  })
})

describe('the end of a transfer', () => {
  test('comes after what was written in the same turn, which its digest covers', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    const pull = packMessage({ kind: 'pull', pull: 77, digest: [] }, b.id)
    a.act(a.replica.receive(a.peer(b).link ?? 0, pull, a.now))
    expect(kinds(a, b)).toEqual(['delta', 'state'])
    expect(a.sentOf('state', b)[0]?.end?.digest).toEqual(a.replica.digest())
  })
})

describe('a gap', () => {
  test('about an origin that we are linked to is in flight until it is a second old', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    net.hold(a, c)
    a.write('s', { x: '1' })
    net.run(700)
    c.forgetLog()
    // b tells of it in each heartbeat, and c takes its time.
    expect(b.read('s')).toEqual({ x: '1' })
    expect([c.read('s'), c.sentOf('pull')]).toEqual([undefined, []])
    net.run(800)
    expect(c.sentOf('pull', b)).toHaveLength(1)
    expect(c.read('s')).toEqual({ x: '1' })
    expect(c.state().digest).toEqual(b.state().digest)
  })

  test('about an origin that we are not linked to is pulled at once', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    net.cut(a, c)
    net.run(300)
    c.forgetLog()
    a.write('s', { x: '1' })
    net.run(250)
    expect(c.sentOf('pull', b).length).toBeGreaterThan(0)
    expect(c.read('s')).toEqual({ x: '1' })
  })

  test('in the deltas of a peer itself is a loss: they are held, and pulled for', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    net.loseWrite(a, b)
    a.write('next', { x: '1' })
    net.settle()
    b.forgetLog()
    // The first frame that comes through shows the gap; nothing of it is merged alone.
    net.hold(b, a)
    net.release(a, b)
    expect([b.keys(), net.inFlight(b, a).map(({ kind }) => kind)]).toEqual([[], ['pull']])
    net.release(b, a)
    expect(b.keys()).toEqual(['lost', 'next'])
    expect(b.state()).toEqual(a.state())
  })
})

describe('deltas that are held for a gap', () => {
  test('are dropped when they are too many to hold, and come with the pull', () => {
    const maxLinkBufferBytes = 4_000
    const small = { maxSessionBytes: 1_000, maxBatchBytes: 1_000, transferChunkBytes: 600 }
    const net = new Net({ ...small, maxLinkBufferBytes })
    const [a, b] = net.cluster('a', 'b')
    net.loseWrite(a, b)
    net.release(a, b)
    net.hold(b, a)
    const heldBytes: number[] = []
    for (let i = 0; i < 40; i++) {
      a.write(`s${10 + i}`, { x: '1' }, { acks: 'one' })
      net.settle()
      heldBytes.push(b.replica.heldBytes)
    }
    const [one = 0] = heldBytes
    expect(Math.max(...heldBytes)).toBeLessThanOrEqual(maxLinkBufferBytes)
    expect(40 * one).toBeGreaterThan(maxLinkBufferBytes)
    expect(b.keys()).toEqual([])
    net.release(b, a)
    expect([b.keys().length, b.replica.heldBytes]).toEqual([41, 0])
    expect(b.state()).toEqual(a.state())
    // Only what was held since the last time that it was too much is acknowledged by itself.
    expect(b.sentOf('ack')).toHaveLength((heldBytes.at(-1) ?? 0) / one)
    expect(a.acked.map(({ peers }) => peers)).toEqual(Array(40).fill(1))
    a.write('live', { x: '1' })
    net.settle()
    expect([b.read('live'), b.sentOf('pull').length]).toEqual([{ x: '1' }, 1])
  })

  test('and were dropped, keep what their sender tells of itself from being believed until the pull ends', () => {
    const small = { maxSessionBytes: 1_000, maxBatchBytes: 1_000, transferChunkBytes: 600 }
    const net = new Net({ ...small, maxLinkBufferBytes: 4_000 })
    const [a, b] = net.cluster('a', 'b')
    net.loseWrite(a, b)
    net.release(a, b)
    net.hold(b, a)
    let heldBytes = 0
    for (let i = 0; b.replica.heldBytes >= heldBytes; i++) {
      heldBytes = b.replica.heldBytes
      a.write(`s${i}`, { x: '1' })
      net.settle()
    }
    net.run(config.heartbeatMs)
    expect(b.peer(a).digest.coversAll(a.replica.digest())).toBe(false)
    net.release(b, a)
    net.run(config.heartbeatMs)
    expect(b.peer(a).digest.coversAll(a.replica.digest())).toBe(true)
    expect(b.state()).toEqual(a.state())
  })
})

describe('the end of a transfer', () => {
  /** b lacks a write of a, be it a's first or not, and a ends the transfer by which it is asked for. */
  function ended(digest: readonly Stamp[], purged: readonly Purge[] = [], isFirst = true) {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    if (!isFirst) {
      a.write('first', { x: '1' })
      net.run(config.heartbeatMs)
    }
    net.loseWrite(a, b)
    a.write('next', { x: '1' })
    net.settle()
    net.deliverOne(a, b)
    const [asked] = b.sentOf('pull', a)
    if (asked === undefined) throw new Error('nothing was asked for')
    const end = { digest, roster: [], purged, isReady: true }
    const message = { kind: 'state', sentMs: 0, pull: asked.pull, records: [], end } as const
    b.forgetLog()
    b.act(b.replica.receive(b.peer(a).link ?? 0, packMessage(message, a.id), b.now))
    return { net, a, b }
  }

  test('that speaks of writes of ours that are to come makes us lose none of them', () => {
    const { b } = ended([{ time: WALL_MS + 5_000, counter: 0, origin: 'b1' }])
    b.write('s', { x: 'ours' })
    expect([b.read('s'), b.codes()]).toEqual([{ x: 'ours' }, []])
  })

  test('that tells of writers without end is refused, and nothing of it counts', () => {
    const writers = Array.from({ length: MAX_ORIGINS / 2 + 1 }, (_, i) => ({
      time: 1,
      counter: 0,
      origin: `o${i}`,
    }))
    const { b } = ended(writers)
    expect([b.codes(), b.replica.digest().length]).toEqual([['SESSIONMESH_BAD_FRAME'], 0])
  })

  test('that tells of removals that its sender has not merged himself is refused, and nothing of it counts', () => {
    const made = { time: WALL_MS, counter: 0, origin: 'made' }
    const { net, a, b } = ended([made], [{ removals: [{ ...made, counter: 1 }], writers: [] }])
    expect([b.replica.covers([made]), b.peer(a).link]).toEqual([false, undefined])
    net.settle()
    // Whoever tells it may tell it again: not at once.
    expect([...a.dials, ...b.dials]).toEqual([])
    net.release(a, b)
    net.run(config.maxDialBackoffMs)
    expect(b.state()).toEqual(a.state())
  })

  test('that tells of removals which its sender has merged parts nobody from him, though deltas of his still wait', () => {
    const made = { time: WALL_MS, counter: 0, origin: 'made' }
    const { b, a } = ended([made], [{ removals: [made], writers: ['a1'] }], false)
    expect(b.replica.heldBytes).toBeGreaterThan(0)
    expect([b.replica.covers([made]), b.peer(a).link]).toEqual([true, expect.any(Number)])
  })

  test('that tells of removals of what this member has yet to write is believed in nothing of that', () => {
    const made = { time: WALL_MS + 5_000, counter: 0, origin: 'b1' }
    const { a, b } = ended([made], [{ removals: [made], writers: ['a1'] }])
    const effects = b.replica.linkUp(99, { remoteHost: '10.0.0.9' }, b.now)
    const hellos = effects.flatMap((effect) => (effect.type === 'send' ? [effect.message] : []))
    expect([hellos, b.peer(a).link]).toMatchObject([[{ kind: 'hello', purged: [] }], expect.any(Number)])
  })
})

test('a peer that believed what somebody made up of our writes is not asked for them, and takes the next', () => {
  const net = new Net()
  const [a, b] = net.cluster('a', 'b')
  const made = { time: WALL_MS + 5_000, counter: 7, origin: a.id }
  b.act(b.replica.linkUp(99, { remoteHost: '10.0.0.9' }, b.now))
  const from = { id: 'made', name: 'made', address: 'made:1', cluster: 'test', dial: 1, heartbeatMs: 250 }
  const told = { digest: [], purged: [], roster: [], isJoining: false, clockMs: WALL_MS, sentMs: 0 }
  const hello = { kind: 'hello', protocolMin: 1, protocolMax: 1, ...from, ...told } as const
  const tell = (message: Message) => b.replica.receive(99, packMessage(message, 'made'), b.now)
  const asked = tell(hello).flatMap((effect) => (effect.type === 'send' ? [effect.message] : []))
  const pull = asked.find((message) => message.kind === 'pull')?.pull ?? 0
  const end = { digest: [made], roster: [], purged: [], isReady: true }
  b.act(tell({ kind: 'state', sentMs: 0, pull, records: [], end }))
  expect(b.replica.covers([made])).toBe(true)
  a.forgetLog()
  net.run(2_000)
  expect(a.sentOf('pull')).toEqual([])
  a.write('s', { x: 'ours' })
  net.run(100)
  expect(b.read('s')).toEqual({ x: 'ours' })
})

describe('a peer that lets a gap stand, and sends on', () => {
  /** How much b holds after each of a hundred such deltas of a. */
  function held(deltas: (i: number) => Delta[]): number[] {
    const small = { maxSessionBytes: 1_000, maxBatchBytes: 1_000, transferChunkBytes: 600 }
    const net = new Net({ ...small, maxLinkBufferBytes: 4_000 })
    const [a, b] = net.cluster('a', 'b')
    net.loseWrite(a, b)
    net.hold(b, a)
    const upTo = a.replica.digest()[0] as Stamp
    return Array.from({ length: 100 }, (_, i) => {
      const message = {
        kind: 'delta',
        sentMs: 0,
        previous: upTo,
        upTo,
        wantsAck: true,
        deltas: deltas(i),
      } as const
      b.act(b.replica.receive(b.peer(a).link ?? 0, packMessage(message, a.id), b.now))
      return b.replica.heldBytes
    })
  }
  const created = { time: 1, counter: 0, origin: 'a1' }

  test('is held to the same bound if nothing is in them', () => {
    const bytes = held(() => [])
    expect([bytes[0]! > 0, Math.max(...bytes) <= 4_000, bytes.includes(0)]).toEqual([true, true, true])
  })

  test('and if all their bytes are in ids and names', () => {
    const long = 'n'.repeat(3_000)
    const attributes = [{ name: long, value: 1, stamp: created }]
    expect(held((i) => [{ sid: `s${i}`, created, attributes }])[0]).toBeGreaterThan(3_000)
    expect(held((i) => [{ sid: `${long}${i}`, created, attributes: [] }])[0]).toBeGreaterThan(3_000)
  })
})

describe('a delta of which all is merged already', () => {
  test('brings back nothing that was forgotten since, not even for a touch in it', () => {
    const net = new Net({ ttlMs: 1_000 })
    const [a, b] = net.cluster('a', 'b')
    a.write('s', { x: '1' })
    net.run(500)
    b.forgetLog()
    a.touch('s')
    a.write('other', { x: '1' }, { ttlMs: 60_000 })
    net.settle()
    const [delta] = a.sentOf('delta', b).slice(-1)
    if (delta === undefined) throw new Error('no delta was sent')
    expect(delta.deltas.map(({ sid }) => sid)).toEqual(['s', 'other'])
    net.run(15_000)
    expect([b.keys(), b.replica.size]).toEqual([['other'], 1])
    b.act(b.replica.receive(b.peer(a).link ?? 0, packMessage(delta, a.id), b.now))
    expect([b.replica.size, b.replica.pending, b.codes()]).toEqual([1, 0, []])
  })
})

describe('the last writes of a member that dies', () => {
  test('reach the peer that has not got them, from the one that has', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    a.write('s', { x: '1' })
    net.settle()
    net.hold(a, c)
    a.write('s', { x: '2' })
    net.settle()
    net.kill(a)
    net.run(300)
    expect([b.read('s'), c.read('s')]).toEqual([{ x: '2' }, { x: '2' }])
    expect(c.state()).toEqual(b.state())
  })

  test('also those that it had passed on without being linked to it', () => {
    const net = new Net()
    const [a, b, c] = net.cluster('a', 'b', 'c')
    net.cut(a, c)
    net.run(300)
    a.write('s', { x: '1' })
    net.settle()
    net.kill(a)
    net.run(300)
    expect(c.state()).toEqual(b.state())
    expect(c.read('s')).toEqual({ x: '1' })
  })
})

describe('a pull from a peer that falls silent', () => {
  const { suspectAfterMs, heartbeatMs } = config

  /** To a, d is cut off. b has more of d's, is asked for it, and does not hear that. */
  function unheard(net: Net, [a, b, d]: readonly [Member, Member, Member]) {
    net.cut(a, d)
    net.hold(a, b)
    d.write('s', { x: '1' })
    net.run(2 * heartbeatMs)
    expect(a.sentOf('pull', b)).toHaveLength(1)
  }

  /** Nor is it heard. */
  function silent(net: Net, [a, b, d]: readonly [Member, Member, Member]) {
    unheard(net, [a, b, d])
    net.hold(b, a)
  }

  const answers = (net: Net, a: Member, b: Member) => {
    net.release(a, b)
    net.release(b, a)
    net.settle()
  }

  test('gives way to what others have, and begins anew when it is heard again', () => {
    const net = new Net()
    const [a, b, c, d] = net.cluster('a', 'b', 'c', 'd')
    net.hold(d, c)
    silent(net, [a, b, d])
    net.release(d, c)
    net.run(suspectAfterMs + 2 * heartbeatMs)
    expect([a.peer(b).state, a.read('s'), a.sentOf('pull', b).length]).toEqual(['suspect', { x: '1' }, 1])
    answers(net, a, b)
    expect([a.peer(b).state, a.sentOf('pull', b).length, a.replica.pending]).toEqual(['alive', 2, 0])
    expect(a.state()).toEqual(c.state())
  })

  test('gives way as well when that one is heard, and says that it does not hear us', () => {
    const net = new Net()
    const [a, b, c, d] = net.cluster('a', 'b', 'c', 'd')
    net.hold(d, c)
    unheard(net, [a, b, d])
    net.release(d, c)
    net.run(suspectAfterMs + 2 * heartbeatMs)
    expect([a.peer(b).state, b.peer(a).state, a.read('s')]).toEqual(['alive', 'suspect', { x: '1' }])
    net.release(a, b)
    net.run(2 * heartbeatMs)
    expect([a.peer(b).hearsUs, a.replica.pending]).toEqual([true, 0])
  })

  test('is begun all the same while nobody else is to be asked', () => {
    const net = new Net()
    const [a, b, d] = net.cluster('a', 'b', 'd')
    net.cut(a, d)
    net.hold(a, b)
    net.run(suspectAfterMs + 2 * heartbeatMs)
    const before = [a.peer(b).state, a.peer(b).hearsUs, a.sentOf('pull', b).length]
    d.write('s', { x: '1' })
    net.run(2 * heartbeatMs)
    expect([...before, a.sentOf('pull', b).length]).toEqual(['alive', false, 0, 1])
    net.release(a, b)
    net.settle()
    expect([a.sentOf('pull', b).length, a.read('s'), a.replica.pending]).toEqual([1, { x: '1' }, 0])
  })

  test('goes on while nobody else has anything', () => {
    const net = new Net()
    const [a, b, d] = net.cluster('a', 'b', 'd')
    silent(net, [a, b, d])
    net.run(suspectAfterMs + 2 * heartbeatMs)
    expect(a.peer(b).state).toBe('suspect')
    answers(net, a, b)
    expect([a.sentOf('pull', b).length, a.read('s'), a.replica.pending]).toEqual([1, { x: '1' }, 0])
  })
})
