/** Idle time: what was long on its way, or long waited here, is as old as it is. */

import { describe, expect, test } from 'vitest'
import { Net } from '../test/harness.js'
import type { Member } from '../test/member.js'
import { resolveConfig } from './config.js'

const TTL = 20_000
const WAITED = 4_000
/** What a link's clock may have unlearnt meanwhile, and no more. */
const SLACK = 10

/** Two members that do not take a few seconds of silence for a death. */
function pair() {
  const net = new Net({ ttlMs: TTL, suspectAfterMs: 10_000, deadAfterMs: 10_000 })
  const [a, b] = net.cluster('a', 'b')
  return { net, a, b }
}

const idleMs = (member: Member, sid: string) => {
  const view = member.replica.load(sid, member.now)
  return view === undefined ? undefined : view.ttlMs - view.remainingMs
}

function expectWaited(member: Member, sid: string): void {
  expect(idleMs(member, sid)).toBeGreaterThan(WAITED - SLACK)
  expect(idleMs(member, sid)).toBeLessThanOrEqual(WAITED)
}

test('a heartbeat is sent every heartbeatMs, whatever else is due in between', () => {
  const net = new Net()
  const [a, b] = net.cluster('a', 'b')
  const { heartbeatMs } = resolveConfig()
  const sent = () => a.sentOf('heartbeat', b).length
  const before = sent()
  for (let i = 0; i < 10; i++) {
    // Almost a heartbeat later something else is due: an ack that will not come, an address to dial.
    net.run(heartbeatMs - 10)
    a.tick()
    net.run(10)
  }
  expect(sent() - before).toBe(10)
})

describe('a delta', () => {
  test.each(['write', 'touch'] as const)('(a %s) that a clogged wire held up is no fresh use', (kind) => {
    const { net, a, b } = pair()
    a.write('s', { x: '1' })
    net.run(5_000)
    net.hold(a, b)
    if (kind === 'write') a.write('s', { x: '2' })
    else a.touch('s')
    net.run(WAITED)
    expect(idleMs(b, 's')).toBe(5_000 + WAITED)
    net.release(a, b)
    expectWaited(b, 's')
    expect(idleMs(a, 's')).toBe(WAITED)
  })

  test('that waited before a stalled process is no fresh use', () => {
    const { net, a, b } = pair()
    net.freeze(b)
    a.write('s', { x: '1' })
    net.run(WAITED)
    net.thaw(b)
    expectWaited(b, 's')
  })

  test('that is held here until a gap before it is closed is no fresh use', () => {
    const { net, a, b } = pair()
    net.loseWrite(a, b)
    a.write('s', { x: '1' })
    net.settle()
    net.deliverOne(a, b)
    expect([b.keys(), b.sentOf('pull', a).length]).toEqual([[], 1])
    net.run(WAITED)
    net.release(a, b)
    expect(b.keys()).toEqual(['lost', 's'])
    expectWaited(b, 's')
  })
})

describe('a transfer', () => {
  /** b is to get 4 sessions in chunks of 1, the first of which has come. */
  function staged(isJoiner: boolean) {
    const net = new Net({ ttlMs: TTL, suspectAfterMs: 10_000, deadAfterMs: 10_000, transferChunkRecords: 1 })
    const a = net.start(net.member('a'))
    const b = net.member('b')
    if (!isJoiner) net.start(b)
    net.settle()
    for (let i = 0; i < 4; i++) a.write(`s${i}`, { x: '1' })
    net.settle()
    net.hold(a, b)
    if (isJoiner) net.start(b, a)
    else net.connect(b, a)
    net.settle()
    while (b.replica.counters.pulls === 0 || net.inFlight(a, b)[0]?.kind !== 'state') net.deliverOne(a, b)
    net.deliverOne(a, b)
    return { net, a, b }
  }

  test.each([false, true])(
    'whose end is late makes nothing of it look used since (joiner: %s)',
    (isJoiner) => {
      const { net, a, b } = staged(isJoiner)
      expect([b.keys(), b.replica.size]).toEqual([[], isJoiner ? 1 : 0])
      net.run(WAITED)
      net.release(a, b)
      expect(b.keys()).toEqual(['s0', 's1', 's2', 's3'])
      for (const sid of b.keys()) expectWaited(b, sid)
    },
  )
})
