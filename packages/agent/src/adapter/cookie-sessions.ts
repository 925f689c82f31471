/**
 * Sessions that carry their cookie, as express-session and @fastify/session hand them to a store, on those of a cluster.
 *
 * What a request saves is the difference to what it loaded; the base of that difference is kept per object, from the
 * load to the save. Everything is local and synchronous, but for acks.
 */

import type { Acks, Base, Sessions } from '../types.js'
import {
  type CookieLike,
  expiryOf,
  fromStored,
  lifetimeUntil,
  type StoredCookie,
  toStored,
} from './cookie.js'
import type { StoreOptions } from './options.js'

/** What such a framework gives and takes: attributes, and its cookie. */
export interface CookieSession {
  cookie: CookieLike
}

/** What is known of an object since it was loaded or saved. */
interface Known {
  base: Base | undefined
  /** The cookie's attribute, to notice a change of it. */
  cookie: StoredCookie
  /** The cookie's expiry as handed out or saved: while the cookie has this one, nobody moved it. */
  expiresAt: number | undefined
  /** The idle lifetime agreed; `undefined` when it was left to the cluster. */
  ttlMs: number | undefined
}

export class CookieSessions {
  readonly #sessions: Sessions
  readonly #acks: Acks
  readonly #ttlMs: number | undefined
  readonly #known = new WeakMap<object, Known>()

  constructor({ cluster, acks, ttlMs }: StoreOptions) {
    this.#sessions = cluster.sessions
    this.#acks = acks ?? cluster.sessions.acks
    this.#ttlMs = ttlMs
  }

  /** @throws SessionMeshError `SESSIONMESH_UNREADABLE_ATTRIBUTE` */
  load(sid: string): (Record<string, unknown> & { cookie: ReturnType<typeof fromStored> }) | undefined {
    const loaded = this.#sessions.load(sid)
    if (!loaded) return undefined
    const { data, base, ttlMs, remainingMs } = loaded
    const session = { ...data, cookie: fromStored(data.cookie, ttlMs, Date.now() + remainingMs) }
    this.#agree(session, { base, ttlMs })
    return session
  }

  /**
   * Writes what differs from what was loaded or saved last as this object; a new one as a whole. What it returns is for
   * who waits for acks: `undefined` when nothing was to be done.
   * @throws SessionMeshError as `Sessions.write`
   */
  save(sid: string, session: Partial<CookieSession>): Promise<unknown> | undefined {
    const ttlMs = this.#lifetimeOf(session)
    if (ttlMs !== undefined && ttlMs <= 0) return this.#end(sid)
    const before = this.#known.get(session)
    const data = { ...session, cookie: toStored(session.cookie ?? {}) }
    const { outcome, base, acked } = this.#sessions.write(sid, data, {
      base: before?.base,
      ttlMs,
      acks: this.#acks,
    })
    // Destroyed or expired meanwhile: the cluster has reported it, and the request goes on. The old base stays,
    // so that the next save of this request is dropped too instead of creating the session again.
    if (outcome !== 'dropped') this.#agree(session, { base, ttlMs })
    return acked
  }

  /** Renews the idle time. Of the session it changes the cookie only, and that only where the app did. */
  touch(sid: string, session: CookieSession): Promise<unknown> | undefined {
    const ttlMs = this.#lifetimeOf(session)
    if (ttlMs !== undefined && ttlMs <= 0) return this.#end(sid)
    const known = this.#known.get(session)
    const cookie = toStored(session.cookie)
    if (known !== undefined && JSON.stringify(known.cookie) !== JSON.stringify(cookie)) {
      const now = this.#sessions.load(sid)
      if (now) this.#sessions.write(sid, { ...now.data, cookie }, { base: now.base, ttlMs, acks: 'none' })
    } else {
      this.#sessions.touch(sid, { ttlMs })
    }
    if (known) this.#agree(session, { base: known.base, ttlMs })
    return undefined
  }

  /** What is known of `loaded` holds of `session` as well, which the framework has made of it. */
  adopt(session: object, loaded: object): void {
    const known = this.#known.get(loaded)
    if (known) this.#known.set(session, known)
  }

  /** Whether this object was loaded from the cluster, or saved to it. */
  isStored(session: object): boolean {
    return this.#known.has(session)
  }

  /**
   * Whether an attribute differs from what was loaded or saved last as this object, its cookie aside; of a new one, whether
   * it has any. True as well for what cannot be stored: the save will say so.
   */
  isChanged(session: CookieSession): boolean {
    const { cookie: _, ...data } = session
    const known = this.#known.get(session)
    if (known?.base === undefined) return Object.keys(data).length > 0
    return this.#sessions.differs({ ...data, cookie: known.cookie }, known.base)
  }

  /** The app has set an expiry in the past: as with other stores, that ends the session. */
  #end(sid: string): Promise<unknown> | undefined {
    return this.#sessions.has(sid) ? this.#sessions.destroy(sid, { acks: this.#acks }).acked : undefined
  }

  /** The idle lifetime that the session's cookie asks for; `undefined` when it asks for no change. */
  #lifetimeOf(session: Partial<CookieSession>): number | undefined {
    const known = this.#known.get(session)
    const now = Date.now()
    const cookie = session.cookie ?? {}
    const expiresAt = expiryOf(cookie, now)
    if (known !== undefined && expiresAt === known.expiresAt && expiresAt !== undefined) return undefined
    const wanted =
      expiresAt === undefined
        ? (this.#ttlMs ?? (known?.expiresAt === undefined ? undefined : this.#sessions.ttlMs))
        : lifetimeUntil(expiresAt, now, [known?.ttlMs, cookie.originalMaxAge])
    return known !== undefined && wanted === known.ttlMs ? undefined : wanted
  }

  /** Notes what the session is like now that it is loaded or saved. */
  #agree(session: Partial<CookieSession>, { base, ttlMs }: Pick<Known, 'base' | 'ttlMs'>): void {
    const before = this.#known.get(session)
    const cookie = session.cookie ?? {}
    this.#known.set(session, {
      base,
      cookie: toStored(cookie),
      expiresAt: expiryOf(cookie, Date.now()),
      ttlMs: ttlMs ?? before?.ttlMs,
    })
  }
}
