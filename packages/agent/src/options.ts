/** What the user gave to `joinCluster`, checked and filled in. Every mistake is found before a socket opens. */

import { hostname } from 'node:os'
import { type Acks, type Config, resolveConfig, SessionMeshError } from '@sessionmesh/core'
import { isLoopback, parseAddress } from './address.js'
import { createKeyring, type Keyring } from './keys.js'
import { silent } from './log.js'
import type { ClusterOptions, Logger } from './types.js'

export interface ResolvedOptions {
  readonly name: string
  readonly keyring: Keyring
  readonly hasSecret: boolean
  readonly host: string
  readonly port: number
  readonly advertise: string | undefined
  readonly peers: readonly string[]
  readonly acks: Acks
  readonly logger: Logger
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
  const { name = 'default', acks = 'none', peers = [], logger = silent, memberName } = options
  if (typeof name !== 'string' || name === '' || name.length > 128)
    throw bad('name must be a text of 1 to 128 characters')
  if (!['none', 'one', 'all'].includes(acks)) throw bad(`acks is "${acks}"; give 'none', 'one' or 'all'`)
  if (!Array.isArray(peers)) throw bad("peers must be an array, as in ['10.0.0.7:7373']")
  if (memberName !== undefined && (memberName === '' || memberName.length > 128)) {
    throw bad('memberName must be a text of 1 to 128 characters')
  }
  const { host = '127.0.0.1', port = 7373 } = options.listen ?? {}
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw bad(`listen.port is ${port}; give 0 to 65535`)
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
    host,
    port,
    advertise,
    peers: peers.map(canonical),
    acks,
    logger,
    config,
    memberName: (bound) => memberName ?? `${hostname().slice(0, 100)}:${bound}`,
  }
}

function secretsOf({ secret }: ClusterOptions, host: string): readonly string[] {
  if (secret !== undefined && secret !== '') return typeof secret === 'string' ? [secret] : secret
  if (isLoopback(host)) return []
  throw new SessionMeshError(
    'SESSIONMESH_SECRET_REQUIRED',
    `Without a secret this member may listen on loopback only, and listen.host is "${host}". ` +
      'Give all members the same `secret`, for example from the environment; `openssl rand -base64 32` makes one.',
  )
}

/** One spelling per address: members compare these texts. */
function canonical(text: string): string {
  const { host, port } = parseAddress(text)
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function bad(message: string): SessionMeshError {
  return new SessionMeshError('SESSIONMESH_BAD_OPTION', message)
}
