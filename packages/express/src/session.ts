/** The one-line middleware: express-session on a cluster's sessions, with read-your-writes. */
import type { RequestHandler } from 'express'
import expressSession, { type SessionData } from 'express-session'
import type { Visit } from 'sessionmesh/adapter'
import { Exchange, type ExchangeStore, type Hashing } from './exchange.js'
import { keepingConnection } from './late-error.js'
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
    const goOn = keepingConnection(req, res, next)
    const exchange = new Exchange(setup, req, res, goOn, visit)
    store.serve(visit, () => {
      openSession(req, res, (error?: unknown) => {
        store.hashes('never')
        exchange.open()
        goOn(error)
      })
    })
  }
}

/** The store that knows the request that is being opened, and when it is that express-session hashes a session. */
class TokenStore extends SessionStore implements ExchangeStore {
  #hashing: Hashing = 'never'
  #visit: Visit | undefined

  hashes(when: Hashing): void {
    this.#hashing = when
  }

  /** express-session calls `get` before `open` returns, so a field is enough to hand the visit to it. */
  serve(visit: Visit, open: () => void): void {
    this.#visit = visit
    try {
      open()
    } finally {
      this.#visit = undefined
    }
  }

  override get(sid: string, callback: Parameters<SessionStore['get']>[1]): void {
    const isOpening = this.#visit !== undefined
    super.get(sid, (error, session) => {
      this.hashes(isOpening ? 'as loaded' : 'never')
      try {
        callback(error, session)
      } finally {
        this.hashes('never')
      }
    })
  }

  override set(...args: Parameters<SessionStore['set']>): void {
    this.hashes('never')
    super.set(...args)
  }

  override destroy(...args: Parameters<SessionStore['destroy']>): void {
    this.hashes('never')
    super.destroy(...args)
  }

  override touch(...args: Parameters<SessionStore['touch']>): void {
    this.hashes('never')
    super.touch(...args)
  }

  /**
   * express-session hashes a session's JSON three times a request, which costs more than all else that it does. Of one that
   * was loaded it is told which load that was, and how often it has become another since: the same before a change is saved
   * and after.
   */
  protected override inShort(session: object): object | undefined {
    const hashing = this.#hashing
    if (hashing === 'never') return undefined
    if (hashing === 'as loaded') return this.stored.loadedState(session)
    if (hashing.session !== session) {
      hashing.session = session
      hashing.state = this.#stateOf(session)
    }
    return hashing.state
  }

  #stateOf(session: object): object | undefined {
    const state = this.stored.loadedState(session)
    const isOther = state !== undefined && this.stored.isChanged(session as SessionData)
    return isOther ? { ...state, saves: state.saves + 1 } : state
  }

  /** Once: the handlers run within `open`, and may load other sessions. */
  protected override takeVisit(): Visit | undefined {
    const visit = this.#visit
    this.#visit = undefined
    return visit
  }

  isStored(session: object): boolean {
    return this.stored.isStored(session)
  }
}
