/** The sender's walk over its records, in slices and under writes. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { at, bytes, stamp } from '../test/arbitraries.js'
import { type Config, resolveConfig } from './config.js'
import { Digest } from './digest.js'
import { Records } from './records.js'
import type { Delta } from './session.js'
import { Transfer } from './transfer.js'

const NOW = at(1_000)
const smallChunks = (given: Partial<Config> = {}) => resolveConfig({ transferChunkRecords: 3, ...given })

/** A sender with `count` sessions of origin a, one write each, at the times 1, 2, 3... */
class Sender {
  readonly digest = new Digest()
  readonly records: Records
  time = 0

  constructor(
    count: number,
    readonly config = smallChunks(),
  ) {
    this.records = new Records(config, this.digest, () => false)
    for (let i = 0; i < count; i++) this.write(`s${i}`)
  }

  write(sid: string, size = 1): void {
    const now = stamp(++this.time)
    const created = this.records.get(sid)?.created ?? now
    const attributes = [{ name: 'x', value: bytes(...Array(size).fill(this.time)), stamp: now }]
    this.merge({ sid, created, attributes, used: { atMs: 0, stamp: created } })
    this.digest.raise(now)
  }

  destroy(sid: string): void {
    const now = stamp(++this.time)
    const created = this.records.get(sid)?.created ?? now
    this.merge({ sid, created, attributes: [], destroyed: now })
    this.digest.raise(now)
  }

  use(sid: string, atMs: number): void {
    const now = stamp(++this.time)
    this.merge({ sid, created: now, attributes: [], used: { atMs, stamp: now } })
    this.digest.raise(now)
  }

  merge(delta: Delta): void {
    this.records.merge(delta, () => false, NOW)
  }

  /** To a member that has merged everything up to `told`. */
  transfer(told = 0): Transfer {
    return new Transfer(7, this.records, told === 0 ? [] : [stamp(told)])
  }
}

/** All chunks until the last; `between` runs after each one. */
function walk(sender: Sender, transfer: Transfer, between: (chunk: number) => void = () => {}): Delta[][] {
  const chunks: Delta[][] = []
  for (let chunk = 0; chunk < 1_000; chunk++) {
    const { records, isLast } = transfer.next(sender.config)
    chunks.push(records)
    if (isLast) return chunks
    between(chunk)
  }
  throw new Error('the transfer never ends')
}

const sids = (chunks: readonly Delta[][]) => chunks.flat().map(({ sid }) => sid)

describe('a transfer', () => {
  test('sends all records in chunks of so many', () => {
    const sender = new Sender(8)
    const chunks = walk(sender, sender.transfer())
    expect(chunks.map(({ length }) => length)).toEqual([3, 3, 2])
    expect(new Set(sids(chunks)).size).toBe(8)
  })

  test('sends nothing, and ends, when there is nothing', () => {
    const sender = new Sender(0)
    expect(walk(sender, sender.transfer())).toEqual([[]])
  })

  test('ends a chunk when it has enough bytes', () => {
    const sender = new Sender(0, smallChunks({ transferChunkRecords: 100, transferChunkBytes: 1_000 }))
    for (let i = 0; i < 6; i++) sender.write(`s${i}`, 500)
    expect(walk(sender, sender.transfer()).map(({ length }) => length)).toEqual([2, 2, 2, 0])
  })

  test('leaves out what the asker has, and sends of a record only what it lacks', () => {
    const sender = new Sender(8)
    sender.merge({
      sid: 's0',
      created: stamp(1),
      attributes: [{ name: 'y', value: bytes(9), stamp: stamp(9) }],
    })
    const [chunk] = walk(sender, sender.transfer(6))
    expect(chunk?.map(({ sid, attributes }) => [sid, attributes.map(({ name }) => name)])).toEqual([
      ['s0', ['y']],
      ['s6', ['x']],
      ['s7', ['x']],
    ])
  })

  test('sends what is of any origin, and tombstones too', () => {
    const sender = new Sender(1)
    sender.merge({
      sid: 'other',
      created: stamp(1, 'b'),
      attributes: [],
      lifetime: { ttlMs: 5, stamp: stamp(1, 'b') },
    })
    sender.destroy('s0')
    sender.destroy('unknown')
    const sent = walk(sender, sender.transfer()).flat()
    expect(sent.map(({ sid, destroyed }) => [sid, destroyed !== undefined])).toEqual([
      ['s0', true],
      ['other', false],
      ['unknown', true],
    ])
  })

  test('tells of the last uses that the asker lacks, and of no others', () => {
    const sender = new Sender(3)
    sender.use('s1', 4_000)
    const told = sender.time
    for (const sid of ['s0', 's2']) sender.use(sid, 5_000)
    sender.destroy('s2')
    // One that nobody was told of.
    sender.records.get('s1')?.use(at(6_000))
    const sent = walk(sender, sender.transfer(told)).flat()
    expect(sent).toMatchObject([
      { sid: 's0', attributes: [], used: { atMs: 5_000, stamp: stamp(told + 1) } },
      { sid: 's2', destroyed: stamp(told + 3) },
    ])
    expect(walk(sender, sender.transfer(sender.time)).flat()).toEqual([])
  })

  test('does not stay long at records that the asker has', () => {
    const sender = new Sender(100)
    const chunks = walk(sender, sender.transfer(99))
    // 10 visits for each record that a chunk may hold.
    expect(chunks.length).toBe(4)
    expect(sids(chunks)).toEqual(['s99'])
  })
})

