/**
 * For frameworks that tell whether a session was changed by hashing its JSON. In JSON one Map looks like any other, and of
 * a BigInt or a cycle there is none, although a cluster keeps them all. So what JSON does not show stands in it as a print
 * of the bytes that would be stored.
 */

import { createHash, randomUUID } from 'node:crypto'
import { types } from 'node:util'
import { packValue } from '../values.js'

/** `attributes`, to be hashed as JSON: themselves where that shows every change of them, else a copy with prints. */
export function withPrints(attributes: Record<string, unknown>): Record<string, unknown> {
  const prints = Object.entries(attributes)
    .filter(([, value]) => !jsonShows(value))
    .map(([name, value]) => [name, { $print: print(name, value) }])
  return prints.length === 0 ? attributes : { ...attributes, ...Object.fromEntries(prints) }
}

/** Whether JSON shows every change inside `value`. Frameworks ask several times per request, so nothing is copied. */
function jsonShows(value: unknown): boolean {
  try {
    return isShown(value, new Map())
  } catch {
    // A `toJSON` or a getter of its own that throws, as it would in JSON.
    return false
  }
}

/** @param seen the objects looked at, with what was found: each once, however often they are met */
function isShown(value: unknown, seen: Map<object, boolean>): boolean {
  switch (typeof value) {
    case 'object':
      return value === null || isObjectShown(value, seen)
    case 'number':
      return Number.isFinite(value)
    case 'bigint':
    case 'function':
    case 'symbol':
      return false
    default:
      return true
  }
}

function isObjectShown(value: object, seen: Map<object, boolean>): boolean {
  const known = seen.get(value)
  if (known !== undefined) return known
  // Until it is known: who meets it now has gone round in a cycle.
  seen.set(value, false)
  const shown = isInsideShown(value, seen)
  seen.set(value, shown)
  return shown
}

function isInsideShown(value: object, seen: Map<object, boolean>): boolean {
  if (Buffer.isBuffer(value)) return true
  if (isOpaque(value)) return false
  const json = 'toJSON' in value && typeof value.toJSON === 'function' ? value.toJSON() : value
  if (json !== value) return isShown(json, seen)
  return Object.values(value).every((inner) => isShown(inner, seen))
}

const OPAQUE: readonly ((value: object) => boolean)[] = [
  types.isMap,
  types.isSet,
  types.isRegExp,
  types.isNativeError,
  types.isAnyArrayBuffer,
  ArrayBuffer.isView,
  types.isBoxedPrimitive,
  (value) => types.isDate(value) && Number.isNaN(value.getTime()),
]

/** Objects of which JSON keeps nothing, too little, or (typed arrays) something needlessly large. */
function isOpaque(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  // Nearly all there is; the rest costs some calls.
  if (prototype === Object.prototype || prototype === Array.prototype) return false
  return OPAQUE.some((is) => is(value))
}

function print(name: string, value: unknown): string {
  try {
    return createHash('sha256').update(packValue(name, value)).digest('base64')
  } catch {
    // It counts as a change then, and the write that follows says by name what is wrong.
    return identity(value)
  }
}

const identities = new WeakMap<object, string>()

/** The same for the same object: what stays in this process (`localAttributes`) is no change while it is the same. */
function identity(value: unknown): string {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return randomUUID()
  const known = identities.get(value) ?? randomUUID()
  identities.set(value, known)
  return known
}
