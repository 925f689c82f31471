/** The one-line middleware: koa-session on a cluster's sessions, with read-your-writes. */

import type Koa from 'koa'
import { createSession } from 'koa-session'
import { newNotes } from 'sessionmesh/adapter'
import { Changes } from './changes.js'
import { Exchange, type Saved, type Setup } from './exchange.js'
import { checkedBy, checkedGenid, checkOptions, DEFAULT_KEY, type MeshSessionOptions } from './options.js'

/**
 * `app.keys = […]; app.use(session({ cluster }, app))`
 * @throws SessionMeshError `SESSIONMESH_BAD_OPTION`
 */
export function session<StateT, ContextT>(
  options: MeshSessionOptions,
  app: Koa<StateT, ContextT>,
): Koa.Middleware<StateT, ContextT> {
  const visits = checkOptions(options, app)
  const { cluster, acks, ttlMs, readYourWrites, token, route, ...given } = options
  const changes = new Changes(visits.sessions.localAttributes)
  const { key = DEFAULT_KEY } = given
  const store = new Store({ visits, changes, cookieNames: [key, `${key}.sig`] })
  // (To koa-session, an option that is `undefined` is given.)
  const own = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  const { genid } = given
  const ids = typeof genid === 'function' ? { genid: checkedGenid(genid) } : {}
  const open = checkedBy(() => createSession({ sameSite: 'lax', ...own, ...ids, store }, app))
  changes.showIn(app.context)

  return async function sessionmesh(ctx, next) {
    const exchange = store.of(ctx)
    try {
      // koa-session saves when `next` is done, before Koa answers.
      await open(ctx, next)
    } finally {
      await exchange.flushed()
      exchange.saved()
    }
  }
}

/** What koa-session stores goes to the exchange of the request. */
class Store {
  readonly #setup: Setup
  readonly #exchanges = newNotes<Exchange>()

  constructor(setup: Setup) {
    this.#setup = setup
  }

  of(ctx: object): Exchange {
    const known = this.#exchanges.get(ctx)
    if (known !== undefined) return known
    const exchange = new Exchange(this.#setup, ctx as Koa.Context)
    this.#exchanges.set(ctx, exchange)
    return exchange
  }

  get(sid: string, _maxAge: unknown, { ctx }: { ctx?: object }) {
    return this.of(ctx!).load(sid)
  }

  set(sid: string, session: Saved, _maxAge: unknown, { ctx }: { ctx?: object }) {
    return this.of(ctx!).save(sid, session)
  }

  destroy(sid: string, { ctx }: { ctx?: object }) {
    return this.of(ctx!).destroy(sid)
  }
}
