/**
 * What a value may hold, at every depth and whoever wrote it: what is listed here, and nothing else is made of the bytes of
 * a peer. Nor has any object in it a key by which code that copies it would reach a prototype.
 */

import { types } from 'node:util'
import { FORBIDDEN_NAMES } from '@sessionmesh/core'
import { badOption, isObject, messageOf } from './errors.js'
import { addExtension } from './msgpack.js'

/** Deeper than what people write, and far from the end of the stack, which a busier server comes to sooner. */
const MAX_DEPTH = 500

/** What is no mere data: a pattern that takes for ever, a text that an application takes for its own error. */
const ALLOWABLE_TYPES = ['RegExp', 'Error'] as const
export type AllowableType = (typeof ALLOWABLE_TYPES)[number]

const asked = new Set<AllowableType>()

/**
 * From now on session attributes may hold these too, in all of this process. They are neither stored nor made of what other
 * members send before. To be called on every member, and before it joins: `allowTypes('RegExp')`.
 * @throws SessionMeshError `SESSIONMESH_BAD_OPTION`
 */
export function allowTypes(...names: readonly AllowableType[]): void {
  const stray = names.find((name) => !ALLOWABLE_TYPES.includes(name))
  if (stray !== undefined)
    throw badOption(
      `allowTypes knows ${ALLOWABLE_TYPES.join(' and ')}, and not ${JSON.stringify(stray)}; all else that is data is allowed`,
    )
  for (const name of names) asked.add(name)
}

/** In an error. */
const MAX_PATH_SHOWN = 8
const MAX_KEY_SHOWN = 32

const LENGTHS: ReadonlySet<number> = new Set([...FORBIDDEN_NAMES].map(({ length }) => length))

const ERRORS = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError }

/** (As msgpackr writes them.) */
addExtension({
  type: 0x78,
  read([source, flags]: [string, string]) {
    checkAsked('RegExp')
    return new RegExp(source, flags)
  },
})
addExtension({
  type: 0x65,
  read([name, message, cause]: [string, string, unknown]) {
    checkAsked('Error')
    const known = Object.hasOwn(ERRORS, name) ? ERRORS[name as keyof typeof ERRORS] : undefined
    const error = new (known ?? Error)(message, { cause })
    if (known === undefined)
      Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true })
    return error
  },
})

/** Before it is packed. @throws TypeError for what would be lost, or could not be loaded: what it is, and where it stands */
export function checkToPack(value: unknown): void {
  const path: Path = []
  try {
    look(value, { isLoaded: false, seen: new Set(), path })
  } catch (cause) {
    throw new TypeError(messageOf(cause) + whereIs(path), { cause })
  }
}

/** What was made of bytes that any member may have written. @throws TypeError */
export function checkLoaded(value: unknown): void {
  look(value, { isLoaded: true, seen: new Set(), path: [] })
}

/** @throws TypeError */
export function checkDepth(depth: number): void {
  if (depth > MAX_DEPTH) throw new TypeError(`it is nested more than ${MAX_DEPTH} deep`)
}

/** By length first: every key of every object comes by. @throws TypeError */
export function checkKey(key: string): void {
  if (LENGTHS.has(key.length) && FORBIDDEN_NAMES.has(key))
    throw new TypeError(
      `an object in it has a key "${key}", by which a prototype may be reached where it is copied. Use another one, or a Map`,
    )
}

/** Keys of objects, and places in what has an order. */
type Path = (string | number)[]

interface Look {
  readonly isLoaded: boolean
  readonly seen: Set<object>
  /** To what is looked at right now; so, once that threw, to what was wrong. */
  readonly path: Path
}

function look(value: unknown, at: Look): void {
  if (!at.isLoaded) checkIsData(value)
  if (!isObject(value) || at.seen.has(value)) return
  checkDepth(at.path.length + 1)
  at.seen.add(value)
  if (!at.isLoaded) {
    checkHasData(value)
    // (What it gives in its place is looked at when it is loaded.)
    if ('toJSON' in value && typeof value.toJSON === 'function') return
  }
  const inside = (inner: unknown, key: string | number) => {
    at.path.push(key)
    look(inner, at)
    at.path.pop()
  }
  if (Array.isArray(value)) value.forEach(inside)
  else if (types.isMap(value)) {
    let place = 0
    for (const [key, inner] of value) {
      inside(key, place)
      inside(inner, place++)
    }
  } else if (types.isSet(value)) [...value].forEach(inside)
  else if (types.isNativeError(value)) inside(value.cause, 'cause')
  else if (!isWhole(value)) {
    if (at.isLoaded) checkPlain(value)
    for (const key of Object.keys(value)) {
      checkKey(key)
      inside(read(value, key), key)
    }
  }
}

/** @throws TypeError if a getter does */
function read(value: object, key: string): unknown {
  try {
    return (value as Record<string, unknown>)[key]
  } catch (cause) {
    throw new TypeError(
      `reading its ${JSON.stringify(key.slice(0, MAX_KEY_SHOWN))} threw: ${messageOf(cause)}`,
      { cause },
    )
  }
}

/** As in ` (at .items[3].price)`; nothing for the value itself. */
function whereIs(path: Path): string {
  if (path.length === 0) return ''
  const shown = path.slice(0, MAX_PATH_SHOWN).map((key) => {
    if (typeof key === 'number') return `[${key}]`
    return /^[\w$]+$/.test(key) && key.length <= MAX_KEY_SHOWN
      ? `.${key}`
      : `[${JSON.stringify(key.slice(0, MAX_KEY_SHOWN))}]`
  })
  return ` (at ${shown.join('')}${path.length > MAX_PATH_SHOWN ? '…' : ''})`
}

/** There is nothing in it. */
function isWhole(value: object): boolean {
  return (
    ArrayBuffer.isView(value) || types.isDate(value) || types.isAnyArrayBuffer(value) || types.isRegExp(value)
  )
}

function checkPlain(value: object): void {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw new TypeError('it holds what is no data')
}

/** The codec would leave it out, or say nothing that helps. */
function checkIsData(value: unknown): void {
  if (typeof value === 'function') throw new TypeError(noData(value))
  if (typeof value === 'symbol') throw new TypeError('a symbol is known to this process alone')
}

/** Of a function. */
export function noData(value: unknown): string {
  return `a function (${(value as { name?: string }).name || 'anonymous'}) has no data in it`
}

/** They would be stored as `{}`. */
function checkHasData(value: object): void {
  if (types.isPromise(value))
    throw new TypeError('a Promise has no data in it, and an `await` may be missing')
  if (types.isWeakMap(value) || types.isWeakSet(value) || value instanceof WeakRef)
    throw new TypeError('what is held weakly is no data')
  if (value instanceof Blob)
    throw new TypeError(
      'the bytes of a Blob or File are not in it; store what its `arrayBuffer()` resolves to',
    )
  if (types.isSharedArrayBuffer(value))
    throw new TypeError('a SharedArrayBuffer is shared within this process; take a copy of its bytes')
  if (types.isRegExp(value)) checkAsked('RegExp')
  if (types.isNativeError(value)) checkAsked('Error')
}

function checkAsked(name: AllowableType): void {
  if (asked.has(name)) return
  throw new TypeError(
    `it holds a${name === 'Error' ? 'n' : ''} ${name}, which is not taken from other servers unless each of them calls allowTypes('${name}')`,
  )
}
