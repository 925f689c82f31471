/**
 * The attributes that a session holds, side by side in one array: of the few that a session has, a Map and an object for
 * each would weigh more than their values, and to look one up is no slower.
 */

import type { Stamp } from './stamp.js'
import type { Value } from './value.js'

/** One attribute as it travels. `value: undefined` means removed: removal is a value too. */
export interface Attribute {
  readonly name: string
  readonly value: Value | undefined
  readonly stamp: Stamp
}

/** Name, value, stamp; and so on. */
export type Attributes = readonly (string | Value | Stamp | undefined)[]

/** The attributes are at 0, WIDTH, 2 * WIDTH, ... */
export const WIDTH = 3

export const NO_ATTRIBUTES: Attributes = []

/** How many there are, markers of removed ones included. */
export function countOf(attributes: Attributes): number {
  return attributes.length / WIDTH
}

/** Where the attribute of this name is; below 0: nowhere. */
export function find(attributes: Attributes, name: string): number {
  for (let at = 0; at < attributes.length; at += WIDTH) if (attributes[at] === name) return at
  return -1
}

export function nameAt(attributes: Attributes, at: number): string {
  return attributes[at] as string
}

export function valueAt(attributes: Attributes, at: number): Value | undefined {
  return attributes[at + 1] as Value | undefined
}

export function stampAt(attributes: Attributes, at: number): Stamp {
  return attributes[at + 2] as Stamp
}

/** With `attribute` at its place, which is at the end if it is new. */
export function withAttribute(attributes: Attributes, { name, value, stamp }: Attribute): Attributes {
  const at = find(attributes, name)
  // (A new array has no room to spare, as one that grows has.)
  if (at < 0) return attributes.concat(name, value, stamp)
  const next = attributes.slice()
  next[at + 1] = value
  next[at + 2] = stamp
  return next
}

export function without(attributes: Attributes, name: string): Attributes {
  const at = find(attributes, name)
  return at < 0 ? attributes : attributes.toSpliced(at, WIDTH)
}
