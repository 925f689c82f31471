/** What the user gave to `joinCluster`, checked and filled in. Every mistake is found before a socket opens. */

import { hostname } from 'node:os'
import { type Acks, type Config, resolveConfig, SessionMeshError } from '@sessionmesh/core'
import { formatAddress, isLoopback, parseAddress } from './address.js'
import { createKeyring, type Keyring } from './keys.js'
import { silent } from './log.js'
import type { ClusterOptions, Logger } from './types.js'

export interface ResolvedOptions {
  readonly name: string
  readonly keyring: Keyring
  readonly hasSecret: boolean
  /** The option is there and empty: a variable that is not set, perhaps. */
  readonly isSecretUnset: boolean
  readonly host: string
  readonly port: number
  readonly advertise: string | undefined
  readonly peers: readonly string[]
  readonly acks: Acks
  readonly logger: Logger
  readonly isLogged: boolean
  readonly config: Config
  /** For the port that was bound, which is not known before. */
  memberName(port: number): string
}

const known = [
  'name',
  'secret',
  'listen',
  'advertise',
  'peers',
  'memberName',
  'acks',
  'ttlMs',
  'joinTimeoutMs',
  'logger',
  'config',
]

/**
 * @throws SessionMeshError `SESSIONMESH_BAD_OPTION`, `SESSIONMESH_BAD_ADDRESS`, `SESSIONMESH_SECRET_REQUIRED`,
 * `SESSIONMESH_SECRET_TOO_SHORT`
 */
export function resolveOptions(options: ClusterOptions): ResolvedOptions {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw bad(`${key} is not an option. Known are: ${known.join(', ')}`)
  }
  const { name = 'default', acks = 'none', peers = [], logger, memberName } = options
  checkLogger(logger)
  if (typeof name !== 'string' || name === '' || name.length > 128)
    throw bad('name must be a text of 1 to 128 characters')
  checkAcks(acks)
  if (!Array.isArray(peers)) throw bad("peers must be an array, as in ['10.0.0.7:7373']")
  if (memberName !== undefined && (memberName === '' || memberName.length > 128)) {
    throw bad('memberName must be a text of 1 to 128 characters')
  }
  const { host = '127.0.0.1', port = 7373 } = listenOf(options)
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw bad(`listen.port is ${JSON.stringify(port)}; give a number from 0 to 65535`)
  const advertise = options.advertise === undefined ? undefined : canonical(options.advertise)
  const config = resolveConfig({
    ...options.config,
    ...(options.ttlMs !== undefined && { ttlMs: options.ttlMs }),
    ...(options.joinTimeoutMs !== undefined && { joinTimeoutMs: options.joinTimeoutMs }),
  })
  const secrets = secretsOf(options, host)
  return {
    name,
    keyring: createKeyring(name, secrets),
    hasSecret: secrets.length > 0,
    isSecretUnset: 'secret' in options && secrets.length === 0,
    host,
    port,
    advertise,
    peers: peers.map(canonical),
    acks,
    logger: logger ?? silent,
    isLogged: logger !== undefined,
    config,
    memberName: (bound) => memberName ?? `${hostname().slice(0, 100)}:${bound}`,
  }
}

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function checkAcks(acks: unknown): void {
  if (acks === 'none' || acks === 'one' || acks === 'all') return
  throw bad(`acks is ${JSON.stringify(acks)}; give 'none', 'one' or 'all'`)
}

function checkLogger(logger: Logger | undefined): void {
  if (logger === undefined) return
  const isLogger = (['debug', 'info', 'warn', 'error'] as const).every(
    (level) => typeof logger?.[level] === 'function',
  )
  if (!isLogger) throw bad('logger must have the methods debug, info, warn and error, as console and pino do')
}

function listenOf({ listen = {} }: ClusterOptions): { host?: string; port?: number } {
  if (typeof listen !== 'object')
    throw bad("listen must be an object, as in { host: '10.0.0.1', port: 7373 }")
  const stray = Object.keys(listen).find((key) => key !== 'host' && key !== 'port')
  if (stray !== undefined) throw bad(`listen.${stray} is not an option; listen has host and port`)
  const { host, port } = listen
  // Brackets belong to addresses, but it is clear what is meant.
  return {
    ...listen,
    ...(host !== undefined && { host: host.replace(/^\[(.*)\]$/, '$1') }),
    ...(port !== undefined && { port }),
  }
}

function secretsOf({ secret, peers }: ClusterOptions, host: string): readonly string[] {
  const secrets = typeof secret === 'string' ? [secret] : (secret ?? [])
  // An unset variable gives an empty text or list, which is none. An empty one among others is a mistake.
  if (secrets.some((one) => one !== '')) return secrets
  const far = [...(peers ?? [])].find((peer) => !isLoopback(parseAddress(peer).host))
  if (isLoopback(host) && far === undefined) return []
  throw new SessionMeshError(
    'SESSIONMESH_SECRET_REQUIRED',
    `Without a secret a member may listen on and link to loopback only, and ${far === undefined ? `listen.host is "${host}"` : `"${far}" is among the peers`}. ` +
      'Give all members the same `secret`, for example from the environment; `openssl rand -base64 32` makes one.',
  )
}

/** One spelling per address: members compare these texts. */
function canonical(text: string): string {
  const { host, port } = parseAddress(text)
  return formatAddress(host, port)
}

function bad(message: string): SessionMeshError {
  return new SessionMeshError('SESSIONMESH_BAD_OPTION', message)
}
