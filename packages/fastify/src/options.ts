/** What the user gives to `session`, and the checks: a mistake shows at the start, not at a request. */

import { createHmac } from 'node:crypto'
import type { FastifySessionOptions } from '@fastify/session'
import type { FastifyInstance } from 'fastify'
import {
  type AdapterOptions,
  badOption,
  type Check,
  checkFlag,
  checkNames,
  checkSecret,
  checkValues,
  cookieChecks,
  cookieNameCheck,
  oneOf,
  Visits,
} from 'sessionmesh/adapter'

/** The options of @fastify/session but for `store`, and those of the cluster. */
export interface MeshSessionOptions extends Omit<FastifySessionOptions, 'store' | 'secret'>, AdapterOptions {
  /** Signs the session cookie. That it is there, as of an environment, is checked at the start. */
  secret: FastifySessionOptions['secret'] | undefined
}

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

/** As @fastify/session demands of a single one. */
const MIN_SECRET_LENGTH = 32

const isFunction = (value: unknown) => typeof value === 'function'

/** What @fastify/session would find out in the midst of its own start, which ends the process, or never. */
const SESSION_CHECKS: Record<string, Check> = {
  algorithm: { isRight: isAlgorithm, mend: "one that node:crypto has, as in 'sha256'" },
  cookieName: cookieNameCheck,
  cookiePrefix: { isRight: (value) => typeof value === 'string', mend: "a text, as in 's:'" },
  idGenerator: { isRight: isFunction, mend: 'a function that returns a text' },
}

/** What it would find out with the first request, or not at all. */
const COOKIE_CHECKS: Record<string, Check> = {
  ...cookieChecks,
  encode: { isRight: isFunction, mend: 'a function' },
  expires: {
    isRight: (value) => value instanceof Date && !Number.isNaN(value.getTime()),
    mend: 'a Date',
  },
  maxAge: {
    isRight: (value) => typeof value === 'number' && Number.isFinite(value) && value > 0,
    mend: 'a number of milliseconds above 0',
  },
  sameSite: oneOf(true, false, 'lax', 'strict', 'none'),
  secure: oneOf(true, false, 'auto'),
}

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function checkOptions(options: MeshSessionOptions): Visits {
  const cookie = options?.cookieName ?? DEFAULT_COOKIE_NAME
  const visits = new Visits(options, 'session', { cookie, own: SESSION_OPTIONS })
  checkSecret(options.secret)
  checkSigner(options.secret)
  checkValues(options, SESSION_CHECKS)
  checkCookie(options.cookie)
  checkFlag('rolling', options.rolling)
  checkFlag('saveUninitialized', options.saveUninitialized)
  return visits
}

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` when the plugin is called, not registered */
export function checkIsRegistered(fastify: unknown): asserts fastify is FastifyInstance {
  if (typeof (fastify as Partial<FastifyInstance> | undefined)?.register !== 'function')
    throw badOption(
      'session is a plugin, not a function to call: await app.register(session, { cluster, secret })',
    )
}

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` when there are sessions already: two would end the process */
export function checkIsFirst(fastify: FastifyInstance): void {
  if (fastify.hasDecorator('decryptSession'))
    throw badOption('this app has sessions already: register session once, and @fastify/session not at all')
}

function checkSigner(secret: unknown): void {
  if (isSigner(secret)) return
  if (typeof secret !== 'string' && !Array.isArray(secret))
    throw badOption('secret must be a string, a list of strings with one at least, or { sign, unsign }')
  for (const [i, each] of [secret].flat().entries()) {
    const name = Array.isArray(secret) ? `secret[${i}]` : 'secret'
    if (typeof each === 'string' && each.length < MIN_SECRET_LENGTH)
      throw badOption(`${name} has ${each.length} characters; give ${MIN_SECRET_LENGTH} or more`)
    if (typeof each !== 'string' && !Buffer.isBuffer(each))
      throw badOption(`${name} must be a string, or a Buffer`)
  }
}

function isSigner(secret: unknown): boolean {
  const { sign, unsign } = secret as { sign?: unknown; unsign?: unknown }
  return isFunction(sign) && isFunction(unsign)
}

function checkCookie(cookie: unknown): void {
  if (cookie === undefined) return
  if (typeof cookie !== 'object' || cookie === null)
    throw badOption('cookie must be an object, as in { maxAge: 3_600_000 }')
  checkNames(cookie, COOKIE_OPTIONS, 'cookie.')
  checkValues(cookie, COOKIE_CHECKS, 'cookie.')
}

function isAlgorithm(value: unknown): boolean {
  try {
    createHmac(value as string, 'any key')
    return true
  } catch {
    return false
  }
}
