/**
 * Objects that JSON keeps exactly are held as JSON: it is encoded and decoded natively, in a fraction of the time that anything
 * in JavaScript takes. It stands behind the byte 0xc1, which no MessagePack begins with, a byte for each character; or, with
 * characters that have no such byte, behind two of them in UTF-8.
 */

import { Packed } from '@sessionmesh/core'

const MARK = '\xc1'
/** Deeper than what people write, and far from the end of the stack. */
const MAX_DEPTH = 50
const BEYOND_LATIN1 = /[^\0-\xff]/
const PROTO = '__proto__'

/**
 * - `exact`: of plain objects, arrays, texts, numbers, booleans and `null` alone, and what is parsed of its JSON is equal to it.
 * - `never`: something in it is not, and is that still when it is loaded.
 * - `unknown`: something in it is loaded as something else, as an instance of a class is.
 */
export type Fit = 'exact' | 'never' | 'unknown'

/** The usual things that MessagePack keeps and JSON does not. (By prototype: of a class that extends one it keeps less.) */
const KEPT = new Set<unknown>([Date, Map, Set, Buffer, Uint8Array].map(({ prototype }) => prototype))

export function fitOf(value: object): Fit {
  return fitOfObject(value, 0, new Set())
}

/** @param value one that fits exactly. Equal ones are packed equally */
export function packJson(value: object): Packed {
  const json = JSON.stringify(value)
  return new Packed(
    BEYOND_LATIN1.test(json) ? MARK + MARK + Buffer.from(json).toString('latin1') : MARK + json,
  )
}

export function isJson(packed: Packed): boolean {
  return packed.latin1[0] === MARK
}

/** @throws SyntaxError if it is none, or if a key of it would assign a prototype where it is copied: nobody packs such */
export function parseJson({ latin1 }: Packed): unknown {
  const isUtf8 = latin1[1] === MARK
  const json = isUtf8 ? Buffer.from(latin1.slice(2), 'latin1').toString() : latin1.slice(1)
  const isSuspicious = json.includes(PROTO) || json.includes('\\u')
  return JSON.parse(json, isSuspicious ? refuseProto : undefined)
}

function refuseProto(key: string, value: unknown): unknown {
  if (key === PROTO) throw new SyntaxError(`it has a key ${PROTO}`)
  return value
}

function fitOfObject(value: object, depth: number, seen: Set<object>): Fit {
  // (What is there twice is so when it is loaded.)
  if (depth > MAX_DEPTH || seen.has(value)) return 'never'
  seen.add(value)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (KEPT.has(prototype)) return 'never'
  if ('toJSON' in value) return 'unknown'
  if (prototype === Array.prototype) return fitOfArray(value as unknown[], depth, seen)
  if (prototype !== Object.prototype && prototype !== null) return 'unknown'
  for (const key in value) {
    const fit = key === PROTO ? 'unknown' : fitOfAny((value as Record<string, unknown>)[key], depth + 1, seen)
    if (fit !== 'exact') return fit
  }
  return 'exact'
}

function fitOfArray(value: readonly unknown[], depth: number, seen: Set<object>): Fit {
  // (By index: a hole is `undefined`, and an iteration of its own would be slower.)
  for (let i = 0; i < value.length; i++) {
    const fit = fitOfAny(value[i], depth + 1, seen)
    if (fit !== 'exact') return fit
  }
  return 'exact'
}

function fitOfAny(value: unknown, depth: number, seen: Set<object>): Fit {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return 'exact'
    case 'number':
      // (Of -0 nothing keeps more than that it is 0.)
      return Number.isFinite(value) ? 'exact' : 'never'
    case 'object':
      return value === null ? 'exact' : fitOfObject(value, depth, seen)
    default:
      return 'never'
  }
}
