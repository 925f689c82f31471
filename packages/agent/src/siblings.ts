/**
 * What stands in the slots of an attribute that is merged by a function: siblings, each a value with what its writer had
 * seen. A member's slot has those of its own that no later one of its own has replaced.
 */

import { Packed, type Value } from '@sessionmesh/core'
import { CausalContext, type Dot, type PackedContext } from './causal-context.js'
import { Packr } from './msgpack.js'
import { bytesOf, packedOf } from './packed.js'
import { countIn, isCount, type Kind, type Slot } from './slots.js'
import { packValue, unpackValue, unreadable } from './values.js'

/** Has to be commutative, associative and idempotent, and the same on all members. */
export type Merge = (a: never, b: never) => unknown

interface Sibling {
  readonly dot: Dot
  /** Undefined: removed. */
  readonly value: Value | undefined
  readonly seen: CausalContext
}

type PackedSibling = [count: number, value: Value | null, seen: PackedContext]

/**
 * A slot keeps as many that are concurrent, as by requests of one member at once, before they are merged there: then what
 * one of these requests took out of its own value may come back with its next write.
 */
const MAX_SIBLINGS = 8

/**
 * @param merge without it one of the siblings stands for all
 * @param failed `merge` threw, or gave what cannot be stored: one of the siblings stands for all
 */
export function siblings(merge: Merge | undefined, failed: (cause: unknown) => void): Kind {
  const mergedOf = (name: string, all: readonly Sibling[]): Value | undefined => {
    const values = all.flatMap(({ value }) => (value === undefined ? [] : [value]))
    if (values.length < 2 || merge === undefined) return values.at(-1)
    try {
      const [first, ...others] = values.map((value) => unpackValue(name, value))
      return packValue(
        name,
        others.reduce((a, b) => merge(a as never, b as never), first),
      )
    } catch (cause) {
      failed(cause)
      return values.at(-1)
    }
  }

  return {
    read(name, slots) {
      const all = siblingsOf(name, slots)
      const seen = new CausalContext()
      for (const sibling of all) seen.join(knownTo(sibling))
      return { value: mergedOf(name, inOrder(all.filter(({ dot }) => !isReplaced(dot, all)))), seen }
    },

    write(name, origin, value, hand, held) {
      const all = siblingsOf(name, held)
      const contexts = [hand.seen, ...all.map(knownTo)]
      const dot = { origin, count: 1 + Math.max(...contexts.map((context) => context.latest(origin))) }
      const isOver = (writer: string) =>
        all.every((sibling) => sibling.dot.origin !== writer || hand.seen.covers(sibling.dot))
      const own = all.filter((sibling) => sibling.dot.origin === origin && !hand.seen.covers(sibling.dot))
      if (own.length >= MAX_SIBLINGS && merge !== undefined) {
        const seen = hand.seen.copy()
        for (const sibling of own) seen.join(knownTo(sibling))
        const merged = mergedOf(name, [...own, { dot, value, seen }])
        // (The request has not seen the others: it goes on from what it had.)
        return { held: pack([{ dot, value: merged, seen }]), hand: { value, seen: hand.seen }, isOver }
      }
      const seen = hand.seen.copy()
      seen.add(dot)
      return { held: pack([...own, { dot, value, seen: hand.seen }]), hand: { value, seen }, isOver }
    },
  }
}

function isReplaced(dot: Dot, all: readonly Sibling[]): boolean {
  return all.some(({ seen }) => seen.covers(dot))
}

function inOrder(all: readonly Sibling[]): Sibling[] {
  return [...all].sort((a, b) => a.dot.count - b.dot.count || (a.dot.origin < b.dot.origin ? -1 : 1))
}

const packr = new Packr({ useRecords: false })

function siblingsOf(name: string, slots: readonly Slot[]): Sibling[] {
  return slots.flatMap(({ origin, held }) => {
    // What an attribute holds as such comes from servers that have no merge for it. Each such value is a write of its own.
    if (origin === '') return [alone({ origin, count: hashOf(held) }, held)]
    if (!isCount(held)) return unpack(name, origin, held)
    // It was a counter, or is one on other servers.
    const [total, writes] = countIn(name, held)
    return [alone({ origin, count: writes }, packValue(name, total))]
  })
}

function alone(dot: Dot, value: Value): Sibling {
  return { dot, value, seen: new CausalContext() }
}

/** FNV-1a, with 31 bits, and never 0. */
function hashOf(value: Value): number {
  let hash = 0x811c9dc5
  for (const byte of packr.pack(value)) hash = Math.imul(hash ^ byte, 0x01000193)
  return (hash >>> 1) + 1
}

function pack(siblings: readonly Sibling[]): Packed {
  const packed = siblings.map(
    ({ dot, value, seen }): PackedSibling => [dot.count, value ?? null, seen.pack()],
  )
  return packedOf(packr.pack(packed))
}

function unpack(name: string, origin: string, held: Value): Sibling[] {
  try {
    if (!(held instanceof Packed)) throw new TypeError(`a ${typeof held} is no slot`)
    const packed: PackedSibling[] = packr.unpack(bytesOf(held))
    return packed.map(([count, value, seen]) => ({
      dot: { origin, count },
      value: value ?? undefined,
      seen: CausalContext.unpack(seen),
    }))
  } catch (cause) {
    throw unreadable(name, cause)
  }
}

/** All that its writer had seen, and itself. */
function knownTo({ dot, seen }: Sibling): CausalContext {
  const known = seen.copy()
  known.add(dot)
  return known
}
