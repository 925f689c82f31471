/** The one-line middleware: express-session on a cluster's sessions, with read-your-writes. */
import type { RequestHandler } from 'express'
import expressSession from 'express-session'
import type { Visit } from 'sessionmesh/adapter'
import { Exchange, type ExchangeStore } from './exchange.js'
import { checkOptions, type MeshSessionOptions } from './options.js'
import { SessionStore } from './store.js'

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION`; and what express-session throws about its own options. */
export function session(options: MeshSessionOptions): RequestHandler {
  const { visits, cookie } = checkOptions(options)
  const { cluster, acks, ttlMs, readYourWrites, token, route, ...own } = options
  const store = new TokenStore({ cluster, acks, ttlMs })
  const openSession = expressSession({ ...own, store })
  const { saveUninitialized = true, unset = 'keep' } = own
  const setup = { store, cookie, saveUninitialized, unset }

  return function sessionmesh(req, res, next) {
    // Mounted twice: express-session leaves it at the first, and so do we.
    if (req.session) {
      next()
      return
    }
    const visit = visits.begin(req.headers.cookie)
    const exchange = new Exchange(setup, req, res, next, visit)
    store.serve(visit, () => {
      openSession(req, res, (error?: unknown) => {
        exchange.open()
        next(error)
      })
    })
  }
}

/** The store that knows the request that is being opened. */
class TokenStore extends SessionStore implements ExchangeStore {
  #visit: Visit | undefined

  /** express-session calls `get` before `open` returns, so a field is enough to hand the visit to it. */
  serve(visit: Visit, open: () => void): void {
    this.#visit = visit
    try {
      open()
    } finally {
      this.#visit = undefined
    }
  }

  /** Once: the handlers run within `open`, and may load other sessions. */
  protected override takeVisit(): Visit | undefined {
    const visit = this.#visit
    this.#visit = undefined
    return visit
  }

  override isStored(session: object): boolean {
    return super.isStored(session)
  }
}
