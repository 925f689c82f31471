/**
 * koa-session tells whether a session was changed by hashing the JSON of what `ctx.session.toJSON()` returns. So a Map
 * that is changed goes unnoticed, and a BigInt throws, although a cluster keeps both.
 *
 * Hence each session object gets a `toJSON` of its own. What it returns holds the values themselves, as ever, but when
 * its JSON is asked for, an attribute that JSON does not show in full has a print of all that is in it in its place, and
 * one that stays on this server (`localAttributes`) a print of which value it is. The JSON of the session object itself
 * is what it always was, without what stays here.
 */

import { withoutLocal, withPrints } from 'sessionmesh/adapter'

type Json = Record<string, unknown>

/** What makes the sessions of one middleware show their changes. */
export class Changes {
  readonly #local: readonly string[]
  readonly #toJSON: (...asked: unknown[]) => Json

  /** @param local names of the attributes that stay on this server */
  constructor(local: readonly string[]) {
    this.#local = local
    this.#toJSON = this.#method()
  }

  /** A session as koa-session takes it from a store. It copies all that is enumerable, inherited or not, and hashes then. */
  asLoaded(attributes: Json): Json {
    return Object.assign(Object.create({ toJSON: this.#toJSON }), attributes)
  }

  /** Of those that are seen as `ctx.session`. `context` is the app's, with koa-session on it. */
  showIn(context: object): void {
    const { get, set, ...rest } = Object.getOwnPropertyDescriptor(context, 'session')!
    const seen = (session: unknown) => {
      if (typeof session === 'object' && session !== null) this.#show(session)
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

  #show(session: object): void {
    if (Object.getOwnPropertyDescriptor(session, 'toJSON')?.enumerable === false) return
    Object.defineProperty(session, 'toJSON', {
      value: this.#toJSON,
      configurable: true,
      writable: true,
      enumerable: false,
    })
  }

  /** The `toJSON` of a session object, and of what was loaded for one. */
  #method() {
    const local = this.#local
    return function toJSON(this: Json, ...asked: unknown[]): Json {
      const above: { toJSON: () => Json } = Object.getPrototypeOf(this)
      const attributes = above.toJSON === toJSON ? { ...this } : above.toJSON.call(this)
      // JSON says for which name it asks; koa-session says nothing, and saves what it is given.
      if (asked.length > 0) return withoutLocal(attributes, local)
      // koa-session leaves functions out, which nobody could store: here they may stay.
      for (const name of local) if (typeof this[name] === 'function') attributes[name] = this[name]
      return Object.defineProperty(attributes, 'toJSON', { value: () => withPrints(attributes, local) })
    }
  }
}
