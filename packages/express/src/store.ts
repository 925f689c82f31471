/**
 * An express-session store over the sessions of a cluster.
 *
 * Everything is local and synchronous: a callback is called before the method returns, so express-session sends
 * the response whole, after the write. What a request saves is the difference to what it loaded; the base of
 * that difference is kept per Session object, from `get` over `createSession` to `set`.
 */
import type { Request } from 'express'
import expressSession, { type Session, type SessionData } from 'express-session'
import type { Acks, Base, Sessions } from 'sessionmesh'
import { expiryOf, fromStored, lifetimeUntil, toStored } from './cookie.js'
import { attributesOf, showChangesInJson } from './json.js'
import { checkStoreOptions, type SessionStoreOptions } from './options.js'

type Callback = (error?: unknown) => void

/** What is known of a Session object, or of the data that `get` returned, since it was loaded or saved. */
interface Known {
  base: Base | undefined
  /** The cookie's attribute as JSON, to notice a change of it. */
  cookie: string
  /** The cookie's expiry as handed out or saved: while the cookie has this one, nobody moved it. */
  expiresAt: number | undefined
  /** The idle lifetime agreed; `undefined` when it was left to the cluster. */
  ttlMs: number | undefined
}

/**
 * For who composes the middleware by hand, and for NestJS and others that take an express-session store. Alone
 * it has no read-your-writes: a request that comes to another member at once may read what was before. Use
 * `session()` for that.
 */
export class SessionStore extends expressSession.Store {
  readonly #sessions: Sessions
  readonly #acks: Acks
  readonly #ttlMs: number | undefined
  readonly #known = new WeakMap<object, Known>()
  #generate: ((req: Request) => void) | undefined

