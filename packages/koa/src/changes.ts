/**
 * koa-session tells whether a session was changed by hashing the JSON of what `ctx.session.toJSON()` returns. So a Map
 * that is changed goes unnoticed, and a BigInt throws, although a cluster keeps both.
 *
 * Hence each session object gets a `toJSON` of its own. What it returns holds the values themselves, as ever, but when
 * its JSON is asked for, an attribute that JSON does not show in full has a print of all that is in it in its place.
 * The JSON of the session object itself is what it always was.
 */

import { createHash, randomUUID } from 'node:crypto'
import { serialize } from 'node:v8'

type Json = Record<string, unknown>

/** A session as koa-session takes it from a store. It copies all that is enumerable, inherited or not, and hashes then. */
export function asLoaded(attributes: Json): Json {
  return Object.assign(Object.create({ toJSON }), attributes)
}

/** Makes the sessions that are seen as `ctx.session` show their changes. `context` is the app's, with koa-session on it. */
export function showChanges(context: object): void {
  const { get, set, ...rest } = Object.getOwnPropertyDescriptor(context, 'session')!
  const seen = (session: unknown) => {
    if (typeof session === 'object' && session !== null) show(session)
    return session
  }
  Object.defineProperty(context, 'session', {
    ...rest,
    get(): unknown {
      return seen(get!.call(this))
    },
    set(session: unknown): void {
      set!.call(this, session)
      seen(get!.call(this))
    },
  })
}

function show(session: object): void {
  if (Object.getOwnPropertyDescriptor(session, 'toJSON')?.enumerable === false) return
  Object.defineProperty(session, 'toJSON', {
    value: toJSON,
    configurable: true,
    writable: true,
    enumerable: false,
  })
}

/** The method of a session object, and of what was loaded for one. */
function toJSON(this: object): Json {
  const above: { toJSON: () => Json } = Object.getPrototypeOf(this)
  const attributes = above.toJSON === toJSON ? { ...this } : above.toJSON.call(this)
  return Object.defineProperty(attributes, 'toJSON', { value: shown })
}

function shown(this: Json): Json {
  return Object.fromEntries(
    Object.entries(this).map(([name, value]) => [
      name,
      isShown(value, []) ? value : { $print: print(value) },
    ]),
  )
}

/** Whether JSON shows every change inside `value`. `path` are the objects on the way to it. */
function isShown(value: unknown, path: readonly object[]): boolean {
  switch (typeof value) {
    case 'object':
      return value === null || isShownObject(value, path)
    case 'number':
      return Number.isFinite(value)
    case 'string':
    case 'boolean':
    case 'undefined':
      return true
    default:
      return false
  }
}

function isShownObject(value: object, path: readonly object[]): boolean {
  if (value instanceof Date) return Number.isFinite(value.getTime())
  const prototype = Object.getPrototypeOf(value)
  const isPlain = Array.isArray(value) || prototype === Object.prototype || prototype === null
  if (!isPlain || path.includes(value)) return false
  const inside = [...path, value]
  return Object.values(value).every((inner) => isShown(inner, inside))
}

function print(value: unknown): string {
  try {
    return createHash('sha256').update(serialize(value)).digest('base64')
  } catch {
    // It cannot be cloned: that counts as a change, and the write that follows says by name what is wrong.
    return randomUUID()
  }
}
