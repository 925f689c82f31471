/** Links come and go, and what went over them only grows. */

import type { LinkReport, Member, Status } from 'sessionmesh'
import { expect, test } from 'vitest'
import { TrafficMeter } from './traffic.js'

const byId: Record<string, string> = { 'b-1': 'b', 'b-2': 'b', 'c-1': 'c' }

function status(
  links: [peer: string, sentBytes: number, lagMs?: number][],
  members = Object.keys(byId),
): Status {
  return {
    members: members.map((id) => ({ id, name: byId[id]! }) as Member),
    links: links.map(
      ([peer, sentBytes, lagMs]): LinkReport => ({
        peer,
        sentBytes,
        receivedBytes: 2 * sentBytes,
        sentFrames: sentBytes / 10,
        receivedFrames: sentBytes / 10,
        bufferedBytes: 5,
        ...(lagMs !== undefined && { lag: { p50Ms: lagMs, p99Ms: 2 * lagMs, deltas: 1 } }),
      }),
    ),
  } as Status
}

const sent = (meter: TrafficMeter, now: Status) =>
  Object.fromEntries(meter.read(now).map(({ peer, sentBytes }) => [peer, sentBytes]))

test('goes on from one link to the next, to another run of the peer too', () => {
  const meter = new TrafficMeter()
  expect(sent(meter, status([['b-1', 100]]))).toEqual({ b: 100 })
  expect(sent(meter, status([['b-1', 150]]))).toEqual({ b: 150 })
  // Another link to the same run: it has sent less.
  expect(sent(meter, status([['b-1', 20]]))).toEqual({ b: 170 })
  expect(sent(meter, status([]))).toEqual({ b: 170 })
  expect(sent(meter, status([['b-1', 30]]))).toEqual({ b: 200 })
  expect(sent(meter, status([['b-2', 40]]))).toEqual({ b: 240 })
})

test('does not depend on how often it is read', () => {
  const meter = new TrafficMeter()
  const now = status([
    ['b-1', 100],
    ['c-1', 10],
  ])
  for (let i = 0; i < 3; i++) expect(sent(meter, now)).toEqual({ b: 100, c: 10 })
})

test('keeps nothing of a peer whose name the cluster has forgotten', () => {
  const meter = new TrafficMeter()
  meter.read(status([['b-1', 100]]))
  expect(sent(meter, status([], ['c-1']))).toEqual({})
  expect(sent(meter, status([['b-2', 10]]))).toEqual({ b: 10 })
})

test('of two that are linked and have the same name: the sum, and the slower one', () => {
  const [b] = new TrafficMeter().read(
    status([
      ['b-1', 100, 4],
      ['b-2', 10, 7],
    ]),
  )
  expect(b).toEqual({
    peer: 'b',
    sentBytes: 110,
    receivedBytes: 220,
    sentFrames: 11,
    receivedFrames: 11,
    bufferedBytes: 10,
    lag: { p50Ms: 7, p99Ms: 14 },
  })
})

test('without a link nothing is said of it but what went over the former ones', () => {
  const meter = new TrafficMeter()
  meter.read(status([['b-1', 100, 4]]))
  expect(meter.read(status([]))).toEqual([
    { peer: 'b', sentBytes: 100, receivedBytes: 200, sentFrames: 10, receivedFrames: 10 },
  ])
})
