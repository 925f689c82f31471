/**
 * What stands in the slots of an attribute that is merged by a function: siblings, each a value with what its writer had
 * seen. A member's slot has those of its own that no later one of its own has replaced.
 */

import { Packr } from 'msgpackr'
import { CausalContext, type Dot, type PackedContext } from './causal-context.js'
import { packValue, unpackValue, unreadable } from './values.js'

/** Has to be commutative, associative and idempotent, and the same on all members. */
export type Merge = (a: never, b: never) => unknown

/** What one member has written of an attribute. */
export interface Slot {
  /** `''` for what the attribute held as such, before somebody gave it a merge. */
  readonly origin: string
  readonly bytes: Uint8Array
}

/** What a request has of an attribute, and which writes that is made of. */
export interface InHand {
  readonly value: Uint8Array | undefined
  readonly seen: CausalContext
}

/** How the slots of an attribute become one value, and what a request that writes it puts into its member's slot. */
export interface Kind {
  /** @throws SessionMeshError `SESSIONMESH_UNREADABLE_ATTRIBUTE`; and what the user's function throws */
  read(name: string, slots: readonly Slot[]): InHand
  /**
   * @param value what the request has made of it; `undefined` when it took it away
   * @param hand what the request had before
   * @param held what is there now
   */
  write(
    name: string,
    origin: string,
    value: Uint8Array | undefined,
    hand: InHand,
    held: readonly Slot[],
  ): WrittenSlot
}

export interface WrittenSlot {
  /** The slot of the member from now on. */
  readonly bytes: Uint8Array
  /** What the request has then. */
  readonly hand: InHand
  /** What that writer's slot has says nothing any more. */
  isOver(writer: string): boolean
}

interface Sibling {
  readonly dot: Dot
  /** Undefined: removed. */
  readonly value: Uint8Array | undefined
  readonly seen: CausalContext
}

type PackedSibling = [count: number, value: Uint8Array | null, seen: PackedContext]

export const NOTHING: InHand = { value: undefined, seen: new CausalContext() }

/** @param merge without it one of the siblings stands for all */
export function siblings(merge: Merge | undefined): Kind {
  return {
    read(name, slots) {
      const all = siblingsOf(name, slots)
      const seen = new CausalContext()
      for (const sibling of all) seen.join(knownTo(sibling))
      return { value: merged(name, all, merge), seen }
    },

    write(name, origin, value, hand, held) {
      const all = siblingsOf(name, held)
      const contexts = [hand.seen, ...all.map(knownTo)]
      const count = 1 + Math.max(...contexts.map((context) => context.latest(origin)))
      const own = all.filter(({ dot }) => dot.origin === origin && !hand.seen.covers(dot))
      const seen = hand.seen.copy()
      seen.add({ origin, count })
      return {
        bytes: pack([...own, { dot: { origin, count }, value, seen: hand.seen }]),
        hand: { value, seen },
        isOver: (writer) => all.every(({ dot }) => dot.origin !== writer || hand.seen.covers(dot)),
      }
    },
  }
}

function merged(
  name: string,
  siblings: readonly Sibling[],
  merge: Merge | undefined,
): Uint8Array | undefined {
  const isReplaced = ({ dot }: Sibling) => siblings.some(({ seen }) => seen.covers(dot))
  const values = siblings
    .filter((sibling) => sibling.value !== undefined && !isReplaced(sibling))
    .sort((a, b) => a.dot.count - b.dot.count || (a.dot.origin < b.dot.origin ? -1 : 1))
    .map(({ value }) => value!)
  if (values.length < 2 || merge === undefined) return values.at(-1)
  const [first, ...others] = values.map((value) => unpackValue(name, value))
  return packValue(
    name,
    others.reduce((a, b) => merge(a as never, b as never), first),
  )
}

const packr = new Packr({ useRecords: false })

function siblingsOf(name: string, slots: readonly Slot[]): Sibling[] {
  return slots.flatMap(({ origin, bytes }) =>
    origin === ''
      ? [{ dot: { origin, count: 1 }, value: bytes, seen: new CausalContext() }]
      : unpack(name, origin, bytes),
  )
}

function pack(siblings: readonly Sibling[]): Uint8Array {
  const packed = siblings.map(
    ({ dot, value, seen }): PackedSibling => [dot.count, value ?? null, seen.pack()],
  )
  return new Uint8Array(packr.pack(packed))
}

function unpack(name: string, origin: string, bytes: Uint8Array): Sibling[] {
  try {
    const packed: PackedSibling[] = packr.unpack(bytes)
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
