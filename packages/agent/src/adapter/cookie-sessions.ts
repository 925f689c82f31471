/**
 * Sessions that carry their cookie, on those of a cluster: what a store for express-session or @fastify/session does.
 *
 * What a request saves is the difference to what it loaded; the base of that difference is kept per object, from the
 * load to the save. Everything is local and synchronous: a callback is called before the method returns, unless there is
 * something to catch up with, or acks to wait for.
 */

import { sameValue } from '@sessionmesh/core'
import type { Acks, Base, Sessions, WriteOptions, WriteResult } from '../types.js'
import { type CookieLike, expiryOf, fromStored, lifetimeUntil, toStored } from './cookie.js'
import { newNotes } from './notes.js'
import type { Store } from './options.js'
import type { Visit } from './visit.js'

/** What such a framework gives and takes: attributes, and its cookie. */
export interface CookieSession {
  cookie: CookieLike
}

/** As it is loaded, for the framework to make its own of it. */
export type LoadedSession = Record<string, unknown> & { cookie: ReturnType<typeof fromStored> }

export type Callback = (error?: unknown) => void

/** What is known of an object since it was loaded or saved. */
interface Known {
  /** `undefined`: it was not loaded. */
  loaded?: LoadedState | undefined
  base: Base | undefined
  /** The cookie's attribute, to notice a change of it. */
  cookie: string
  /** The cookie's expiry as handed out or saved: while the cookie has this one, nobody moved it. */
  expiresAt: number | undefined
  /** The idle lifetime agreed; `undefined` when it was left to the cluster. */
  ttlMs: number | undefined
}

/** Of an object that was loaded: equal for two moments between which nothing of it changed but its cookie. */
export interface LoadedState {
  /** Which load it was: no other one has this number. */
  readonly load: number
  /** How often a change was saved since. */
  readonly saves: number
}

export class CookieSessions {
  readonly #sessions: Sessions
  readonly #acks: Acks
  readonly #ttlMs: number | undefined
  readonly #known = newNotes<Known>()
  #lastLoad = 0

  constructor({ sessions, acks, ttlMs }: Store) {
    this.#sessions = sessions
    this.#acks = acks
    this.#ttlMs = ttlMs
  }

  /**
   * @param visit of whose request it is, if that is known: then it finds what its client has seen
   * @param callback gets `SESSIONMESH_UNREADABLE_ATTRIBUTE` for what cannot be read: that fails this request, and no other
   */
  get(
    sid: string,
    visit: Visit | undefined,
    callback: (error: unknown, session?: LoadedSession) => void,
  ): void {
    const answer = () => {
      let session: LoadedSession | undefined
      try {
        session = this.load(sid)
      } catch (error) {
        callback(error)
        return
      }
      callback(null, session)
    }
    const caughtUp = visit === undefined ? this.#sessions.catchUp(sid, undefined) : visit.catchUp(sid)
    if (caughtUp) caughtUp.then(answer)
    else answer()
  }

  /**
   * Writes what differs from what was loaded or saved last as this object; a new one as a whole. The object lives on and
   * changes, so all is encoded before this returns.
   * @param callback gets what `Sessions.write` throws
   */
  set(sid: string, session: Partial<CookieSession>, callback: Callback): void {
    this.#settle(() => this.#save(sid, session), callback)
  }

  /** Renews the idle time. Of the session it changes the cookie only, and that only where the app did. */
  touch(sid: string, session: CookieSession, callback: Callback): void {
    this.#settle(() => this.#touch(sid, session), callback)
  }

  destroy(sid: string | readonly string[], callback: Callback): void {
    const sids = typeof sid === 'string' ? [sid] : sid
    const destroy = (each: string) => this.#sessions.destroy(each, { acks: this.#acks }).acked
    this.#settle(() => Promise.all(sids.map(destroy)), callback)
  }

