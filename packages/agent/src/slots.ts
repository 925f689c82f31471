/** Of an attribute that is merged each member writes a slot of its own: what stands there, and what becomes of all of them. */

import { Packed, type Value } from '@sessionmesh/core'
import { CausalContext } from './causal-context.js'
import { isJson } from './exact-json.js'
import { unpackValue } from './values.js'

/** What one member has written of an attribute. */
export interface Slot {
  /** `''` for what the attribute held as such, before somebody gave it a merge. */
  readonly origin: string
  readonly held: Value
}

/** What a request has of an attribute, and which writes that is made of. */
export interface InHand {
  readonly value: Value | undefined
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
    value: Value | undefined,
    hand: InHand,
    held: readonly Slot[],
  ): WrittenSlot
}

export interface WrittenSlot {
  /** The slot of the member from now on. */
  readonly held: Value
  /** What the request has then. */
  readonly hand: InHand
  /** What that writer's slot has says nothing any more. */
  isOver(writer: string): boolean
}

export const NOTHING: InHand = { value: undefined, seen: new CausalContext() }

/** Whether a slot is a counter's: so that who does not know of it does not make something else of it. */
export function isCount(value: Value): boolean {
  // Of two finite numbers; siblings are MessagePack.
  return value instanceof Packed && isJson(value)
}

/** What a member has added so far, and in how many writes: so that none is taken for one that changes nothing. */
export type PackedCount = [total: number, writes: number]

export function countIn(name: string, held: Value): PackedCount {
  return unpackValue(name, held) as PackedCount
}