describe('a transfer under writes', () => {
  test('sends again what changed after it was sent, and what is new', () => {
    const sender = new Sender(5)
    const transfer = sender.transfer()
    const chunks = walk(sender, transfer, (chunk) => {
      if (chunk > 0) return
      for (const sid of ['s0', 'new']) {
        sender.write(sid)
        transfer.changed(sid)
      }
    })
    const last = new Map(chunks.flat().map((delta) => [delta.sid, delta]))
    expect(last.get('s0')?.attributes[0]?.stamp).toEqual(stamp(6))
    expect(last.get('new')?.attributes[0]?.stamp).toEqual(stamp(7))
  })

  test('leaves out what was forgotten meanwhile', () => {
    const sender = new Sender(5)
    const transfer = sender.transfer()
    const chunks = walk(sender, transfer, () => {
      sender.records.delete('s4')
      transfer.changed('s4')
    })
    expect(sids(chunks)).toEqual(['s0', 's1', 's2', 's3'])
  })

  test('goes on as long as the list is not empty, and ends in the turn in which it is', () => {
    const sender = new Sender(3)
    const transfer = sender.transfer()
    const chunks = walk(sender, transfer, (chunk) => {
      // More than a chunk holds, so that some are left over each time; until the writer pauses.
      for (const sid of chunk < 5 ? ['s0', 's1', 's2', 'new'] : []) {
        sender.write(sid)
        transfer.changed(sid)
      }
    })
    expect(chunks.map(({ length }) => length)).toEqual([3, 3, 3, 3, 3, 3, 1])
  })

  /**
   * The heart of it: whatever is written, destroyed or forgotten between the chunks, the asker ends with just
   * the state that the sender's digest of the last turn speaks for.
   */
  test('gives the asker exactly what the digest at its end covers', () => {
    const step = fc.record({
      sid: fc.integer({ min: 0, max: 12 }).map((i) => `s${i}`),
      what: fc.constantFrom('write', 'write', 'write', 'destroy'),
    })
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 10 }),
        fc.integer({ min: 0, max: 10 }),
        fc.array(fc.array(step, { maxLength: 3 }), { maxLength: 8 }),
        (count, told, turns) => {
          const sender = new Sender(count)
          const asker = new Sender(Math.min(told, count))
          const transfer = sender.transfer(asker.time)
          const chunks = walk(sender, transfer, (chunk) => {
            for (const { sid, what } of turns[chunk] ?? []) {
              if (what === 'write') sender.write(sid)
              else sender.destroy(sid)
              transfer.changed(sid)
            }
          })
          const covered = (s: { time: number }) => s.time <= asker.time
          for (const delta of chunks.flat()) asker.records.merge(delta, covered, NOW)
          const contents = (of: Sender) =>
            [...of.records.all()]
              .map((record) => [record.sid, record.destroyed, [...record.values()], [...record.stamps()]])
              .sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1))
          expect(contents(asker)).toEqual(contents(sender))
        },
      ),
      { numRuns: 500 },
    )
  })
})

test('a session that is larger than a chunk goes in pieces, which are all of it', () => {
  const sender = new Sender(2, smallChunks({ transferChunkBytes: 220 }))
  const created = stamp(3)
  const attributes = Array.from({ length: 7 }, (_, i) => ({
    name: `a${i}`,
    value: bytes(...Array(40).fill(i)),
    stamp: created,
  }))
  const used = { atMs: 0, stamp: created }
  sender.merge({ sid: 'large', created, attributes, lifetime: { ttlMs: 9, stamp: created }, used })
  const chunks = walk(sender, sender.transfer())
  const pieces = chunks.flat().filter(({ sid }) => sid === 'large')
  expect(pieces.map((piece) => piece.attributes.length)).toEqual([2, 2, 2, 1])
  expect(chunks.length).toBeGreaterThan(3)
  const receiver = new Records(sender.config, new Digest(), () => false)
  for (const delta of chunks.flat()) receiver.merge(delta, () => false, NOW)
  expect(receiver.get('large')?.above(undefined)).toEqual(sender.records.get('large')?.above(undefined))
})
