/** What members send that have the same limits is never refused for what it is made of, however short names and values are. */

import { type Config, type Effect, parseMessage, Replica, resolveConfig, type Value } from '@sessionmesh/core'
import { describe, expect, test } from 'vitest'
import { decodeFrame, encodeFrame, roomInFrames } from './frames.js'

const TIME = { wallMs: 1_800_000_000_000, monoMs: 1_000 }

interface Caused {
  readonly from: Replica
  readonly effect: Effect
}

function caused(from: Replica, effects: readonly Effect[]): Caused[] {
  return effects.map((effect) => ({ from, effect }))
}

/** Two members, whose frames are packed, looked through and unpacked as on a link. */
class Pair {
  readonly #config: Config
  readonly #ends: [Replica, Replica]

  constructor(given: Partial<Config>) {
    this.#config = resolveConfig(given)
    const named = (name: string) =>
      new Replica({
        self: { id: `${name}1`, name, address: `${name}:1` },
        cluster: 'test',
        config: this.#config,
        random: () => 0.5,
      })
    this.#ends = [named('a'), named('b')]
    for (const end of this.#ends) this.#carry(caused(end, end.start([], TIME)))
  }

  get a(): Replica {
    return this.#ends[0]
  }

  get b(): Replica {
    return this.#ends[1]
  }

  link(): void {
    // (Nothing else is understood before both hellos.)
    this.#carry(...this.#ends.map((end) => caused(end, end.linkUp(1, { remoteHost: '10.0.0.9' }, TIME))))
  }

  flush(): void {
    this.#carry(caused(this.a, this.a.flush(TIME)))
  }

  write(sid: string, attributes: ReadonlyMap<string, Value>): void {
    this.a.write(sid, attributes, {}, TIME)
  }

  #carry(...causes: readonly Caused[][]): void {
    const queue = causes.flat()
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { from, effect } = next
      if (effect.type === 'drop') throw new Error(`a link was dropped: ${effect.reason}`)
      if (effect.type !== 'send' || effect.links.length === 0) continue
      const to = from === this.a ? this.b : this.a
      const frame = encodeFrame(effect.message, from === this.a ? 'a1' : 'b1')
      expect(frame.length).toBeLessThanOrEqual(this.#config.maxFrameBytes)
      const received = to.receive(1, decodeFrame(frame, roomInFrames(this.#config)), TIME)
      queue.push(...caused(to, received))
      if (effect.resume) queue.push(...caused(from, from.drained(1, TIME)))
    }
  }
}

const attributes = (count: number, nameOf: (i: number) => string) =>
  new Map(Array.from({ length: count }, (_, i): [string, Value] => [nameOf(i), '']))

describe.each<[string, Partial<Config>]>([
  ['by default', {}],
  [
    'with large batches and chunks',
    { maxBatchBytes: 2 ** 22, transferChunkBytes: 2 ** 20, transferChunkRecords: 10_000 },
  ],
  ['with small frames', { maxFrameBytes: 2 ** 22, maxSessionBytes: 2 ** 20 }],
])('%s', (_, config) => {
  test.each<[string, number, ReadonlyMap<string, Value>]>([
    [
      'a thousand attributes',
      130,
      attributes(1_000, (i) => `${String.fromCharCode(97 + (i % 26))}${i.toString(36)}`),
    ],
    ['a hundred attributes', 1_000, attributes(100, String)],
    ['characters of three bytes', 800, attributes(150, (i) => String.fromCharCode(0x4e00 + i))],
    ['one attribute', 20_000, attributes(1, () => 'a')],
  ])('sessions of %s come over, when they are written and when a newcomer takes them', (_, count, each) => {
    const [written, joined] = [new Pair(config), new Pair(config)]
    written.link()
    for (const pair of [written, joined]) for (let i = 0; i < count; i++) pair.write(i.toString(36), each)
    written.flush()
    joined.flush()
    joined.link()
    expect([written.b.size, joined.b.size]).toEqual([count, count])
  })
})

test('of fifty members that know ten thousand runs each all is told with a transfer', () => {
  // (Each peer's own, as they came in frames of theirs.)
  const digest = () =>
    Array.from({ length: 10_000 }, (_, i) => ({ time: TIME.wallMs - i, counter: 0, origin: `run${i}` }))
  const roster = Array.from({ length: 49 }, (_, i) => {
    return { id: `m${i}`, name: `m${i}`, address: `m${i}:1`, state: 'alive' as const, digest: digest() }
  })
  const end = { digest: digest(), roster, purged: [], isReady: true }
  const frame = encodeFrame({ kind: 'state', sentMs: 0, pull: 1, records: [], end }, 'a1')
  const wire = decodeFrame(frame, roomInFrames(resolveConfig({})))
  const message = parseMessage(wire, 'a1')
  expect(message).toMatchObject({ kind: 'state', end: { roster: { length: 49 } } })
  if (message.kind === 'state') expect(message.end?.roster[48]?.digest).toEqual(digest())
})
