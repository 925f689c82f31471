/**
 * For frameworks that tell whether a session was changed by hashing its JSON. In JSON one Map looks like any other, and of
 * a BigInt or a cycle there is none, although a cluster keeps them all. So what JSON does not show stands in it as a print
 * of the bytes that would be stored; and of what stays in this process, which may be anything and is never looked into,
 * one of which value it is.
 */

import { createHash, randomUUID } from 'node:crypto'
import { types } from 'node:util'
import { Packed } from '@sessionmesh/core'
import { packNow } from '../values.js'

/**
 * `attributes`, to be hashed as JSON: themselves where that shows every change of them, else a copy with prints.
 * @param local names of those that stay in this process (`Sessions.localAttributes`): changed when replaced, not in place
 * @param aside name of one that is no attribute: it is not looked into, and not in the copy
 */
export function withPrints(
  attributes: object,
  local: readonly string[] = [],
  aside: string | undefined = undefined,
): object {
  let copy: Record<string, unknown> | undefined
  for (const [name, value] of Object.entries(attributes)) {
    if (name === aside) continue
    const isLocal = local.includes(name)
    if (!isLocal && jsonShows(value)) continue
    copy ??= withoutLocal(attributes, aside === undefined ? [] : [aside])
    copy[name] = { $print: isLocal ? identity(value) : print(value) }
  }
  return copy ?? attributes
}

/** `attributes` less those that stay in this process, for JSON that somebody may read or send. */
export function withoutLocal(attributes: object, local: readonly string[]): Record<string, unknown> {
  const others: Record<string, unknown> = { ...attributes }
  for (const name of local) delete others[name]
  return others
}

/** Whether JSON shows every change inside `value`. Frameworks ask several times per request, so nothing is copied. */
function jsonShows(value: unknown): boolean {
  if (typeof value !== 'object') return isShown(value, NONE)
  try {
    return isShown(value, new Map())
  } catch {
    // A `toJSON` or a getter of its own that throws, as it would in JSON.
    return false
  }
}

const NONE = new Map<object, boolean>()

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

function print(value: unknown): string {
  try {
    const packed = packNow(value)
    return packed instanceof Packed ? digest(packed.latin1) : identity(packed)
  } catch {
    // It counts as a change then, and the write that follows says by name what is wrong.
    return canBeKey(value) ? identity(value) : randomUUID()
  }
}

const identities = new WeakMap<WeakKey, string>()

/** Of an object which one it is, of a primitive its value. Nothing of the value can be read in it. */
function identity(value: unknown): string {
  if (!canBeKey(value)) return digest(`${typeof value} ${Object.is(value, -0) ? '-0' : String(value)}`)
  const known = identities.get(value) ?? randomUUID()
  identities.set(value, known)
  return known
}

function canBeKey(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

function digest(content: string): string {
  return createHash('sha256').update(content).digest('base64')
}
