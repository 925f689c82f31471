/** What the user gave to `joinCluster`, checked and filled in. Every mistake is found before a socket opens. */

import { hostname } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import { type Acks, type Config, resolveConfig, SessionMeshError } from '@sessionmesh/core'
import { canonical, isFar, isLoopback, isWildcard, parseAddress } from './address.js'
import type { Discovery } from './discovery/discovery.js'
import { dns } from './discovery/dns.js'
import { mdns } from './discovery/mdns.js'
import { staticList } from './discovery/static.js'
import { type Environment, variablesFor, withEnvironment } from './environment.js'
import { badOption, checkNames, isObject } from './errors.js'
import { createKeyring } from './keys.js'
import { silent } from './log.js'
import { maxTotalBytesOf } from './memory.js'
import { type ResolvedSessionsOptions, resolveSessionsOptions } from './session-options.js'
import { type Credentials, certificatesOf } from './tls.js'
import type { CertificateOptions, ClusterOptions, Logger } from './types.js'

export interface ResolvedOptions {
  readonly name: string
  readonly credentials: Credentials
  readonly hasSecret: boolean
  /** The option is there and empty: a variable that is not set, perhaps. */
  readonly isSecretUnset: boolean
  /** `''` is everywhere. */
  readonly host: string
  /** The first of these that is free. */
  readonly ports: readonly number[]
  readonly advertise: string | undefined
  readonly discoveries: readonly Discovery[]
  readonly acks: Acks
  readonly logger: Logger
  readonly isLogged: boolean
  readonly config: Config
  readonly sessions: ResolvedSessionsOptions
  /** For the port that was bound, which is not known before. */
  memberName(port: number): string
}

const known = [
  'name',
  'secret',
  'tls',
  'listen',
  'advertise',
  'peers',
  'memberName',
  'acks',
  'ttlMs',
  'sessions',
  'joinTimeoutMs',
  'logger',
  'config',
]

/** Unless a port is asked for: several processes of one host take one each. */
const FIRST_PORT = 7373
const PORTS = 32

/**
 * @param env fills in what the options leave out; see `withEnvironment`
 * @throws SessionMeshError `SESSIONMESH_BAD_OPTION`, `SESSIONMESH_BAD_ADDRESS`, `SESSIONMESH_SECRET_REQUIRED`,
 * `SESSIONMESH_WEAK_SECRET`
 */
export function resolveOptions(given: ClusterOptions, env: Environment = {}): ResolvedOptions {
  if (!isObject(given)) throw badOption('joinCluster takes an object, as in { name }')
  for (const key of Object.keys(given)) {
    const hint = key === 'port' || key === 'host' ? `; the ${key} to listen on is listen: { ${key} }` : ''
    if (!known.includes(key))
      throw badOption(`${key} is not an option. Known are: ${known.join(', ')}${hint}`)
  }
  try {
    return resolved(withEnvironment(given, env), 'secret' in given || 'SESSIONMESH_SECRET' in env)
  } catch (error) {
    const variables = variablesFor(given, env)
    if (!(error instanceof SessionMeshError) || variables.length === 0) throw error
    throw new SessionMeshError(
      error.code,
      `${error.message} (From the environment: ${variables.join(', ')}.)`,
    )
  }
}

