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

/** What each takes in memory beside its name and its value, about. */
export const BYTES_EACH = 64

/** Name, value, stamp; and so on. */
export type Attributes = readonly (string | Value | Stamp | undefined)[]

/** The attributes are at 0, WIDTH, 2 * WIDTH, ... */
export const WIDTH = 3

export const NO_ATTRIBUTES: Attributes = []

/**
 * Above that many are looked up by an index, and the array grows in place. No application has so many; but what peers
 * send may, and to look through all and copy all for each of them would hold up everything else for minutes.
 */
const MANY = 256
const places = new WeakMap<Attributes, Map<string, number>>()

/** How many there are, markers of removed ones included. */
export function countOf(attributes: Attributes): number {
  return attributes.length / WIDTH
}

/** Where the attribute of this name is; below 0: nowhere. */
export function find(attributes: Attributes, name: string): number {
  if (attributes.length > MANY * WIDTH) return placesOf(attributes).get(name) ?? -1
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

/**
 * With `attribute` at its place, which is at the end if it is new. The array that was given is not to be used any more: of
 * many it is the same one.
 */
export function withAttribute(attributes: Attributes, attribute: Attribute): Attributes {
  const { name, value, stamp } = attribute
  if (attributes.length > MANY * WIDTH) return inPlace(attributes as Attributes[number][], attribute)
  const at = find(attributes, name)
  // (A new array has no room to spare, as one that grows has.)
  if (at < 0) return attributes.concat(name, value, stamp)
  const next = attributes.slice()
  next[at + 1] = value
  next[at + 2] = stamp
  return next
}

/** Without those at these places. */
export function withoutThose(attributes: Attributes, dropped: ReadonlySet<number>): Attributes {
  return attributes.filter((_, i) => !dropped.has(i - (i % WIDTH)))
}

function inPlace(attributes: Attributes[number][], { name, value, stamp }: Attribute): Attributes {
  const known = placesOf(attributes)
  const at = known.get(name)
  if (at === undefined) {
    known.set(name, attributes.length)
    attributes.push(name, value, stamp)
  } else {
    attributes[at + 1] = value
    attributes[at + 2] = stamp
  }
  return attributes
}

function placesOf(attributes: Attributes): Map<string, number> {
  let known = places.get(attributes)
  if (known === undefined) {
    known = new Map()
    for (let at = 0; at < attributes.length; at += WIDTH) known.set(nameAt(attributes, at), at)
    places.set(attributes, known)
  }
  return known
}
