/**
 * A store for @fastify/session over the sessions of a cluster.
 *
 * How the base of a difference reaches the save: @fastify/session makes its Session object by copying every enumerable
 * field of what `get` gave, and hands that object to `set`. So what `get` gives bears one field more, a mark that knows
 * what was loaded; the first of us to see the Session takes the mark off and notes the two as one.
 */

import type { FastifySessionObject, SessionStore } from '@fastify/session'
import type { Session } from 'fastify'
import { type Callback, CookieSessions, type Store, type Visit } from 'sessionmesh/adapter'

type Cookie = Session['cookie']

/** The field must be a string: symbols are not copied. */
const MARK = '@sessionmesh/fastify'

class Mark {
  readonly loaded: object
  readonly at = Date.now()

  constructor(loaded: object) {
    this.loaded = loaded
  }

  /** Nothing in JSON, which is also how @fastify/session takes the fingerprint of a session. */
  toJSON(): undefined {
    return undefined
  }
}

export class MeshStore implements SessionStore {
  readonly #stored: CookieSessions
  /** When each Session was made: no earlier can @fastify/session have set the date of its cookie. */
  readonly #made = new WeakMap<object, number>()
  #visit: Visit | undefined

  constructor(store: Store) {
    this.#stored = new CookieSessions(store)
  }

  /** The next `get` is of this visit: @fastify/session calls it in the same turn, and does not say for which request. */
  expect(visit: Visit | undefined): void {
    this.#visit = visit
  }

  get(sid: string, callback: (error: unknown, session?: Session | null) => void): void {
    const visit = this.#visit
    this.#visit = undefined
    this.#stored.get(sid, visit, (error, session) => {
      if (session) session[MARK] = new Mark(session)
      callback(error, session as Session | undefined)
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
    if (this.#made.has(session)) return
    const { [MARK]: mark } = session as { [MARK]?: unknown }
    if (mark instanceof Mark) {
      Reflect.deleteProperty(session, MARK)
      this.#stored.adopt(session, mark.loaded)
      this.#made.set(session, mark.at)
    } else {
      this.#made.set(session, renewedAt(session.cookie) ?? Date.now())
    }
    if (isSession(session)) this.#noticeEveryChange(session)
  }

  /**
   * @fastify/session compares the JSON of a session, where one Map looks like any other and a BigInt is not there. What it
   * finds counts (after `regenerate` it must send the new cookie although nothing is left to write); and so does what
   * differs byte by byte.
   */
  #noticeEveryChange(session: FastifySessionObject): void {
    const isModified = session.isModified
    Object.defineProperty(session, 'isModified', {
      configurable: true,
      enumerable: false,
      writable: true,
      value: () => isModified.call(session) || this.#stored.isChanged(session),
    })
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
