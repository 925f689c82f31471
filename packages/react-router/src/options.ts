/** What the user gives to `createMeshSessionStorage()`, and the checks: a mistake shows at the start, not at a request. */

import { type Cookie, type CookieOptions, createCookie, isCookie } from 'react-router'
import {
  badOption,
  checkFlag,
  checkNames,
  checkStoreOptions,
  type Store,
  type StoreOptions,
} from 'sessionmesh/adapter'

export interface MeshSessionStorageOptions extends StoreOptions {
  /**
   * The session cookie, as the storages of React Router take it: what `createCookie` made, or options for it. Of options
   * the defaults are the name `__session`, `path: '/'`, `sameSite: 'lax'` and `httpOnly: true`. Its `maxAge` is the idle
   * lifetime of sessions, too.
   */
  cookie?: Cookie | (CookieOptions & { name?: string | undefined }) | undefined
  /** Whether a client sees what it did before on whichever member serves it next. Default true. */
  readYourWrites?: boolean | undefined
}

const DEFAULT_COOKIE = '__session'

const COOKIE_OPTIONS = [
  ...['name', 'secrets', 'decode', 'domain', 'encode', 'expires', 'httpOnly', 'maxAge', 'partitioned'],
  ...['path', 'priority', 'sameSite', 'secure'],
]

/**
 * @throws SessionMeshError `SESSIONMESH_BAD_OPTION`; and what React Router throws about its own options
 */
export function checkOptions(options: MeshSessionStorageOptions): { cookie: Cookie; store: Store } {
  const store = checkStoreOptions(options, 'createMeshSessionStorage()', ['cookie', 'readYourWrites'])
  const { cookie = {}, readYourWrites } = options
  checkFlag('readYourWrites', readYourWrites)
  return { cookie: isCookie(cookie) ? cookie : makeCookie(cookie), store }
}

function makeCookie(cookie: CookieOptions & { name?: string | undefined }): Cookie {
  checkCookie(cookie)
  const { name = DEFAULT_COOKIE, ...own } = cookie
  return createCookie(name, { httpOnly: true, ...own })
}

/** React Router would find out with the first commit, or not at all. */
function checkCookie(cookie: unknown): void {
  if (typeof cookie !== 'object' || cookie === null)
    throw badOption("cookie must be what createCookie() gives, or its options, as in { secrets: ['…'] }")
  checkNames(cookie, COOKIE_OPTIONS, 'cookie.')
  const { name, secrets, maxAge, expires } = cookie as Record<string, unknown>
  if (name !== undefined && (typeof name !== 'string' || name === ''))
    throw badOption(`cookie.name is ${JSON.stringify(name)}; give the name of a cookie`)
  const isSecret = (secret: unknown) => typeof secret === 'string' && secret !== ''
  if (secrets !== undefined && !(Array.isArray(secrets) && secrets.every(isSecret)))
    throw badOption('cookie.secrets must be a list of texts that are not empty: is a variable not set?')
  if (maxAge !== undefined && !(Number.isInteger(maxAge) && Number(maxAge) > 0))
    throw badOption(`cookie.maxAge is ${JSON.stringify(maxAge)}; give a whole number of seconds above 0`)
  if (expires !== undefined && !(expires instanceof Date && expires.getTime() > 0))
    throw badOption('cookie.expires must be a valid Date; most want cookie.maxAge instead')
}
