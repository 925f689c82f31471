/** What the user gives to `session()`, and the checks: a mistake shows at the start, not at a request. */

import {
  type AdapterOptions,
  badOption,
  checkFlag,
  checkNames,
  checkSecret,
  Visits,
} from 'sessionmesh/adapter'
import { SessionCookie, type SessionCookieOptions } from './cookie.js'

export interface MeshSessionOptions extends AdapterOptions {
  /**
   * Signs the session cookie; the same on all servers. Of several, for rotation, the first one signs, and what any of them
   * has signed is accepted.
   */
  secret: string | readonly string[]
  /** The name of the session cookie. Default `'sid'`. */
  name?: string | undefined
  /** How the session cookie is set. Default: `HttpOnly; SameSite=Lax; Path=/`, gone when the browser closes. */
  cookie?: SessionCookieOptions | undefined
  /** Whether every answer renews `cookie.maxAge`; else those do that changed the session. Default false. */
  rolling?: boolean | undefined
}

/** Options that are checked, in the form in which requests need them. */
export interface Setup {
  readonly visits: Visits
  readonly cookie: SessionCookie
  readonly isRolling: boolean
}

const SESSION_OPTIONS = ['secret', 'name', 'cookie', 'rolling']
const COOKIE_OPTIONS = [
  ...['domain', 'httpOnly', 'maxAge', 'partitioned', 'path', 'priority', 'sameSite', 'secure'],
]
const DEFAULT_NAME = 'sid'
/** What browsers keep a cookie for at most, and Hono sets, in seconds. */
const MAX_AGE = 400 * 24 * 3_600

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function checkOptions(options: MeshSessionOptions): Setup {
  const name = options?.name ?? DEFAULT_NAME
  // Two lifetimes that disagree help nobody: what the browser is told holds here too, unless `ttlMs` says otherwise.
  const maxAge = options?.cookie?.maxAge
  const ttlMs = maxAge === undefined ? undefined : maxAge * 1_000
  const visits = new Visits(options, 'session()', { cookie: name, own: SESSION_OPTIONS, ttlMs })
  const { cookie: cookieOptions = {}, rolling = false } = options
  const secrets = checkSecrets(options.secret)
  checkCookie(cookieOptions)
  if (typeof name !== 'string') throw badOption(`name is ${JSON.stringify(name)}; give the name of a cookie`)
  checkFlag('rolling', rolling)
  if (rolling && maxAge === undefined)
    throw badOption('rolling renews cookie.maxAge, and there is none: give both, or neither')
  const cookie = new SessionCookie(name, secrets, cookieOptions)
  try {
    cookie.drop()
  } catch (error) {
    throw badOption(`name or cookie: ${error instanceof Error ? error.message : String(error)}`)
  }
  return { visits, cookie, isRolling: rolling }
}

function checkSecrets(secret: unknown): [string, ...string[]] {
  checkSecret(secret)
  const secrets = [secret].flat()
  if (!secrets.every((each) => typeof each === 'string'))
    throw badOption('secret must be a text, or a list of texts: the first one signs')
  return secrets as [string, ...string[]]
}

/** Hono would find out with the first cookie that it sets, or not at all. */
function checkCookie(cookie: unknown): asserts cookie is SessionCookieOptions {
  if (typeof cookie !== 'object' || cookie === null)
    throw badOption('cookie must be an object, as in { maxAge: 3_600 }')
  checkNames(cookie, COOKIE_OPTIONS, 'cookie.')
  const { maxAge, sameSite, priority, path, domain, ...flags } = cookie as Record<string, unknown>
  const isAge = Number.isInteger(maxAge) && Number(maxAge) > 0 && Number(maxAge) <= MAX_AGE
  if (maxAge !== undefined && !isAge)
    throw badOption(
      `cookie.maxAge is ${JSON.stringify(maxAge)}; give whole seconds, 400 days of them at most, as in 3_600`,
    )
  checkOneOf('sameSite', sameSite, ['strict', 'lax', 'none'])
  checkOneOf('priority', priority, ['low', 'medium', 'high'])
  for (const [key, value] of Object.entries({ path, domain }))
    if (value !== undefined && typeof value !== 'string')
      throw badOption(`cookie.${key} is ${JSON.stringify(value)}; give a text`)
  for (const [key, value] of Object.entries(flags)) checkFlag(`cookie.${key}`, value)
}

function checkOneOf(key: string, value: unknown, known: readonly string[]): void {
  if (value === undefined || (typeof value === 'string' && known.includes(value.toLowerCase()))) return
  throw badOption(`cookie.${key} is ${JSON.stringify(value)}; give one of ${known.join(', ')}`)
}
