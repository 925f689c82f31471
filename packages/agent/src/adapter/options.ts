/** What every adapter takes from its user beside its framework's own options, and the checks. */

import { inspect } from 'node:util'
import { badOption, checkNames } from '../errors.js'
import { checkAcks } from '../options.js'
import type { Acks, Cluster, Sessions } from '../types.js'

/** What a store takes that does not see requests. */
export interface StoreOptions {
  /** The cluster that this process has joined. */
  cluster: Cluster
  /**
   * How many peers must hold a change before it counts as made. Default: the cluster's `acks`, which is `'none'`
   * unless said otherwise: it is made here, and on its way to the peers.
   */
  acks?: Acks | undefined
  /** Idle lifetime of a session for which nothing else is said, in ms. Default: the cluster's `ttlMs`. */
  ttlMs?: number | undefined
}

/** What an adapter takes that sees requests and responses. */
export interface AdapterOptions extends StoreOptions {
  /** Whether a client sees what it did before on whichever member serves it next. Default true. */
  readYourWrites?: boolean | undefined
  /** The cookie that carries what a client has seen. Default name: `sessionmesh`. */
  token?: { cookieName?: string | undefined } | undefined
  /**
   * A cookie that names the member that served a client last (`memberName`), for a load balancer that is to send it there
   * again. Who is served by another one gets that one's name; without a session, and at a member that is not ready, it is
   * dropped.
   * Default: none; `true` for one of the name `route`.
   */
  route?: boolean | { cookieName?: string | undefined } | undefined
}

/** Options of a store, checked. */
export interface Store {
  readonly sessions: Sessions
  readonly acks: Acks
  /** `undefined`: left to the cluster. */
  readonly ttlMs: number | undefined
}

/** What an adapter says of itself. */
export interface Adapter {
  /** The name of the session's own cookie. */
  cookie: string
  /** The options that are its own. */
  own: readonly string[]
  /** Idle lifetime where its user says nothing. Default: the cluster's. */
  ttlMs?: number | undefined
}

const STORE_OPTIONS = ['cluster', 'acks', 'ttlMs']
const ADAPTER_OPTIONS = ['readYourWrites', 'token', 'route']

const DEFAULT_TOKEN_COOKIE = 'sessionmesh'
const DEFAULT_ROUTE_COOKIE = 'route'

