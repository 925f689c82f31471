/** What a peer is told with a transfer beside the records that it lacks: how far all is settled. */

import { describe, expect, test } from 'vitest'
import { seenAt } from '../test/ahead.js'
import { Net } from '../test/harness.js'
import { packMessage } from './index.js'

describe('the end of a transfer', () => {
  test('tells of origins that are gone and settled: nobody looks for what they wrote', () => {
    const net = new Net()
    const [a, b] = net.cluster('a', 'b')
    b.write('s', { x: '1' })
    net.settle()
    const token = seenAt(b, 's')
    a.destroy('s')
    net.settle()
    net.kill(b)
    net.run(6_000)
    expect(a.replica.digest().map(({ origin }) => origin)).toEqual([a.id])
    const c = net.start(net.member('c'), a)
    net.run(500)
    expect(c.catchUp('s', token)).toBeUndefined()
    expect([c.replica.counters.lostWrites, c.replica.counters.staleReads, c.codes()]).toEqual([0, 0, []])
  })
})

test('of many pulls at once on one link the last is answered, when what is on its way has left', () => {
  const net = new Net()
  const [a, b] = net.cluster('a', 'b')
  a.write('s', { x: '1' })
  net.settle()
  a.forgetLog()
  for (let pull = 101; pull <= 150; pull++)
    a.act(
      a.replica.receive(a.peer(b).link ?? 0, packMessage({ kind: 'pull', pull, digest: [] }, b.id), a.now),
    )
  const answered = () => a.sentOf('state', b).map(({ pull }) => pull)
  expect(answered()).toEqual([101])
  net.settle()
  expect(answered()).toEqual([101, 150])
})
