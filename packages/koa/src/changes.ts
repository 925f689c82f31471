/**
 * koa-session tells whether a session was changed by hashing the JSON of what `ctx.session.toJSON()` returns. So a Map
 * that is changed goes unnoticed, and a BigInt throws, although a cluster keeps both.
 *
 * Hence each session object gets a `toJSON` of its own. What it returns holds the values themselves, as ever, but when
 * its JSON is asked for, an attribute that JSON does not show in full has a print of all that is in it in its place.
 * The JSON of the session object itself is what it always was.
 */

import { withPrints } from 'sessionmesh/adapter'

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
  return Object.defineProperty(attributes, 'toJSON', { value: () => withPrints(attributes) })
}
