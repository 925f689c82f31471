/** What the user gives to `session()` and `SessionStore`, and the checks: a mistake shows at the start, not at a request. */

import type { SessionOptions } from 'express-session'
import { type Acks, type Cluster, SessionMeshError } from 'sessionmesh'

export interface SessionStoreOptions {
  /** The cluster that this process has joined. */
  cluster: Cluster
  /**
   * How many peers must hold a `set` or `destroy` before it calls back. Default: the cluster's `acks`, which is
   * `'none'` unless said otherwise: it is made here, and on its way to the peers.
   */
  acks?: Acks | undefined
  /** Idle lifetime of a session whose cookie has no expiry, in ms. Default: the cluster's `ttlMs`. */
  ttlMs?: number | undefined
}

/** express-session's own options but for `store`, and those of the cluster. */
export interface MeshSessionOptions extends Omit<SessionOptions, 'store'>, SessionStoreOptions {
  /** Whether a client sees what it did before on whichever member serves it next. Default true. */
  readYourWrites?: boolean | undefined
  /** The cookie that carries what a client has seen. Default name: `sessionmesh`. */
  token?: { cookieName?: string | undefined } | undefined
}

export const DEFAULT_COOKIE_NAME = 'sessionmesh'

const STORE_OPTIONS = ['cluster', 'acks', 'ttlMs']
/** `key` is what express-session called `name` before; it still takes it. */
const SESSION_OPTIONS = [
  ...STORE_OPTIONS,
  'readYourWrites',
  'token',
  ...['cookie', 'genid', 'key', 'name', 'proxy', 'resave', 'rolling', 'saveUninitialized', 'secret', 'unset'],
]

/** Of a session cookie, in express-session 1.18 and 1.19. */
const COOKIE_OPTIONS = [
  ...['domain', 'encode', 'expires', 'httpOnly', 'maxAge', 'originalMaxAge', 'partitioned', 'path'],
  ...['priority', 'sameSite', 'secure', 'signed'],
]

/** The characters of a cookie name (RFC 6265, section 4.1.1). */
const COOKIE_NAME = /^[\w!#$%&'*+\-.^`|~]+$/

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function checkStoreOptions(options: SessionStoreOptions): void {
  if (typeof (options as Partial<Cluster> | undefined)?.sessions?.load === 'function')
    throw bad('SessionStore takes an object: give { cluster } instead of the cluster itself')
  checkNames(options, STORE_OPTIONS, 'SessionStore')
  checkCommon(options)
}

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function checkSessionOptions(options: MeshSessionOptions): void {
  if (typeof options === 'object' && options !== null && 'store' in options && options.store !== undefined) {
    throw bad('session() brings its own store: leave `store` out, or use express-session with a SessionStore')
  }
  checkNames(options, [...SESSION_OPTIONS, 'store'], 'session()')
  checkCommon(options)
  if (!options.secret)
    throw bad(
      'secret is missing: it signs the session cookie, and is the same on all servers, as in { secret: process.env.COOKIE_SECRET }',
    )
  checkCookie(options.cookie)
  const { readYourWrites, token = {} } = options
  if (readYourWrites !== undefined && typeof readYourWrites !== 'boolean')
    throw bad(`readYourWrites is ${JSON.stringify(readYourWrites)}; give true or false`)
  if (typeof token !== 'object' || token === null)
    throw bad("token must be an object, as in { cookieName: 'seen' }")
  const stray = Object.keys(token).find((key) => key !== 'cookieName')
  if (stray !== undefined) throw bad(`token.${stray} is not an option; token has cookieName`)
  checkCookieName(token.cookieName ?? DEFAULT_COOKIE_NAME, options)
}

/** express-session would find out with the first request, or not at all. */
function checkCookie(cookie: unknown): void {
  // (A function of the request: what it gives is seen then.)
  if (cookie === undefined || cookie === null || typeof cookie === 'function') return
  if (typeof cookie !== 'object') throw bad('cookie must be an object, as in { maxAge: 3_600_000 }')
  const stray = Object.keys(cookie).find((key) => !COOKIE_OPTIONS.includes(key))
  if (stray !== undefined)
    throw bad(`cookie.${stray} is not an option. Known are: ${COOKIE_OPTIONS.join(', ')}`)
  const { maxAge } = cookie as { maxAge?: unknown }
  const isTime = typeof maxAge === 'number' || maxAge instanceof Date
  if (maxAge !== undefined && maxAge !== null && !isTime)
    throw bad(`cookie.maxAge is ${JSON.stringify(maxAge)}; give a number of milliseconds`)
}

function checkCookieName(cookieName: string, options: MeshSessionOptions): void {
  if (!COOKIE_NAME.test(cookieName))
    throw bad(
      `token.cookieName ${JSON.stringify(cookieName)} is no cookie name: use letters, digits, - and _`,
    )
  // As express-session chooses it.
  const sessionCookie = options.name || ('key' in options && options.key) || 'connect.sid'
  if (cookieName === sessionCookie)
    throw bad(
      `token.cookieName ${cookieName} is the session cookie's name too: choose another for one of them`,
    )
}

function checkNames(options: object, known: readonly string[], where: string): void {
  if (typeof options !== 'object' || options === null)
    throw bad(`${where} takes an object, as in { cluster: await joinCluster({ … }) }`)
  const stray = Object.keys(options).find((key) => !known.includes(key))
  if (stray === undefined) return
  throw bad(
    `${stray} is not an option of ${where}. Known are: ${known.filter((key) => key !== 'store').join(', ')}`,
  )
}

function checkCommon({ cluster, acks, ttlMs }: SessionStoreOptions): void {
  if (typeof cluster?.sessions?.load !== 'function')
    throw bad('cluster must be what joinCluster() resolves with: await it first')
  if (acks !== undefined && acks !== 'none' && acks !== 'one' && acks !== 'all')
    throw bad(`acks is ${JSON.stringify(acks)}; give 'none', 'one' or 'all'`)
  if (ttlMs !== undefined && !(typeof ttlMs === 'number' && Number.isFinite(ttlMs) && ttlMs > 0))
    throw bad(`ttlMs is ${String(ttlMs)}; give a finite number of milliseconds above 0`)
}

function bad(message: string): SessionMeshError {
  return new SessionMeshError('SESSIONMESH_BAD_OPTION', message)
}
