/** What the user gives to `session()`, and the checks: a mistake shows at the start, not at a request. */

import {
  ADAPTER_OPTIONS,
  type AdapterOptions,
  badOption,
  checkNames,
  checkStoreOptions,
  Visits,
} from 'sessionmesh/adapter'
import { SessionCookie, type SessionCookieOptions } from './cookie.js'

export interface SessionOptions extends AdapterOptions {
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
  /** Idle lifetime of the sessions, in ms. */
  readonly ttlMs: number
  readonly isRolling: boolean
}

const SESSION_OPTIONS = [...ADAPTER_OPTIONS, 'secret', 'name', 'cookie', 'rolling']
const COOKIE_OPTIONS = [
  ...['domain', 'httpOnly', 'maxAge', 'partitioned', 'path', 'priority', 'sameSite', 'secure'],
]
const DEFAULT_NAME = 'sid'
/** What browsers keep a cookie for at most, and Hono sets, in seconds. */
const MAX_AGE = 400 * 24 * 3_600

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function checkSession(options: SessionOptions): Setup {
  checkStoreOptions(options, 'session()')
  checkNames(options, SESSION_OPTIONS, 'session()')
  const { name = DEFAULT_NAME, cookie: cookieOptions = {}, rolling = false } = options
  const secrets = checkSecrets(options.secret)
  checkCookie(cookieOptions)
  if (typeof name !== 'string') throw badOption(`name is ${JSON.stringify(name)}; give the name of a cookie`)
  if (typeof rolling !== 'boolean')
    throw badOption(`rolling is ${JSON.stringify(rolling)}; give true or false`)
  if (rolling && cookieOptions.maxAge === undefined)
    throw badOption('rolling renews cookie.maxAge, and there is none: give both, or neither')
  const visits = new Visits(options, 'session()', name)
  const cookie = new SessionCookie(name, secrets, cookieOptions)
  try {
    cookie.drop()
  } catch (error) {
    throw badOption(`name or cookie: ${error instanceof Error ? error.message : String(error)}`)
  }
  const { maxAge } = cookieOptions
  // Two lifetimes that disagree help nobody: what the browser is told holds here too, unless said otherwise.
  const ttlMs = options.ttlMs ?? (maxAge === undefined ? visits.ttlMs : maxAge * 1_000)
  return { visits, cookie, ttlMs, isRolling: rolling }
}

function checkSecrets(secret: unknown): [string, ...string[]] {
  const [first, ...others] = [secret].flat() as unknown[]
  const isSecret = (each: unknown): each is string => typeof each === 'string' && each !== ''
  if (isSecret(first) && others.every(isSecret)) return [first, ...others]
  throw badOption(
    'secret is missing, or not a text: it signs the session cookie, and is the same on all servers, as in { secret: process.env.COOKIE_SECRET }',
  )
}

/** Hono would find out with the first cookie that it sets, or not at all. */
function checkCookie(cookie: unknown): asserts cookie is SessionCookieOptions {
  if (typeof cookie !== 'object' || cookie === null)
    throw badOption('cookie must be an object, as in { maxAge: 3_600 }')
  const stray = Object.keys(cookie).find((key) => !COOKIE_OPTIONS.includes(key))
  if (stray !== undefined)
    throw badOption(`cookie.${stray} is not an option. Known are: ${COOKIE_OPTIONS.join(', ')}`)
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
  for (const [key, value] of Object.entries(flags))
    if (value !== undefined && typeof value !== 'boolean')
      throw badOption(`cookie.${key} is ${JSON.stringify(value)}; give true or false`)
}

function checkOneOf(key: string, value: unknown, known: readonly string[]): void {
  if (value === undefined || (typeof value === 'string' && known.includes(value.toLowerCase()))) return
  throw badOption(`cookie.${key} is ${JSON.stringify(value)}; give one of ${known.join(', ')}`)
}
