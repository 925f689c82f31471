/** The one-line middleware: express-session on a cluster's sessions, with read-your-writes. */
import type { RequestHandler } from 'express'
import expressSession, { type SessionOptions } from 'express-session'
import { SessionMeshError } from 'sessionmesh'
import { Exchange, type ExchangeStore } from './exchange.js'
import { SessionStore, type SessionStoreOptions } from './store.js'
import { readToken } from './token.js'

/** express-session's own options but for `store`, and those of the cluster. */
export interface MeshSessionOptions extends Omit<SessionOptions, 'store'>, SessionStoreOptions {
  /** Whether a client sees what it did before on whichever member serves it next. Default true. */
  readYourWrites?: boolean | undefined
  /** The cookie that carries what a client has seen. Default name: `sessionmesh`. */
  token?: { cookieName?: string | undefined } | undefined
}

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION`; and what express-session throws about its own options. */
export function session(options: MeshSessionOptions): RequestHandler {
  const { cluster, acks, ttlMs, readYourWrites = true, token, ...own } = options
  const cookieName = token?.cookieName ?? 'sessionmesh'
  check(options, cookieName)
  const store = new TokenStore({ cluster, acks, ttlMs })
  const openSession = expressSession({ ...own, store })
  const setup = {
    sessions: cluster.sessions,
    store,
    cookieName: readYourWrites ? cookieName : undefined,
    saveUninitialized: own.saveUninitialized ?? true,
    unset: own.unset ?? 'keep',
  }

  return function sessionmesh(req, res, next) {
    // Mounted twice: express-session leaves it at the first, and so do we.
    if (req.session) {
      next()
      return
    }
    const brought = readYourWrites ? readToken(req, cookieName) : undefined
    const exchange = new Exchange(setup, req, res, next, brought)
    store.bring(brought, () => {
      openSession(req, res, (error?: unknown) => {
        exchange.open()
        next(error)
      })
    })
  }
}

/** The store that knows the token of the request that is being opened. */
class TokenStore extends SessionStore implements ExchangeStore {
  readonly #sessions: SessionStoreOptions['cluster']['sessions']
  #token: string | undefined

  constructor(options: SessionStoreOptions) {
    super(options)
    this.#sessions = options.cluster.sessions
  }

  /** express-session calls `get` before `open` returns, so a field is enough to hand the token to it. */
  bring(token: string | undefined, open: () => void): void {
    this.#token = token
    try {
      open()
    } finally {
      this.#token = undefined
    }
  }

  protected override catchUp(sid: string): Promise<void> | undefined {
    const token = this.#token
    // Once: the handlers run within `open`, and may load other sessions.
    this.#token = undefined
    return this.#sessions.catchUp(sid, token)
  }

  override isStored(session: object): boolean {
    return super.isStored(session)
  }
}

/** The characters of a cookie name (RFC 6265, section 4.1.1). */
const COOKIE_NAME = /^[\w!#$%&'*+\-.^`|~]+$/

function check(options: MeshSessionOptions, cookieName: string): void {
  if ('store' in options && options.store !== undefined) {
    throw badOption(
      'session() brings its own store: leave `store` out, or use express-session with a SessionStore',
    )
  }
  if (!COOKIE_NAME.test(cookieName)) {
    throw badOption(
      `token.cookieName ${JSON.stringify(cookieName)} is no cookie name: use letters, digits, - and _`,
    )
  }
  if (cookieName === (options.name ?? 'connect.sid')) {
    throw badOption(
      `token.cookieName ${cookieName} is the session cookie's name too: choose another for one of them`,
    )
  }
}

function badOption(message: string): SessionMeshError {
  return new SessionMeshError('SESSIONMESH_BAD_OPTION', message)
}