function resolved(options: ClusterOptions, isSecretGiven: boolean): ResolvedOptions {
  const { name = 'default', acks = 'none', logger, memberName } = options
  checkLogger(logger)
  if (typeof name !== 'string' || name === '' || name.length > 128)
    throw badOption('name must be a text of 1 to 128 characters')
  checkAcks(acks)
  if (
    memberName !== undefined &&
    (typeof memberName !== 'string' || memberName === '' || memberName.length > 128)
  ) {
    throw badOption('memberName must be a text of 1 to 128 characters')
  }
  const secrets = secretsOf(options)
  const { host = secrets.length > 0 ? '' : '127.0.0.1', port } = listenOf(options)
  if (port !== undefined && (!Number.isInteger(port) || port < 0 || port > 65535))
    throw badOption(`listen.port is ${JSON.stringify(port)}; give a number from 0 to 65535`)
  const advertise = advertisedOf(options)
  const { listed, searched } = peersOf(options)
  const list = staticList(listed)
  if (secrets.length === 0)
    checkLoopback(host, [...list.addresses, ...(advertise ? [advertise] : [])], searched)
  for (const [name, ms] of Object.entries({ ttlMs: options.ttlMs, joinTimeoutMs: options.joinTimeoutMs })) {
    if (ms !== undefined && !(typeof ms === 'number' && Number.isFinite(ms) && ms > 0))
      throw badOption(`${name} is ${JSON.stringify(ms) ?? String(ms)}; give a number of milliseconds above 0`)
    if (isObject(options.config) && name in options.config)
      throw badOption(`config.${name} is not an option; give ${name} beside config`)
  }
  const config = resolveConfig({
    maxTotalBytes: maxTotalBytesOf(getHeapStatistics()),
    ...options.config,
    ...(options.ttlMs !== undefined && { ttlMs: options.ttlMs }),
    ...(options.joinTimeoutMs !== undefined && { joinTimeoutMs: options.joinTimeoutMs }),
  })
  return {
    name,
    credentials: credentialsOf(name, secrets, options.tls),
    hasSecret: secrets.length > 0,
    isSecretUnset: isSecretGiven && secrets.length === 0,
    host,
    ports: port === undefined ? Array.from({ length: PORTS }, (_, i) => FIRST_PORT + i) : [port],
    advertise,
    discoveries: [list, ...searched],
    acks,
    logger: logger ?? silent,
    isLogged: logger !== undefined,
    config,
    sessions: resolveSessionsOptions(options.sessions),
    memberName: (bound) => memberName ?? `${hostname().slice(0, 100)}:${bound}`,
  }
}

/**
 * What a member authenticates with from now on, having joined with these.
 *
 * @throws SessionMeshError `SESSIONMESH_BAD_OPTION`, `SESSIONMESH_WEAK_SECRET`
 */
export function rekeyed(
  joined: Credentials,
  hasSecret: boolean,
  keys: Pick<ClusterOptions, 'secret' | 'tls'>,
): Credentials {
  if (!isObject(keys)) throw badOption('rekey takes an object, as in { secret }')
  checkNames(keys, ['secret', 'tls'], '', ' of rekey')
  const { secret, tls } = keys
  if (secret === undefined && tls === undefined) throw badOption('rekey needs a secret, or tls')
  if (tls !== undefined && joined.certificates === undefined)
    throw badOption('rekey has tls, and this member joined without: restart it with tls, as all others')
  const { cluster } = joined.keyring
  const secrets = secret === undefined ? undefined : secretsOf({ secret })
  if (secrets !== undefined && (secrets.length === 0 || !hasSecret))
    throw badOption(
      hasSecret
        ? 'rekey has a secret that is empty'
        : 'rekey has a secret, and this member joined without, on loopback only: restart it with one',
    )
  return {
    keyring: secrets === undefined ? joined.keyring : createKeyring(cluster, secrets),
    certificates: tls === undefined ? joined.certificates : certificatesFrom(tls),
  }
}

function credentialsOf(
  cluster: string,
  secrets: readonly string[],
  tls: CertificateOptions | undefined,
): Credentials {
  const certificates = tls === undefined ? undefined : certificatesFrom(tls)
  if (certificates !== undefined && secrets.length === 0)
    throw new SessionMeshError(
      'SESSIONMESH_SECRET_REQUIRED',
      'tls authenticates the links, and a secret is needed all the same: it signs what clients carry. Give all members ' +
        'the same `secret`; `npx sessionmesh secret` makes one.',
    )
  return { keyring: createKeyring(cluster, secrets), certificates }
}

function certificatesFrom(tls: CertificateOptions): Credentials['certificates'] {
  if (!isObject(tls)) throw badOption('tls must be an object, as in { cert, key, ca }')
  checkNames(tls, ['cert', 'key', 'passphrase', 'ca', 'crl', 'authorizePeer'], 'tls.')
  const { authorizePeer } = tls
  if (authorizePeer !== undefined && typeof authorizePeer !== 'function')
    throw badOption('tls.authorizePeer must be a function of a certificate that says true or false, at once')
  for (const name of ['cert', 'key', 'ca'] as const)
    if ((tls[name] ?? '').length === 0)
      throw badOption(`tls.${name} is missing; tls needs cert, key and ca, in PEM`)
  return certificatesOf(tls)
}

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function checkAcks(acks: unknown): void {
  if (acks === 'none' || acks === 'one' || acks === 'all') return
  throw badOption(`acks is ${JSON.stringify(acks)}; give 'none', 'one' or 'all'`)
}

function checkLogger(logger: Logger | undefined): void {
  if (logger === undefined) return
  const isLogger = (['debug', 'info', 'warn', 'error'] as const).every(
    (level) => typeof logger?.[level] === 'function',
  )
  if (!isLogger)
    throw badOption('logger must have the methods debug, info, warn and error, as console and pino do')
}