/** The characters of a cookie's name, and of its value (RFC 6265, section 4.1.1). */
const COOKIE_NAME = /^[\w!#$%&'*+\-.^`|~]+$/
const COOKIE_VALUE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+$/

const COOKIE_PATH = /^\/[\x20-\x3a\x3c-\x7e]*$/
const COOKIE_DOMAIN = /^\.?[a-z\d-]+(\.[a-z\d-]+)*$/i

/** What an option may be. */
export interface Check {
  isRight(value: unknown): boolean
  /** What to give instead, for a message. */
  readonly mend: string
}

export const flag: Check = { isRight: (value) => typeof value === 'boolean', mend: 'true or false' }

/** The name of a cookie. */
export const cookieNameCheck: Check = {
  isRight: (value) => typeof value === 'string' && COOKIE_NAME.test(value),
  mend: 'letters, digits, - and _',
}

/** Of a cookie, by the names that frameworks agree upon. Most hand a wrong one on, and browsers take no such cookie, silently. */
export const cookieChecks = {
  domain: {
    isRight: (value) => typeof value === 'string' && COOKIE_DOMAIN.test(value),
    mend: "a domain, as in 'shop.example'",
  },
  httpOnly: flag,
  partitioned: flag,
  path: {
    isRight: (value) => typeof value === 'string' && COOKIE_PATH.test(value),
    mend: "a path, as in '/shop'",
  },
  priority: oneOf('low', 'medium', 'high'),
  sameSite: oneOf('lax', 'strict', 'none'),
} satisfies Record<string, Check>

export function oneOf(...values: readonly (string | boolean)[]): Check {
  const names = values.map((value) => (typeof value === 'string' ? `'${value}'` : String(value)))
  return {
    isRight: (value) => values.includes(value as string | boolean),
    mend: `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`,
  }
}

/**
 * @param prefix what stands before the names, as in `cookie.`
 * @throws SessionMeshError `SESSIONMESH_BAD_OPTION` for the first value that is given and not right
 */
export function checkValues(options: object, checks: Readonly<Record<string, Check>>, prefix = ''): void {
  for (const [name, { isRight, mend }] of Object.entries(checks)) {
    const value: unknown = (options as Record<string, unknown>)[name]
    if (value === undefined || isRight(value)) continue
    const shown = typeof value === 'string' ? JSON.stringify(value) : inspect(value, { depth: 0 })
    throw badOption(`${prefix}${name} is ${shown}; give ${mend}`)
  }
}

/** Names of the cookies; `undefined` where there is to be none. */
export interface CookieNames {
  readonly token: string | undefined
  readonly route: string | undefined
  /** What the route cookie says here. */
  readonly member: string
}

/**
 * @param where what the user calls, for messages
 * @param own the options that the adapter has beside those of a store
 * @throws SessionMeshError `SESSIONMESH_BAD_OPTION`
 */
export function checkStoreOptions(options: StoreOptions, where: string, own: readonly string[] = []): Store {
  if (typeof (options as Partial<Cluster> | undefined)?.sessions?.load === 'function')
    throw badOption(`${where} takes an object: give { cluster } instead of the cluster itself`)
  if (typeof options !== 'object' || options === null)
    throw badOption(`${where} takes an object, as in { cluster: await joinCluster({ … }) }`)
  const { cluster, acks, ttlMs } = options
  if (typeof cluster?.sessions?.load !== 'function')
    throw badOption('cluster must be what joinCluster() resolves with: await it first')
  const { store, ...others } = options as StoreOptions & { store?: unknown }
  if (store !== undefined) throw badOption(`${where} brings its own store: leave \`store\` out`)
  checkNames(others, [...STORE_OPTIONS, ...own], '', ` of ${where}`)
  if (acks !== undefined) checkAcks(acks)
  if (ttlMs !== undefined && !(typeof ttlMs === 'number' && Number.isFinite(ttlMs) && ttlMs > 0))
    throw badOption(`ttlMs is ${String(ttlMs)}; give a finite number of milliseconds above 0`)
  const { sessions } = cluster
  return { sessions, acks: acks ?? sessions.acks, ttlMs }
}

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function checkAdapterOptions(
  options: AdapterOptions,
  where: string,
  { cookie, own }: Adapter,
): { store: Store; names: CookieNames } {
  const store = checkStoreOptions(options, where, [...ADAPTER_OPTIONS, ...own])
  const { readYourWrites = true, token = {}, route = false, cluster } = options
  checkFlag('readYourWrites', readYourWrites)
  const tokenCookie = cookieName('token', token, DEFAULT_TOKEN_COOKIE)
  const routeCookie = cookieName(
    'route',
    route === true || route === false ? {} : route,
    DEFAULT_ROUTE_COOKIE,
  )
  const names = {
    token: readYourWrites ? tokenCookie : undefined,
    route: route === false ? undefined : routeCookie,
    member: cluster.self.name,
  }
  const all = [cookie, names.token, names.route].filter((name) => name !== undefined)
  const twice = all.find((name, i) => all.indexOf(name) !== i)
  if (twice !== undefined)
    throw badOption(
      `${twice} is the name of two cookies: the session's own, token.cookieName and route.cookieName have to differ`,
    )
  if (names.route !== undefined && !COOKIE_VALUE.test(names.member))
    throw badOption(
      `memberName ${JSON.stringify(names.member)} cannot stand in the route cookie: use letters, digits, ., : and -`,
    )
  return { store, names }
}

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function checkFlag(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean')
    throw badOption(`${name} is ${JSON.stringify(value)}; give true or false`)
}

/**
 * What signs cookies must be there: one, or a list of them. Of what kind, the adapter knows.
 * @throws SessionMeshError `SESSIONMESH_BAD_OPTION`
 */
export function checkSecret(secret: unknown): void {
  const all = [secret].flat()
  if (all.length === 0 || !all.every(Boolean))
    throw badOption(
      'secret is missing: it signs the session cookie, and is the same on all servers, as in { secret: process.env.COOKIE_SECRET }',
    )
}

function cookieName(option: string, given: unknown, byDefault: string): string {
  if (typeof given !== 'object' || given === null)
    throw badOption(
      `${option} must be ${option === 'route' ? 'true, or ' : ''}an object, as in { cookieName: 'seen' }`,
    )
  checkNames(given, ['cookieName'], `${option}.`)
  const { cookieName: name = byDefault } = given as { cookieName?: unknown }
  if (typeof name !== 'string' || !COOKIE_NAME.test(name))
    throw badOption(
      `${option}.cookieName ${JSON.stringify(name)} is no cookie name: use letters, digits, - and _`,
    )
  return name
}
