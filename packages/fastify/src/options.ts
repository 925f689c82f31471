/** What the user gives to `session`, and the checks: a mistake shows at the start, not at a request. */

import type { FastifySessionOptions } from '@fastify/session'
import {
  ADAPTER_OPTIONS,
  type AdapterOptions,
  badOption,
  checkNames,
  checkStoreOptions,
  Visits,
} from 'sessionmesh/adapter'

/** The options of @fastify/session but for `store`, and those of the cluster. */
export interface MeshSessionOptions extends Omit<FastifySessionOptions, 'store'>, AdapterOptions {}

const SESSION_OPTIONS = [
  ...ADAPTER_OPTIONS,
  ...[
    'algorithm',
    'cookie',
    'cookieName',
    'cookiePrefix',
    'idGenerator',
    'rolling',
    'saveUninitialized',
    'secret',
  ],
]

/** Of a session cookie: what @fastify/session 11 declares. */
const COOKIE_OPTIONS = [
  ...[
    'domain',
    'encode',
    'expires',
    'httpOnly',
    'maxAge',
    'partitioned',
    'path',
    'priority',
    'sameSite',
    'secure',
  ],
]

/** As @fastify/session demands. */
const MIN_SECRET_LENGTH = 32

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function checkSession(options: MeshSessionOptions): Visits {
  checkStoreOptions(options, 'session')
  const { store, ...rest } = options as MeshSessionOptions & { store?: unknown }
  if (store !== undefined) throw badOption('session brings its own store: leave `store` out')
  checkNames(rest, SESSION_OPTIONS, 'session')
  checkSecret(options.secret)
  checkCookie(options.cookie)
  for (const name of ['rolling', 'saveUninitialized'] as const) {
    const value: unknown = options[name]
    if (value !== undefined && typeof value !== 'boolean')
      throw badOption(`${name} is ${JSON.stringify(value)}; give true or false`)
  }
  return new Visits(options, 'session', options.cookieName || 'sessionId')
}

function checkSecret(secret: unknown): void {
  if (secret === undefined || secret === null || secret === '')
    throw badOption(
      'secret is missing: it signs the session cookie, and is the same on all servers, as in { secret: process.env.COOKIE_SECRET }',
    )
  if (typeof secret === 'string' && secret.length < MIN_SECRET_LENGTH)
    throw badOption(`secret has ${secret.length} characters; give ${MIN_SECRET_LENGTH} or more`)
  const isSigner = typeof secret === 'object' && 'sign' in secret && 'unsign' in secret
  const isList = Array.isArray(secret) && secret.length > 0
  if (typeof secret !== 'string' && !isList && !isSigner)
    throw badOption('secret must be a string, a list of strings with one at least, or { sign, unsign }')
}

/** @fastify/session would find out with the first request, or not at all. */
function checkCookie(cookie: unknown): void {
  if (cookie === undefined) return
  if (typeof cookie !== 'object' || cookie === null)
    throw badOption('cookie must be an object, as in { maxAge: 3_600_000 }')
  const stray = Object.keys(cookie).find((key) => !COOKIE_OPTIONS.includes(key))
  if (stray !== undefined)
    throw badOption(`cookie.${stray} is not an option. Known are: ${COOKIE_OPTIONS.join(', ')}`)
  const { maxAge } = cookie as { maxAge?: unknown }
  if (maxAge !== undefined && !(typeof maxAge === 'number' && Number.isFinite(maxAge) && maxAge > 0))
    throw badOption(`cookie.maxAge is ${JSON.stringify(maxAge)}; give a number of milliseconds above 0`)
}
