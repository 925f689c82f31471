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

/** The characters of a cookie name (RFC 6265, section 4.1.1). */
const COOKIE_NAME = /^[\w!#$%&'*+\-.^`|~]+$/

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function checkStoreOptions(options: SessionStoreOptions): void {
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
  const { readYourWrites, token = {} } = options
  if (readYourWrites !== undefined && typeof readYourWrites !== 'boolean')
    throw bad(`readYourWrites is ${JSON.stringify(readYourWrites)}; give true or false`)
  if (typeof token !== 'object' || token === null)
    throw bad("token must be an object, as in { cookieName: 'seen' }")
  const stray = Object.keys(token).find((key) => key !== 'cookieName')
  if (stray !== undefined) throw bad(`token.${stray} is not an option; token has cookieName`)
  checkCookieName(token.cookieName ?? DEFAULT_COOKIE_NAME, options)
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
