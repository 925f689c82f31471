/** What the user gives to `session()` and `SessionStore`, and the checks: a mistake shows at the start, not at a request. */

import type { SessionOptions } from 'express-session'
import {
  ADAPTER_OPTIONS,
  type AdapterOptions,
  badOption,
  checkNames,
  checkStoreOptions,
  STORE_OPTIONS,
  type Store,
  type StoreOptions,
  Visits,
} from 'sessionmesh/adapter'

export interface SessionStoreOptions extends StoreOptions {}

/** express-session's own options but for `store`, and those of the cluster. */
export interface MeshSessionOptions extends Omit<SessionOptions, 'store'>, AdapterOptions {}

/** `key` is what express-session called `name` before; it still takes it. */
const SESSION_OPTIONS = [
  ...ADAPTER_OPTIONS,
  ...['cookie', 'genid', 'key', 'name', 'proxy', 'resave', 'rolling', 'saveUninitialized', 'secret', 'unset'],
]

/** Of a session cookie, in express-session 1.18 and 1.19. */
const COOKIE_OPTIONS = [
  ...['domain', 'encode', 'expires', 'httpOnly', 'maxAge', 'originalMaxAge', 'partitioned', 'path'],
  ...['priority', 'sameSite', 'secure', 'signed'],
]

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function checkStore(options: SessionStoreOptions): Store {
  const store = checkStoreOptions(options, 'SessionStore')
  checkNames(options, STORE_OPTIONS, 'SessionStore')
  return store
}

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function checkSession(options: MeshSessionOptions): Visits {
  checkStoreOptions(options, 'session()')
  const { store, ...rest } = options as MeshSessionOptions & { store?: unknown }
  if (store !== undefined)
    throw badOption(
      'session() brings its own store: leave `store` out, or use express-session with a SessionStore',
    )
  checkNames(rest, SESSION_OPTIONS, 'session()')
  if (!options.secret)
    throw badOption(
      'secret is missing: it signs the session cookie, and is the same on all servers, as in { secret: process.env.COOKIE_SECRET }',
    )
  checkCookie(options.cookie)
  // As express-session chooses it.
  const sessionCookie = options.name || ('key' in options && options.key) || 'connect.sid'
  return new Visits(options, 'session()', String(sessionCookie))
}

/** express-session would find out with the first request, or not at all. */
function checkCookie(cookie: unknown): void {
  // (A function of the request: what it gives is seen then.)
  if (cookie === undefined || cookie === null || typeof cookie === 'function') return
  if (typeof cookie !== 'object') throw badOption('cookie must be an object, as in { maxAge: 3_600_000 }')
  const stray = Object.keys(cookie).find((key) => !COOKIE_OPTIONS.includes(key))
  if (stray !== undefined)
    throw badOption(`cookie.${stray} is not an option. Known are: ${COOKIE_OPTIONS.join(', ')}`)
  const { maxAge } = cookie as { maxAge?: unknown }
  const isTime = typeof maxAge === 'number' || maxAge instanceof Date
  if (maxAge !== undefined && maxAge !== null && !isTime)
    throw badOption(`cookie.maxAge is ${JSON.stringify(maxAge)}; give a number of milliseconds`)
}
