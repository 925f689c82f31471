/**
 * An express-session store over the sessions of a cluster.
 *
 * Everything is local and synchronous: a callback is called before the method returns, so express-session sends
 * the response whole, after the write.
 */
import type { Request } from 'express'
import expressSession, { type Session, type SessionData } from 'express-session'
import type { Sessions } from 'sessionmesh'
import { type Callback, CookieSessions, checkStoreOptions, type Visit } from 'sessionmesh/adapter'
import { newJsonView } from './json.js'
import type { SessionStoreOptions } from './options.js'

/**
 * For who composes the middleware by hand, and for NestJS and others that take an express-session store. Alone
 * it has no read-your-writes: a request that comes to another member at once may read what was before. Use
 * `session()` for that.
 */
export class SessionStore extends expressSession.Store {
  readonly #sessions: Sessions
  /** For `session()`, which asks it more than express-session does. */
  protected readonly stored: CookieSessions
  readonly #showChanges: (session: object) => void
  #generate: ((req: Request) => void) | undefined

  /** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
  constructor(options: SessionStoreOptions) {
    super()
    const store = checkStoreOptions(options, 'SessionStore')
    this.#sessions = store.sessions
    this.stored = new CookieSessions(store)
    const local = store.sessions.localAttributes
    this.#showChanges = newJsonView({ local, inShort: (session) => this.inShort(session) })
  }

  override get(sid: string, callback: (error: unknown, session?: SessionData | null) => void): void {
    this.stored.get(sid, this.takeVisit(), (error, session) => {
      if (session) this.#hideLocal(session)
      callback(error, session)
    })
  }

  override set(sid: string, session: SessionData, callback: Callback = ignore): void {
    this.stored.set(sid, session, callback)
  }

  override destroy(sid: string, callback: Callback = ignore): void {
    this.stored.destroy(sid, callback)
  }

  /** express-session does not count the cookie as a modification: `cookie.maxAge = ...` alone ends up here. */
  override touch(sid: string, session: SessionData, callback: () => void = ignore): void {
    this.stored.touch(sid, session, () => callback())
  }

  /** All living sessions, by id; the error, if one of them cannot be read. */
  override all(callback: (error: unknown, sessions?: Record<string, SessionData>) => void): void {
    const sessions: Record<string, SessionData> = Object.create(null)
    try {
      for (const sid of [...this.#sessions.keys()]) {
        const session = this.stored.load(sid)
        if (session) sessions[sid] = this.#hideLocal(session)
      }
    } catch (error) {
      callback(error)
      return
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
    this.stored.destroy([...this.#sessions.keys()], callback)
  }

  /** The base of the difference goes with the loaded data into the Session object that a request works on. */
  override createSession(req: Request, data: SessionData): Session & SessionData {
    // (At `req.session.reload()` there is one.)
    const before: Session | undefined = req.session
    const session = super.createSession(req, data)
    this.stored.adopt(session, data, before)
    this.#showChanges(data)
    this.#showChanges(session)
    return session
  }

  /** express-session puts the function here that makes new sessions: these too must show their changes. */
  get generate(): ((req: Request) => void) | undefined {
    return this.#generate
  }

  set generate(generate: (req: Request) => void) {
    this.#generate = (req) => {
      generate(req)
      this.#showChanges(req.session)
    }
  }

  /** Of whose request the next `get` is. */
  protected takeVisit(): Visit | undefined {
    return undefined
  }

  /** What stands for a session in its hash. */
  protected inShort(_session: object): object | undefined {
    return undefined
  }

  /** Of what stays in this process nothing may show in JSON, also where no request has made a Session of it. */
  #hideLocal<T extends object>(session: T): T {
    if (this.#sessions.localAttributes.length > 0) this.#showChanges(session)
    return session
  }
}

function ignore(): void {}