  /** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
  constructor(options: SessionStoreOptions) {
    super()
    checkStoreOptions(options)
    const { cluster, acks, ttlMs } = options
    this.#sessions = cluster.sessions
    this.#acks = acks ?? cluster.sessions.acks
    this.#ttlMs = ttlMs
  }

  override get(sid: string, callback: (error: unknown, session?: SessionData | null) => void): void {
    const caughtUp = this.catchUp(sid)
    if (caughtUp) caughtUp.then(() => this.#answer(sid, callback))
    else this.#answer(sid, callback)
  }

  /** An attribute that cannot be read fails this request, and no other. */
  #answer(sid: string, callback: (error: unknown, session?: SessionData | null) => void): void {
    let session: SessionData | null | undefined
    try {
      session = this.#load(sid)
    } catch (error) {
      callback(error)
      return
    }
    callback(null, session)
  }

  override set(sid: string, session: SessionData, callback: Callback = ignore): void {
    this.#run(() => this.#save(sid, session), callback)
  }

  override destroy(sid: string, callback: Callback = ignore): void {
    this.#run(() => this.#sessions.destroy(sid, { acks: this.#acks }).acked, callback)
  }

  /** Renews the idle time. Of the session it changes the cookie only, and that only where the app did. */
  override touch(sid: string, session: SessionData, callback: () => void = ignore): void {
    this.#run(
      () => this.#touch(sid, session),
      () => callback(),
    )
  }

  /** All living sessions, by id. */
  override all(callback: (error: unknown, sessions?: Record<string, SessionData>) => void): void {
    const sessions: Record<string, SessionData> = Object.create(null)
    for (const sid of [...this.#sessions.keys()]) {
      const session = this.#load(sid)
      if (session) sessions[sid] = session
    }
    callback(null, sessions)
  }

  /** The ids of all living sessions. */
  ids(callback: (error: unknown, ids?: string[]) => void): void {
    callback(null, [...this.#sessions.keys()])
  }

  override length(callback: (error: unknown, length?: number) => void): void {
    // Not `size`, which counts what has expired and is not yet forgotten.
    callback(null, [...this.#sessions.keys()].length)
  }

  /** Destroys all sessions, on every member. */
  override clear(callback: Callback = ignore): void {
    this.#run(() => {
      const sids = [...this.#sessions.keys()]
      return Promise.all(sids.map((sid) => this.#sessions.destroy(sid, { acks: this.#acks }).acked))
    }, callback)
  }

  /** The base of the difference goes with the loaded data into the Session object that a request works on. */
  override createSession(req: Request, data: SessionData): Session & SessionData {
    const session = super.createSession(req, data)
    const known = this.#known.get(data)
    if (known) this.#known.set(session, known)
    showChangesInJson(data)
    showChangesInJson(session)
    return session
  }

  /** express-session puts the function here that makes new sessions: these too must show their changes. */
  get generate(): ((req: Request) => void) | undefined {
    return this.#generate
  }

  set generate(generate: (req: Request) => void) {
    this.#generate = (req) => {
      generate(req)
      showChangesInJson(req.session)
    }
  }

  /** What to wait for before `sid` is read. */
  protected catchUp(sid: string): Promise<void> | undefined {
    return this.#sessions.catchUp(sid, undefined)
  }

  /** Whether this Session object was loaded from the cluster, or saved to it. */
  protected isStored(session: object): boolean {
    return this.#known.has(session)
  }

  /** Errors go to the callback; so does the wait for acks, if any were asked for. */
  #run(action: () => Promise<unknown> | undefined, callback: Callback): void {
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

  #load(sid: string): SessionData | undefined {
    const loaded = this.#sessions.load(sid)
    if (!loaded) return undefined
    const { data, base, ttlMs, remainingMs } = loaded
    const session = { ...data, cookie: fromStored(data.cookie, ttlMs, Date.now() + remainingMs) }
    this.#agree(session, { base, ttlMs })
    return session
  }

  #save(sid: string, session: SessionData): Promise<unknown> | undefined {
    const ttlMs = this.#lifetimeOf(session)
    if (ttlMs !== undefined && ttlMs <= 0) return this.#end(sid)
    const before = this.#known.get(session)
    const data = { ...Object.fromEntries(attributesOf(session)), cookie: toStored(session.cookie ?? {}) }
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

  #touch(sid: string, session: SessionData): Promise<unknown> | undefined {
    const ttlMs = this.#lifetimeOf(session)
    if (ttlMs !== undefined && ttlMs <= 0) return this.#end(sid)
    const known = this.#known.get(session)
    const cookie = toStored(session.cookie)
    if (known !== undefined && known.cookie !== JSON.stringify(cookie)) {
      // express-session does not count the cookie as a modification: `cookie.maxAge = ...` alone ends up here.
      const now = this.#sessions.load(sid)
      if (now) this.#sessions.write(sid, { ...now.data, cookie }, { base: now.base, ttlMs, acks: 'none' })
    } else {
      this.#sessions.touch(sid, { ttlMs })
    }
    if (known) this.#agree(session, { base: known.base, ttlMs })
    return undefined
  }

  /** The app has set an expiry in the past: as with other stores, that ends the session. */
  #end(sid: string): Promise<unknown> | undefined {
    return this.#sessions.has(sid) ? this.#sessions.destroy(sid, { acks: this.#acks }).acked : undefined
  }

  /** The idle lifetime that the session's cookie asks for; `undefined` when it asks for no change. */
  #lifetimeOf(session: SessionData): number | undefined {
    const known = this.#known.get(session)
    const now = Date.now()
    const expiresAt = expiryOf(session.cookie ?? {}, now)
    if (known !== undefined && expiresAt === known.expiresAt && expiresAt !== undefined) return undefined
    const wanted =
      expiresAt === undefined
        ? (this.#ttlMs ?? (known?.expiresAt === undefined ? undefined : this.#sessions.ttlMs))
        : lifetimeUntil(expiresAt, now, [known?.ttlMs, session.cookie.originalMaxAge])
    return known !== undefined && wanted === known.ttlMs ? undefined : wanted
  }

  /** Notes what the session is like now that it is loaded or saved. */
  #agree(session: SessionData, { base, ttlMs }: Pick<Known, 'base' | 'ttlMs'>): void {
    const before = this.#known.get(session)
    const cookie = session.cookie ?? {}
    this.#known.set(session, {
      base,
      cookie: JSON.stringify(toStored(cookie)),
      expiresAt: expiryOf(cookie, Date.now()),
      ttlMs: ttlMs ?? before?.ttlMs,
    })
  }
}

function ignore(): void {}
