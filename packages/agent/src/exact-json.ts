/**
 * Objects that JSON keeps exactly are held as JSON: it is encoded and decoded natively, in a fraction of the time that anything
 * in JavaScript takes. It stands behind the byte 0xc1, which no MessagePack begins with, a byte for each character; or, with
 * characters that have no such byte, behind two of them in UTF-8.
 */

import { FORBIDDEN_NAMES, Packed } from '@sessionmesh/core'
import { checkDepth, checkKey } from './value-types.js'

const MARK = '\xc1'
const BEYOND_LATIN1 = /[^\0-\xff]/
/** What JSON has if one of its keys is forbidden; and with this a key may be written in it that does not look like one. */
const SUSPICIOUS = [...FORBIDDEN_NAMES, '\\u']

/**
 * Made of plain objects, arrays, texts, finite numbers, booleans and `null` alone, and nothing is in it twice: what is parsed of
 * its JSON is equal to it. (But of -0 neither JSON nor MessagePack keeps more than that it is 0.) What cannot be stored at all is
 * not exact either: what is wrong with it, and where, is for who packs it otherwise to say.
 */
export function isExactInJson(value: object): boolean {
  try {
    return isExactObject(value, 1, new Set())
  } catch {
    return false
  }
}

/** @param value one that is exact in JSON. Equal ones are packed equally */
export function packJson(value: object): Packed {
  const json = JSON.stringify(value)
  return new Packed(
    BEYOND_LATIN1.test(json) ? MARK + MARK + Buffer.from(json).toString('latin1') : MARK + json,
  )
}

export function isJson(packed: Packed): boolean {
  return packed.latin1[0] === MARK
}

/** @throws SyntaxError if it is none; TypeError if it has a key that is forbidden: nobody packs such */
export function parseJson({ latin1 }: Packed): unknown {
  const isUtf8 = latin1[1] === MARK
  const json = isUtf8 ? Buffer.from(latin1.slice(2), 'latin1').toString() : latin1.slice(1)
  return JSON.parse(json, SUSPICIOUS.some((part) => json.includes(part)) ? withItsKey : undefined)
}

function withItsKey(key: string, value: unknown): unknown {
  checkKey(key)
  return value
}

function isExactObject(value: object, depth: number, seen: Set<object>): boolean {
  checkDepth(depth)
  if (seen.has(value)) return false
  seen.add(value)
  if ('toJSON' in value && typeof value.toJSON === 'function') return false
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Array.prototype) return isExactArray(value as unknown[], depth, seen)
  if (prototype !== Object.prototype && prototype !== null) return false
  for (const key in value) {
    checkKey(key)
    if (!isExact((value as Record<string, unknown>)[key], depth, seen)) return false
  }
  return true
}

function isExactArray(value: readonly unknown[], depth: number, seen: Set<object>): boolean {
  // (By index: a hole is `undefined`, and `every` would leave it out.)
  for (let i = 0; i < value.length; i++) if (!isExact(value[i], depth, seen)) return false
  return true
}

function isExact(value: unknown, depth: number, seen: Set<object>): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return Number.isFinite(value)
    case 'object':
      return value === null || isExactObject(value, depth + 1, seen)
    default:
      return false
  }
}
