/** The one-line middleware: express-session on a cluster's sessions, with read-your-writes. */
import type { RequestHandler } from 'express'
import expressSession from 'express-session'
import { Exchange, type ExchangeStore } from './exchange.js'
import {
  checkSessionOptions,
  DEFAULT_COOKIE_NAME,
  type MeshSessionOptions,
  type SessionStoreOptions,
} from './options.js'
import { SessionStore } from './store.js'
import { readToken } from './token.js'

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION`; and what express-session throws about its own options. */
export function session(options: MeshSessionOptions): RequestHandler {
  checkSessionOptions(options)
  const { cluster, acks, ttlMs, readYourWrites = true, token, ...own } = options
  const cookieName = token?.cookieName ?? DEFAULT_COOKIE_NAME
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
