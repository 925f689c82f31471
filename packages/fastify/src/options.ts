/** What the user gives to `session`, and the checks: a mistake shows at the start, not at a request. */

import type { FastifySessionOptions } from '@fastify/session'
import {
  type AdapterOptions,
  badOption,
  checkFlag,
  checkNames,
  checkSecret,
  Visits,
} from 'sessionmesh/adapter'

/** The options of @fastify/session but for `store`, and those of the cluster. */
export interface MeshSessionOptions extends Omit<FastifySessionOptions, 'store'>, AdapterOptions {}

const SESSION_OPTIONS = [
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

/** As @fastify/session names it. */
export const DEFAULT_COOKIE_NAME = 'sessionId'

/** As @fastify/session demands. */
const MIN_SECRET_LENGTH = 32

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function checkOptions(options: MeshSessionOptions): Visits {
  const cookie = options?.cookieName || DEFAULT_COOKIE_NAME
  const visits = new Visits(options, 'session', { cookie, own: SESSION_OPTIONS })
  checkSecret(options.secret)
  checkSigner(options.secret)
  checkCookie(options.cookie)
  checkFlag('rolling', options.rolling)
  checkFlag('saveUninitialized', options.saveUninitialized)
  return visits
}

function checkSigner(secret: NonNullable<unknown>): void {
  if (typeof secret === 'string' && secret.length < MIN_SECRET_LENGTH)
    throw badOption(`secret has ${secret.length} characters; give ${MIN_SECRET_LENGTH} or more`)
  const isSigner = typeof secret === 'object' && 'sign' in secret && 'unsign' in secret
  if (typeof secret !== 'string' && !Array.isArray(secret) && !isSigner)
    throw badOption('secret must be a string, a list of strings with one at least, or { sign, unsign }')
}

/** @fastify/session would find out with the first request, or not at all. */
function checkCookie(cookie: unknown): void {
  if (cookie === undefined) return
  if (typeof cookie !== 'object' || cookie === null)
    throw badOption('cookie must be an object, as in { maxAge: 3_600_000 }')
  checkNames(cookie, COOKIE_OPTIONS, 'cookie.')
  const { maxAge } = cookie as { maxAge?: unknown }
  if (maxAge !== undefined && !(typeof maxAge === 'number' && Number.isFinite(maxAge) && maxAge > 0))
    throw badOption(`cookie.maxAge is ${JSON.stringify(maxAge)}; give a number of milliseconds above 0`)
}
