/** What the user gives to `session()` and `SessionStore`, and the checks: a mistake shows at the start, not at a request. */

import type { SessionOptions } from 'express-session'
import {
  type AdapterOptions,
  badOption,
  checkNames,
  checkSecret,
  type StoreOptions,
  Visits,
} from 'sessionmesh/adapter'

export interface SessionStoreOptions extends StoreOptions {}

/** express-session's own options but for `store`, and those of the cluster. */
export interface MeshSessionOptions extends Omit<SessionOptions, 'store'>, AdapterOptions {}

/** `key` is what express-session called `name` before; it still takes it. */
const SESSION_OPTIONS = [
  ...['cookie', 'genid', 'key', 'name', 'proxy', 'resave', 'rolling', 'saveUninitialized', 'secret', 'unset'],
]

/** Of a session cookie, in express-session 1.18 and 1.19. */
const COOKIE_OPTIONS = [
  ...['domain', 'encode', 'expires', 'httpOnly', 'maxAge', 'originalMaxAge', 'partitioned', 'path'],
  ...['priority', 'sameSite', 'secure', 'signed'],
]

/**
 * @returns with the name of the session's own cookie
 * @throws SessionMeshError `SESSIONMESH_BAD_OPTION`
 */
export function checkOptions(options: MeshSessionOptions & { key?: string }): {
  visits: Visits
  cookie: string
} {
  // As express-session chooses it.
  const cookie = String(options?.name || options?.key || 'connect.sid')
  const visits = new Visits(options, 'session()', { cookie, own: SESSION_OPTIONS })
  checkSecret(options.secret)
  checkCookie(options.cookie)
  return { visits, cookie }
}

/** express-session would find out with the first request, or not at all. */
function checkCookie(cookie: unknown): void {
  // (A function of the request: what it gives is seen then.)
  if (cookie === undefined || cookie === null || typeof cookie === 'function') return
  if (typeof cookie !== 'object') throw badOption('cookie must be an object, as in { maxAge: 3_600_000 }')
  checkNames(cookie, COOKIE_OPTIONS, 'cookie.')
  const { maxAge } = cookie as { maxAge?: unknown }
  const isTime = typeof maxAge === 'number' || maxAge instanceof Date
  if (maxAge !== undefined && maxAge !== null && !isTime)
    throw badOption(`cookie.maxAge is ${JSON.stringify(maxAge)}; give a number of milliseconds`)
}