  /** @throws SessionMeshError `SESSIONMESH_UNREADABLE_ATTRIBUTE` */
  load(sid: string): LoadedSession | undefined {
    const loaded = this.#sessions.load(sid)
    if (!loaded) return undefined
    const { data, base, ttlMs, remainingMs } = loaded
    const cookie = fromStored(data.cookie, ttlMs, Date.now() + remainingMs)
    const stored = typeof data.cookie === 'string' ? data.cookie : undefined
    const session = Object.assign(data, { cookie })
    this.#known.set(session, {
      loaded: { load: ++this.#lastLoad, saves: 0 },
      base,
      cookie: toStored(cookie, stored),
      expiresAt: cookie.expires?.getTime(),
      ttlMs,
    })
    return session
  }

  /**
   * What is known of `loaded` holds of `session` as well, which the framework has made of it.
   * @param before which `session` takes the place of, in the same request: it has been loaded once more
   */
  adopt(session: object, loaded: object, before?: object): void {
    const known = this.#known.get(loaded)
    if (!known) return
    const former = before === undefined ? undefined : this.#known.get(before)
    this.#known.set(
      session,
      former?.loaded === undefined ? known : { ...known, loaded: again(former, known) },
    )
  }

  /** Whether this object was loaded from the cluster, or saved to it. */
  isStored(session: object): boolean {
    return this.#known.get(session) !== undefined
  }

  /**
   * Whether this object was loaded or saved, and its session `sid` is gone now: nothing of it may live on under another id,
   * which would undo a logout.
   */
  isGone(sid: string, session: object): boolean {
    return this.isStored(session) && !this.#sessions.has(sid)
  }

  /**
   * Whether an attribute differs from what was loaded or saved last as this object, its cookie aside; of a new one, whether
   * it has any. True as well for what cannot be stored: the save will say so.
   */
  isChanged(session: CookieSession): boolean {
    const known = this.#known.get(session)
    if (known?.base === undefined) return Object.keys(session).some((name) => name !== 'cookie')
    return this.#sessions.differs(session as object as Record<string, unknown>, known.base, 'cookie')
  }

  /** As it was loaded or saved last; `undefined` of what was not loaded. */
  loadedState(session: object): LoadedState | undefined {
    return this.#known.get(session)?.loaded
  }

  /** Errors go to the callback; so does the wait for acks, if any were asked for. */
  #settle(action: () => Promise<unknown> | undefined, callback: Callback): void {
    let acked: Promise<unknown> | undefined
    try {
      acked = action()
    } catch (error) {
      callback(error)
      return
    }
    if (acked === undefined || this.#acks === 'none') callback()
    else acked.then(() => callback(), callback)
  }

  #save(sid: string, session: Partial<CookieSession>): Promise<unknown> | undefined {
    const ttlMs = this.#lifetimeOf(session)
    if (ttlMs !== undefined && ttlMs <= 0) return this.#end(sid)
    const before = this.#known.get(session)
    const data = { ...session, cookie: toStored(session.cookie ?? {}, before?.cookie) }
    // (What stays in this process is in no write.)
    const isOtherHere = this.#sessions.localAttributes.length > 0 && this.isChanged(session as CookieSession)
    const { outcome, changed, base, acked } = this.#write(sid, session, data, {
      base: before?.base,
      ttlMs,
      acks: this.#acks,
    })
    // Destroyed or expired meanwhile: the cluster has reported it, and the request goes on. The old base stays,
    // so that the next save of this request is dropped too instead of creating the session again.
    if (outcome === 'dropped') return acked
    const isOther = isOtherHere || changed.some((name) => name !== 'cookie')
    this.#agree(session, { loaded: isOther ? savedOf(before?.loaded) : before?.loaded, base, ttlMs })
    return acked
  }

  #write(sid: string, session: object, data: Record<string, unknown>, options: WriteOptions): WriteResult {
    try {
      return this.#sessions.write(sid, data, options)
    } catch (error) {
      // The framework takes it for saved. What the app mends now is another change.
      const known = this.#known.get(session)
      if (known) this.#known.set(session, { ...known, loaded: savedOf(known.loaded) })
      throw error
    }
  }

  #touch(sid: string, session: CookieSession): Promise<unknown> | undefined {
    const ttlMs = this.#lifetimeOf(session)
    if (ttlMs !== undefined && ttlMs <= 0) return this.#end(sid)
    const known = this.#known.get(session)
    const cookie = toStored(session.cookie, known?.cookie)
    if (known !== undefined && known.cookie !== cookie) {
      const now = this.#sessions.load(sid)
      if (now) this.#sessions.write(sid, { ...now.data, cookie }, { base: now.base, ttlMs, acks: 'none' })
    } else {
      this.#sessions.touch(sid, { ttlMs })
    }
    if (known) this.#agree(session, { loaded: known.loaded, base: known.base, ttlMs })
    return undefined
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
  #agree(
    session: Partial<CookieSession>,
    { loaded, base, ttlMs }: Pick<Known, 'loaded' | 'base' | 'ttlMs'>,
  ): void {
    const before = this.#known.get(session)
    const cookie = session.cookie ?? {}
    this.#known.set(session, {
      loaded,
      base,
      cookie: toStored(cookie, before?.cookie),
      expiresAt: expiryOf(cookie, Date.now()),
      ttlMs: ttlMs ?? before?.ttlMs,
    })
  }
}

function savedOf(loaded: LoadedState | undefined): LoadedState | undefined {
  return loaded && { ...loaded, saves: loaded.saves + 1 }
}

/** Loaded once more: the same, unless somebody has changed it meanwhile. */
function again(former: Known, known: Known): LoadedState | undefined {
  const [before, now] = [former.base?.attributes, known.base?.attributes]
  const isSame =
    before?.size === now?.size &&
    [...(now ?? [])].every(([name, value]) => name === 'cookie' || sameValue(before?.get(name), value))
  return isSame ? former.loaded : savedOf(former.loaded)
}
