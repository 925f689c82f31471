/**
 * Between a value of unstorage and the attributes of a session.
 *
 * The fields of an object are attributes, so that changes to different fields go together; whatever else there is
 * (texts, numbers, lists, a Map) is one attribute as a whole.
 */

/** An object with a field of this name is kept as a whole too: what bears it is always a whole. */
const WHOLE = '$value'

export function toAttributes(value: unknown): Record<string, unknown> {
  return isPlain(value) && !Object.hasOwn(value, WHOLE) ? value : { [WHOLE]: value }
}

export function fromAttributes(data: Record<string, unknown>): unknown {
  return Object.hasOwn(data, WHOLE) ? data[WHOLE] : data
}

/**
 * unstorage makes a text of each value, and looks in each text that it reads for JSON. Only objects are read here
 * already; of all else it gets its text back.
 */
export function fromText(text: string): unknown {
  if (!text.startsWith('{')) return text
  try {
    return JSON.parse(text, MAY_REACH_PROTOTYPES.test(text) ? withoutPrototypes : undefined)
  } catch {
    return text
  }
}

export function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

/** Spelled out, or with escapes. */
const MAY_REACH_PROTOTYPES = /__proto__|constructor|\\u00[4-7]/

/** As unstorage reads JSON: without what reaches a prototype where objects are merged. */
function withoutPrototypes(name: string, value: unknown): unknown {
  const isConstructor =
    name === 'constructor' && typeof value === 'object' && value !== null && 'prototype' in value
  return name === '__proto__' || isConstructor ? undefined : value
}