function listenOf({ listen = {} }: ClusterOptions): { host?: string; port?: number } {
  if (!isObject(listen)) throw badOption("listen must be an object, as in { host: '10.0.0.1', port: 7373 }")
  const stray = Object.keys(listen).find((key) => key !== 'host' && key !== 'port')
  if (stray !== undefined) throw badOption(`listen.${stray} is not an option; listen has host and port`)
  const { host } = listen
  if (host !== undefined && typeof host !== 'string')
    throw badOption(`listen.host is ${host}; give a text, as in '10.0.0.1'`)
  // Brackets belong to addresses, but it is clear what is meant.
  return { ...listen, ...(host !== undefined && { host: host.replace(/^\[(.*)\]$/, '$1') }) }
}

function advertisedOf({ advertise }: ClusterOptions): string | undefined {
  if (advertise === undefined) return undefined
  const address = canonical(advertise)
  if (!isWildcard(parseAddress(address).host)) return address
  throw badOption(
    `advertise is ${JSON.stringify(advertise)}, where nobody can be dialled; give the address at which the others ` +
      'reach this member, or leave it out: they see where its links come from',
  )
}

/** An unset variable gives an empty text or list, which is none. An empty one among others is a mistake. */
function secretsOf({ secret = [] }: ClusterOptions): readonly string[] {
  const isText = typeof secret === 'string'
  const secrets: unknown = isText ? secret.split(',').map((one) => one.trim()) : secret
  if (!Array.isArray(secrets)) throw badOption('secret must be a text, or a list of texts')
  const which = (i: number) => `secret ${i + 1} of ${secrets.length}`
  const stray = secrets.findIndex((one) => typeof one !== 'string')
  if (stray !== -1) {
    const what = secrets[stray] === undefined ? 'undefined: is its variable set? It' : 'no text; it'
    throw badOption(`${which(stray)} is ${what} must be a text`)
  }
  const empty = secrets.findIndex((one) => one.trim() === '')
  if (empty === -1) return secrets
  if (secrets.every((one) => one.trim() === '')) return []
  throw badOption(
    `${which(empty)} is empty: take ${isText ? 'the comma too many out' : 'it out, or see whether its variable is set'}`,
  )
}

/** Whom the user lists, and how others are searched. */
function peersOf({ peers = ['mdns'] }: ClusterOptions): { listed: string[]; searched: Discovery[] } {
  if (!Array.isArray(peers)) throw badOption("peers must be an array, as in ['10.0.0.7:7373'] or [mdns()]")
  const listed: string[] = []
  const searched: Discovery[] = []
  for (const peer of peers as readonly (string | Discovery)[]) {
    if (typeof peer === 'function') throw badOption('peers has a function; call it, as in [mdns()]')
    if (isObject(peer)) searched.push(checked(peer))
    else if (peer === 'mdns') searched.push(mdns())
    else if (typeof peer === 'string' && peer.startsWith('dns:')) searched.push(dnsOf(peer))
    else listed.push(peer as string)
  }
  return { listed, searched }
}

function checked(discovery: Discovery): Discovery {
  const { name, source, start } = discovery
  const isNamed = typeof name === 'string' && (source === 'named' || source === 'heard')
  if (isNamed && typeof start === 'function') return discovery
  throw badOption("a discovery among peers needs name, source ('named' or 'heard') and start()")
}

/** `dns:name`, or `dns:name:port`. */
function dnsOf(text: string): Discovery {
  const [, name = '', port] = /^dns:(.*?)(?::(\d+))?$/.exec(text) ?? []
  return dns(name, port === undefined ? {} : { port: Number(port) })
}

function checkLoopback(host: string, listed: readonly string[], searched: readonly Discovery[]): void {
  const far = listed.find(isFar)
  // (What is heard on a network is heard where this member listens, and nowhere else.)
  const wide = searched.find(({ source }) => source === 'named')
  if (isLoopback(host) && far === undefined && wide === undefined) return
  const what = far
    ? `"${far}" is among the peers, or advertised`
    : wide
      ? `${wide.name} finds other machines`
      : `listen.host is "${host}"`
  throw new SessionMeshError(
    'SESSIONMESH_SECRET_REQUIRED',
    `Without a secret a member may listen on and link to loopback only, and ${what}. ` +
      'Give all members the same `secret`, for example from the environment; `npx sessionmesh secret` makes one.',
  )
}
