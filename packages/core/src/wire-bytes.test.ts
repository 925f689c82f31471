/** What weighs how much on the wire, as the agent encodes it. */

import { describe, expect, test } from 'vitest'
import { packr } from '../test/codec.js'
import { PROTOCOL } from './messages.js'
import { Purged } from './purged.js'
import type { Value } from './value.js'
import { packMessage } from './wire.js'

describe('the bytes of a live delta', () => {
  const HEADERS = 22 + 4 // of a TLS record and of a WebSocket frame
  const wallMs = 1_700_000_000_000
  const stampAt = (time: number, origin = 'sender', counter = 0) => ({ time, origin, counter })

  function frameBytes(values: Record<string, Value>, creator: string): number {
    const upTo = stampAt(wallMs)
    const attributes = Object.entries(values).map(([name, value]) => ({ name, value, stamp: upTo }))
    // express-session's ids have 32 characters; this one was created an hour ago, the last write is seconds old.
    const created = stampAt(wallMs - 3_600_000, creator)
    const deltas = [{ sid: 'x'.repeat(32), created, attributes, used: { atMs: 0, stamp: upTo } }]
    const previous = stampAt(wallMs - 2_000)
    return packr.pack(
      packMessage({ kind: 'delta', sentMs: 0, previous, upTo, deltas, wantsAck: false }, 'sender'),
    ).length
  }

  const kibibyte = 'x'.repeat(1_024)

  test('in which an int changed stay below 120, headers included', () => {
    expect(frameBytes({ count: 42 }, 'sender') + HEADERS).toBeLessThan(120)
  })

  test('in which an int and 1 KiB changed stay below 1,150', () => {
    expect(frameBytes({ count: 42, text: kibibyte }, 'sender') + HEADERS).toBeLessThan(1_150)
  })

  test('name another member that created the session once, however many stamps are its', () => {
    const other = 'a-member-id-of-22-chars'
    const own = frameBytes({ count: 42 }, 'sender')
    expect(frameBytes({ count: 42 }, other) - own).toBe(other.length + 1)
  })
})

test('a hello stays below 100 KB where a thousand runs were that all removed something', () => {
  const runs = Array.from({ length: 1_000 }, (_, i) => `a-member-id-of-22-${String(i).padStart(4, '0')}`)
  const digest = runs.map((origin, i) => ({ origin, time: 1_700_000_000_000 + i * 3_600_000, counter: i }))
  const purged = new Purged()
  for (const removal of digest) {
    purged.join([{ removals: [removal], writers: runs }])
    purged.unite(() => true)
  }
  const hello = {
    kind: 'hello' as const,
    protocolMin: PROTOCOL.min,
    protocolMax: PROTOCOL.max,
    cluster: 'sessionmesh',
    id: runs[0]!,
    name: 'host-1:7946',
    address: 'host-1:7946',
    dial: 1,
    heartbeatMs: 250,
    isJoining: false,
    clockMs: digest.at(-1)!.time,
    sentMs: 0,
    digest,
    purged: purged.told(),
    roster: [],
  }
  expect(packr.pack(packMessage(hello, hello.id)).length).toBeLessThan(100_000)
})
