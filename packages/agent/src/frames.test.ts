/** Frames are what members send, and nothing else that the codec knows; whatever comes, nothing but its refusal follows. */

import { type Message, resolveConfig, SessionMeshError, sentMsOf } from '@sessionmesh/core'
import { Packr } from 'msgpackr'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { joinCluster } from './cluster.js'
import { encodeAnswer, encodeAsk } from './diagnostics/frames.js'
import * as frames from './frames.js'
import { createKeyring } from './keys.js'
import type { Link } from './link.js'
import { Links } from './links.js'
import { packedOf } from './packed.js'

const { encodeFrame } = frames
const room = frames.roomInFrames(resolveConfig({}))
const decodeFrame = (bytes: Uint8Array) => frames.decodeFrame(bytes, room)

const clone = new Packr({ structuredClone: true })

function isRefused(bytes: readonly number[] | Uint8Array): boolean {
  try {
    // What the runner does with it.
    sentMsOf(decodeFrame(Buffer.from(bytes)))
    return false
  } catch (error) {
    if (error instanceof SessionMeshError && error.code === 'SESSIONMESH_BAD_FRAME') return true
    throw error
  }
}

const nested = (depth: number, opener = 0x91) => [...Array<number>(depth).fill(opener), 0xc0]

describe('what members send is taken', () => {
  const stamp = { time: 1_800_000_000_000, counter: 3, origin: 'M' }
  const values = [
    1,
    -1,
    0.5,
    1e300,
    70_000,
    -70_000,
    2 ** 40,
    true,
    false,
    '',
    'é',
    'x'.repeat(300),
    'x'.repeat(70_000),
  ]
  const packed = [0, 1, 2, 4, 8, 16, 17, 300, 70_000].map((size) => packedOf(Buffer.alloc(size, 7)))
  const attributes = [...values, ...packed, undefined].map((value, i) => ({ name: `n${i}`, value, stamp }))
  const delta: Message = {
    kind: 'delta',
    sentMs: 12.5,
    previous: undefined,
    upTo: stamp,
    wantsAck: false,
    deltas: Array.from({ length: 20 }, (_, i) => ({
      sid: `s${i}`,
      created: stamp,
      attributes,
      used: { atMs: 3, stamp },
    })),
  }

  test('messages, with values of all kinds and sizes', () => {
    const wire = decodeFrame(encodeFrame(delta, 'M')) as unknown[]
    expect((wire[7] as unknown[][])[19]).toEqual([
      's19',
      1,
      10,
      1,
      0,
      0,
      0,
      ...attributes.flatMap(({ name, value }) => [name, value ?? null, 1]),
    ])
  })

  test('questions of people, and answers', () => {
    expect(decodeFrame(encodeAsk(1, { question: 'session', sid: 's' }))).toEqual(['ask', 1, 'session', 's'])
    const report = { omitted: 3, samples: [{ links: [{ lag: { p50Ms: 1 } }] }], code: undefined }
    expect(decodeFrame(encodeAnswer(1, report as never))).toBeInstanceOf(Array)
  })
})

describe('nothing else is', () => {
  test.each([17, 100, 1_000, 3_000, 3_500, 4_000, 4_500, 5_000, 100_000])('nested %i deep', (depth) => {
    expect([isRefused(nested(depth)), isRefused(nested(depth, 0x81))]).toEqual([true, true])
  })

  test.each<[string, number, number[]]>([
    ['numbers', 1_200_000, [7]],
    ['empty arrays', 300_000, [0x90]],
    ['arrays', 300_000, [0x91, 0]],
    ['empty maps', 40_000, [0x80]],
    ['long maps', 40_000, [0xde, 0, 0]],
    ['texts', 300_000, [0xa1, 0x61]],
    ['long texts', 300_000, [0xd9, 1, 0x61]],
    ['packed values', 300_000, [0xd4, 1, 0]],
  ])('of %s more than members send, each of which takes many times its bytes', (_, count, one) => {
    const frame = Buffer.concat([
      Buffer.from([0xdd, 0, 0, 0, 0]),
      Buffer.alloc(count * one.length, Buffer.from(one)),
    ])
    frame.writeUInt32BE(count, 1)
    expect(isRefused(frame)).toBe(true)
    frame.writeUInt32BE(count / 10, 1)
    expect(isRefused(frame.subarray(0, 5 + (count / 10) * one.length))).toBe(false)
  })

  test('what refers to itself, or to one thing again and again', () => {
    const doubled = (depth: number): unknown => {
      let value: unknown = ['x']
      for (let i = 0; i < depth; i++) value = [value, value]
      return value
    }
    const cycle: unknown[] = []
    cycle.push(cycle)
    for (const value of [doubled(14), cycle]) expect(isRefused(clone.pack(value))).toBe(true)
  })

  test('what is made into objects of classes', () => {
    const objects = [
      new Date(),
      /a/,
      new Error('e'),
      new Set([1]),
      new Uint8Array(3),
      Buffer.from('b'),
      new Float64Array(2),
      { a: 1 },
    ]
    for (const object of objects) expect(isRefused(clone.pack([1, object]))).toBe(true)
  })

  test('counts of what is not there, bytes after the end, ends before it', () => {
    const frames = [
      [],
      [0xdd, 255, 255, 255, 255],
      [0xdf, 128, 0, 0, 0],
      [0xdb, 0, 0, 0, 9, 0x61],
      [0xa2, 0x61],
      [0x92, 1],
      [1, 1],
      [0xc1],
      [0xcb, 0],
      [0xd4, 1],
      [0xc7, 5, 1, 0],
      [0xc9, 0, 0],
    ]
    for (const frame of frames) expect(isRefused(frame)).toBe(true)
  })
})

test('a member tells what is wrong with a frame that it cannot decode, and from where it came', async () => {
  const secret = 'for tests only: 8KpX2vQz7RmW4tLd'
  const warnings: { code: string; message: string }[] = []
  const cluster = await joinCluster({ secret, listen: { host: '127.0.0.1', port: 0 }, peers: [] })
  onTestFinished(() => cluster.close())
  cluster.on('warning', (warning) => warnings.push(warning))
  const links = linksOf(secret, (link) => link.send(Uint8Array.of(0xc1)))
  onTestFinished(() => links.close())
  links.dial(cluster.self.address)
  const isTold = () => expect(warnings).toHaveLength(1)
  await vi.waitFor(isTold, { timeout: 10_000, interval: 5 })
  expect(warnings[0]).toMatchObject({
    code: 'SESSIONMESH_BAD_FRAME',
    message: 'A frame is refused: it is not what members send (from 127.0.0.1)',
  })
})

/** A member that holds the secret, and is none otherwise. */
function linksOf(secret: string, open: (link: Link) => void): Links {
  const options = {
    credentials: { keyring: createKeyring('default', [secret]) },
    host: '127.0.0.1',
    ports: [0],
    maxFrameBytes: 2 ** 20,
    handshakeTimeoutMs: 10_000,
    maxPendingSockets: 8,
  }
  const ignore = () => {}
  return new Links(options, { open, frame: ignore, closed: ignore, dialFailed: ignore, refused: ignore })
}
