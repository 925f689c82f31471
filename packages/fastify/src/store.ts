/**
 * A store for @fastify/session over the sessions of a cluster.
 *
 * How the base of a difference reaches the save: @fastify/session makes its Session object by copying every enumerable
 * field of what `get` gave, and hands that object to `set`. So what `get` gives has a mark among its fields, which knows
 * what was loaded; the first to see the Session takes the mark off and notes the two as one. The mark is a `toJSON`: so the
 * first to see it is the Session's own maker, which takes its fingerprint by JSON.
 */

import type { FastifySessionObject, SessionStore } from '@fastify/session'
import type { Session } from 'fastify'
import {
  type Callback,
  CookieSessions,
  newNotes,
  type Store,
  type Visit,
  withoutLocal,
} from 'sessionmesh/adapter'

type Cookie = Session['cookie']

interface Mark {
  readonly loaded: object
  readonly at: number
}

export class MeshStore implements SessionStore {
  readonly #stored: CookieSessions
  readonly #local: readonly string[]
  /** By its function. */
  readonly #marks = newNotes<Mark>()
  /** When each Session was made: no earlier can @fastify/session have set the date of its cookie. */
  readonly #made = newNotes<number>()
  #visit: Visit | undefined

  constructor(store: Store) {
    this.#stored = new CookieSessions(store)
    this.#local = store.sessions.localAttributes
  }

  /** The next `get` is of this visit: @fastify/session calls it in the same turn, and does not say for which request. */
  expect(visit: Visit | undefined): void {
    this.#visit = visit
  }

  get(sid: string, callback: (error: unknown, session?: Session | null) => void): void {
    const visit = this.#visit
    this.#visit = undefined
    this.#stored.get(sid, visit, (error, session) => {
      const marked = session && { ...session, toJSON: this.#mark(session) }
      callback(error, marked as Session | undefined)
    })
  }

  set(sid: string, session: Session, callback: Callback): void {
    this.recognise(session)
    this.#renew(session)
    this.#stored.set(sid, session, callback)
  }

  destroy(sid: string, callback: Callback): void {
    this.#stored.destroy(sid, callback)
  }

  /** Renews the idle time of a session whose cookie has no date; with one, it ends when the cookie does. */
  use(sid: string, session: Session, callback: Callback): void {
    if (this.#stored.isStored(session) && !session.cookie.expires) this.#stored.touch(sid, session, callback)
    else callback()
  }

  /** To be called as soon as a Session is seen, and again at no cost. */
  recognise(session: Session): void {
    if (this.#made.get(session) !== undefined) return
    const { toJSON } = session as { toJSON?: unknown }
    const mark = typeof toJSON === 'function' ? this.#marks.get(toJSON) : undefined
    if (mark === undefined) {
      this.#made.set(session, renewedAt(session.cookie) ?? Date.now())
    } else {
      Reflect.deleteProperty(session, 'toJSON')
      // (An attribute of that name.)
      if ('toJSON' in mark.loaded) Object.assign(session, { toJSON: mark.loaded.toJSON })
      this.#stored.adopt(session, mark.loaded)
      this.#made.set(session, mark.at)
    }
    if (!isSession(session)) return
    this.#noticeEveryChange(session)
    this.#keepNothingOfTheDead(session)
    this.#hideLocal(session)
  }

  /** What a Session is asked for first when it is made: the JSON of it. */
  #mark(loaded: object): (this: Session) => unknown {
    const store = this
    function toJSON(this: Session): unknown {
      store.recognise(this)
      return store.#asJson(this)
    }
    this.#marks.set(toJSON, { loaded, at: Date.now() })
    return toJSON
  }

  /**
   * @fastify/session compares the JSON of a session, where one Map looks like any other and a BigInt is not there. What it
   * finds counts (after `regenerate` it must send the new cookie although nothing is left to write); and so does what
   * differs byte by byte.
   */
  #noticeEveryChange(session: FastifySessionObject): void {
    const { isModified } = session
    hide(session, 'isModified', () => isModified.call(session) || this.#stored.isChanged(session))
  }

  /** Who was logged out while this request was on its way would be logged in again by what `regenerate` keeps. */
  #keepNothingOfTheDead(session: FastifySessionObject): void {
    const { regenerate } = session
    hide(session, 'regenerate', (keep: unknown, ...callback: unknown[]) => {
      const isNothing = Array.isArray(keep) && this.#stored.isGone(session.sessionId, session)
      return Reflect.apply(regenerate, session, [isNothing ? [] : keep, ...callback])
    })
  }

  /** What stays on this server may be anything: @fastify/session, for its fingerprint, would look into all of it. */
  #hideLocal(session: FastifySessionObject): void {
    if (this.#local.length === 0 || Object.hasOwn(session, 'toJSON')) return
    hide(session, 'toJSON', () => this.#asJson(session))
  }

  /** The session itself, or what may be seen of it: without the cookie, which is in no fingerprint either. */
  #asJson(session: Session): object {
    if (!this.#local.some((name) => Object.hasOwn(session, name))) return session
    const { cookie: _, ...attributes } = session
    return withoutLocal(attributes, this.#local)
  }

  /**
   * A cookie lives `maxAge` from its save on. @fastify/session counts from when the request came, and in a slow handler
   * the lifetime would shrink. A date that the app has set stays.
   */
  #renew(session: Session): void {
    const { cookie } = session
    const { originalMaxAge } = cookie
    const at = renewedAt(cookie)
    if (at === undefined || !originalMaxAge) return
    const now = Date.now()
    // (A date has whole milliseconds, a lifetime may have a fraction.)
    if (at > (this.#made.get(session) ?? 0) - 1 && at <= now) cookie.expires = new Date(now + originalMaxAge)
  }
}

/** `request.session` is also `{}` (not on the cookie's path) and `null` (destroyed). */
export function isSession(session: object | null): session is FastifySessionObject {
  return session !== null && 'sessionId' in session && session.sessionId !== undefined
}

/** When the cookie's date was set, if it was by `maxAge` or `touch()`; `undefined` if it has no date. */
function renewedAt({ expires, originalMaxAge }: Cookie): number | undefined {
  return expires instanceof Date && originalMaxAge ? expires.getTime() - originalMaxAge : undefined
}

/** A method of this object alone that nobody enumerates, and so no attribute. */
function hide(session: object, name: string, value: unknown): void {
  Object.defineProperty(session, name, { configurable: true, enumerable: false, writable: true, value })
}
