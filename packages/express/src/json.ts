/**
 * express-session tells whether a session was modified by hashing its JSON. So replacing one Map by another
 * goes unnoticed, and a BigInt or a cycle throws: inside `res.end`, where the request then hangs.
 *
 * The stores behind us keep all of these. Hence each Session object gets a `toJSON` that nobody enumerates: it
 * answers with the session itself as long as JSON shows every change, and only otherwise with a view in which
 * what JSON would drop is spelled out (`{ $map: [...] }`, `{ $bigint: '5' }`). The view leaves out the cookie,
 * as express-session's hash does: its expiry moves with every request and is no modification.
 */
import { types } from 'node:util'

/** Makes `JSON.stringify(session)`, and so express-session's hash, see every change of it. */
export function showChangesInJson(session: object): void {
  if (Object.hasOwn(session, 'toJSON')) return
  Object.defineProperty(session, 'toJSON', {
    configurable: true,
    enumerable: false,
    writable: true,
    value: function toJSON(this: object): object {
      const path = [this]
      return attributesOf(this).every(([, value]) => jsonShows(value, path)) ? this : view(this)
    },
  })
}

/** The attributes of a session: everything enumerable but the cookie. */
export function attributesOf(session: object): [name: string, value: unknown][] {
  return Object.entries(session).filter(([name]) => name !== 'cookie')
}

function view(session: object): object {
  return Object.fromEntries(attributesOf(session).map(([name, value]) => [name, spell(value, [session])]))
}

/**
 * True when JSON shows every change inside `value`. `path` are the objects on the way to it. express-session asks
 * three or four times per request, so nothing is copied here.
 */
function jsonShows(value: unknown, path: object[]): boolean {
  switch (typeof value) {
    case 'object':
      return value === null || jsonShowsObject(value, path)
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

function jsonShowsObject(value: object, path: object[]): boolean {
  if (Buffer.isBuffer(value)) return true
  if (path.includes(value) || isOpaque(value)) return false
  path.push(value)
  const json = jsonOf(value)
  const shows = json === value ? jsonShowsInside(value, path) : jsonShows(json, path)
  path.pop()
  return shows
}

function jsonShowsInside(value: object, path: object[]): boolean {
  if (Array.isArray(value)) return value.every((inner) => jsonShows(inner, path))
  for (const name in value) {
    if (Object.hasOwn(value, name) && !jsonShows(Reflect.get(value, name), path)) return false
  }
  return true
}

/** `value` with everything that JSON would drop, flatten or refuse spelled out. */
function spell(value: unknown, path: readonly object[]): unknown {
  switch (typeof value) {
    case 'bigint':
      return { $bigint: `${value}` }
    case 'number':
      return Number.isFinite(value) ? value : { $number: `${value}` }
    // These two cannot be stored. Shown, they count as a change, and the write that follows says so by name.
    case 'function':
      return { $function: value.name }
    case 'symbol':
      return { $symbol: value.toString() }
    case 'object':
      return value === null || Buffer.isBuffer(value) ? value : spellObject(value, path)
    default:
      return value
  }
}

function spellObject(value: object, path: readonly object[]): unknown {
  const seen = path.indexOf(value)
  if (seen !== -1) return { $cycle: path.length - seen }
  const deeper = [...path, value]
  const spellAll = (values: Iterable<unknown>) => Array.from(values, (inner) => spell(inner, deeper))
  if (types.isMap(value)) return { $map: spellAll(value) }
  if (types.isSet(value)) return { $set: spellAll(value) }
  if (types.isRegExp(value)) return { $regexp: `${value}` }
  if (types.isNativeError(value)) return { $error: `${value}` }
  if (types.isAnyArrayBuffer(value)) return { $bytes: Buffer.from(value).toString('base64') }
  if (ArrayBuffer.isView(value)) {
    return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') }
  }
  const json = jsonOf(value)
  if (json !== value) return spell(json, deeper)
  if (Array.isArray(value)) return spellAll(value)
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, spell(inner, deeper)]))
}

/** Objects of which JSON keeps nothing, or (typed arrays) a needlessly large object. */
function isOpaque(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  // Nearly all there is; the rest costs some calls.
  if (prototype === Object.prototype || prototype === Array.prototype) return false
  return (
    types.isMap(value) ||
    types.isSet(value) ||
    types.isRegExp(value) ||
    types.isNativeError(value) ||
    types.isAnyArrayBuffer(value) ||
    ArrayBuffer.isView(value)
  )
}

/** What JSON would take in place of `value`: the answer of its own `toJSON`, if it has one. */
function jsonOf(value: object): unknown {
  return 'toJSON' in value && typeof value.toJSON === 'function' ? value.toJSON() : value
}
