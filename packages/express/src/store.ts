/**
 * An express-session store over the sessions of a cluster.
 *
 * Everything is local and synchronous: a callback is called before the method returns, so express-session sends
 * the response whole, after the write.
 */
import type { Request } from 'express'
import expressSession, { type Session, type SessionData } from 'express-session'
import type { Acks, Sessions } from 'sessionmesh'
import { CookieSessions } from 'sessionmesh/adapter'
import { showChangesInJson } from './json.js'
import { checkStore, type SessionStoreOptions } from './options.js'

type Callback = (error?: unknown) => void

/**
 * For who composes the middleware by hand, and for NestJS and others that take an express-session store. Alone
 * it has no read-your-writes: a request that comes to another member at once may read what was before. Use
 * `session()` for that.
 */
export class SessionStore extends expressSession.Store {
  readonly #sessions: Sessions
  readonly #acks: Acks
  readonly #stored: CookieSessions
  #generate: ((req: Request) => void) | undefined

  /** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
  constructor(options: SessionStoreOptions) {
    super()
    checkStore(options)
    const { cluster, acks } = options
    this.#sessions = cluster.sessions
    this.#acks = acks ?? cluster.sessions.acks
    this.#stored = new CookieSessions(options)
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
    this.#run(() => this.#stored.save(sid, session), callback)
  }

  override destroy(sid: string, callback: Callback = ignore): void {
    this.#run(() => this.#sessions.destroy(sid, { acks: this.#acks }).acked, callback)
  }

  /** Renews the idle time. Of the session it changes the cookie only, and that only where the app did. */
  override touch(sid: string, session: SessionData, callback: () => void = ignore): void {
    this.#run(
      // express-session does not count the cookie as a modification: `cookie.maxAge = ...` alone ends up here.
      () => this.#stored.touch(sid, session),
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
    this.#stored.adopt(session, data)
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
    return this.#stored.isStored(session)
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
    return this.#stored.load(sid)
  }
}

function ignore(): void {}
