/** What a hostile peer makes of real frames: other bytes, and other trees. */

import { Packed } from '@sessionmesh/core'
import type { Random } from '../sim/random.js'
import { pack, Raw } from './pack.js'

export type Tree = unknown[]

/** Flips, cuts, splices, lengths. */
export function mutateBytes(frame: Uint8Array, other: Uint8Array, random: Random): Buffer {
  let bytes = Buffer.from(frame)
  for (let times = random.integer(1, 3); times > 0 && bytes.length > 0; times--) {
    const at = random.integer(0, bytes.length - 1)
    switch (random.integer(0, 7)) {
      case 0:
      case 1:
        bytes[at] = bytes[at]! ^ (1 << random.integer(0, 7))
        break
      case 2:
        bytes[at] = random.pick(OPENERS)
        break
      case 3:
        bytes = bytes.subarray(0, at)
        break
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(random.integer(0, other.length))])
        break
      case 5:
        bytes = Buffer.concat([bytes, bytes.subarray(at)])
        break
      case 6:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.integer(1, 4))])
        break
      case 7:
        bytes = Buffer.concat([bytes.subarray(0, at), pack(odd(random)), bytes.subarray(at)])
        break
    }
  }
  return bytes
}

/** Bytes that say what comes next, and how much of it. */
const OPENERS = [0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, ...Array.from({ length: 32 }, (_, i) => 0xc0 + i), 0xff]

/** Another tree, in one to three places. */
export function mutateTree(wire: unknown, others: () => unknown, random: Random): unknown {
  if (!Array.isArray(wire)) return random.chance(0.5) ? odd(random) : [wire]
  const tree = structuredCopy(wire) as Tree
  for (let times = random.integer(1, 3); times > 0; times--) mutateNode(tree, others, random)
  return tree
}

function mutateNode(tree: Tree, others: () => unknown, random: Random): void {
  const parent = somewhereIn(tree, random)
  const at = random.integer(0, Math.max(0, parent.length - 1))
  switch (random.integer(0, 8)) {
    case 0:
    case 1:
      parent[at] = odd(random)
      return
    case 2:
      parent.splice(at, 1)
      return
    case 3:
      parent.splice(at, 0, structuredCopy(parent[at]))
      return
    case 4:
      parent.push(odd(random))
      return
    case 5: {
      const other = others()
      const from = Array.isArray(other) ? somewhereIn(other, random) : [other]
      parent[at] = structuredCopy(from[random.integer(0, Math.max(0, from.length - 1))])
      return
    }
    case 6: {
      const other = random.integer(0, Math.max(0, parent.length - 1))
      ;[parent[at], parent[other]] = [parent[other], parent[at]]
      return
    }
    case 7: {
      const times = Math.ceil(random.skewed(1, 300))
      parent.splice(at, 0, ...Array.from({ length: times }, () => parent[at]))
      return
    }
    case 8:
      if (typeof parent[at] === 'number') parent[at] = near(parent[at], random)
      else parent[at] = odd(random)
  }
}

function somewhereIn(tree: Tree, random: Random): Tree {
  const inner = tree.filter((node): node is Tree => Array.isArray(node))
  return inner.length === 0 || random.chance(0.3) ? tree : somewhereIn(random.pick(inner), random)
}

function near(value: number, random: Random): number {
  return random.pick([
    value + 1,
    value - 1,
    -value,
    2 * value,
    value + 0.5,
    value + 10_000,
    value - 10_000,
    0,
    1,
  ])
}

export function odd(random: Random): unknown {
  if (random.chance(0.4)) return random.pick(NUMBERS)
  // (A copy: it becomes part of a tree that is changed.)
  return structuredCopy(random.chance(0.995) ? random.pick(ODD) : random.pick(LARGE))
}

export const NUMBERS = [
  ...[0, -0, 1, -1, 2, 3, 0.5, 250, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  ...[
    2 ** 31,
    2 ** 31 - 1,
    2 ** 31 + 1,
    2 ** 32,
    -(2 ** 31),
    2 ** 53,
    2 ** 53 - 1,
    -(2 ** 53),
    1e300,
    -1e300,
  ],
  ...[Number.MAX_VALUE, -Number.MAX_VALUE, 5e-324, 1e17, -1e17],
]

const FORBIDDEN = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length']

const ODD: readonly unknown[] = [
  ...['', 'x', ':', ':1', '[fe80::1%eth0]:1', '127.0.0.1:1', 'ask', 'answer', 'M', ...FORBIDDEN],
  ...[null, true, false, [], [[]], [0], [0, 0, 0], ['x'], [null]],
  ...[new Map(), new Map<unknown, unknown>([['__proto__', new Map([['a', 1]])]]), new Map([[[], []]])],
  ...[new Packed(''), new Packed('\xff\xd4\x72'), new Packed('\x81\xa1a\x01'), new Uint8Array(3), 10n ** 18n],
  // Not UTF-8: a lone surrogate, and a text that ends in the middle of a character.
  ...[new Raw([0xa3, 0xed, 0xa0, 0x80]), new Raw([0xa2, 0xe2, 0x82])],
  // Extensions that msgpackr knows, and one that nobody does: dates, records, references, RegExps, errors, sets, typed arrays.
  ...[new Raw([0xd6, 0xff, 0, 0, 0, 1]), new Raw([0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 1])],
  new Raw([0xd6, 0x69, 0, 0, 0, 1, 0x92, 0xd6, 0x70, 0, 0, 0, 1, 0xd6, 0x70, 0, 0, 0, 1]),
  ...[new Raw([0xd6, 0x70, 0, 0, 0, 9]), new Raw([0xd4, 0x78, 0, 0x92, 0xa3, 0x28, 0x61, 0x2b, 0xa1, 0x67])],
  new Raw([0xd4, 0x65, 0, 0x93, 0xab, ...Buffer.from('constructor'), 0xa1, 0x78, 0xc0]),
  ...[new Raw([0xd4, 0x73, 0, 0x91, 1]), new Raw([0xc7, 9, 0x74, 8, 0, 0, 0, 0, 0, 0, 0, 1])],
  ...[
    new Raw([0xc7, 2, 0x42, 1, 1]),
    new Raw([0xd4, 0x62, 0]),
    new Raw([0xd4, 0, 0]),
    new Raw([0xd4, 0x33, 1]),
  ],
  // Counts of what is not there.
  ...[new Raw([0xdd, 255, 255, 255, 255]), new Raw([0xdd, 1, 0, 0, 0]), new Raw([0xdf, 255, 255, 255, 255])],
  ...[
    new Raw([0xdb, 255, 255, 255, 255]),
    new Raw([0xc6, 255, 255, 255, 255]),
    new Raw([0xc9, 255, 255, 255, 255, 1]),
  ],
  new Raw([0xc1]),
]

const nested = (depth: number, opener: number) => new Raw([...Array<number>(depth).fill(opener), 0xc0])

const LARGE: readonly unknown[] = [
  ...[16, 100, 1_000, 2_000, 3_000, 3_500, 4_000, 4_500, 10_000].map((depth) => nested(depth, 0x91)),
  nested(2_000, 0x81),
  ...['x'.repeat(65_535), 'x'.repeat(65_536), '\u{1f600}'.repeat(32_767), '\ud800'.repeat(20_000)],
  Array<number>(20_000).fill(0),
  Array.from({ length: 5_000 }, (_, i) => `n${i}`),
]

/** (Values that are no arrays are shared: nobody changes them.) */
function structuredCopy(node: unknown): unknown {
  return Array.isArray(node) ? node.map(structuredCopy) : node
}
