/** What a deployment says of a member, for whom the code says nothing. */

import { badOption, isObject } from './errors.js'
import type { ClusterOptions } from './types.js'

/** Text variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The options, with what they leave out from these variables. An empty one is as good as none.
 *
 * - `SESSIONMESH_SECRET`: `secret`; several, for rotation, with commas between them
 * - `SESSIONMESH_CLUSTER`: `name`
 * - `SESSIONMESH_LISTEN`: `listen`, as `host:port`, `host`, `:port` or `port`
 * - `SESSIONMESH_PEERS`: `peers`, with commas or spaces between them
 * - `SESSIONMESH_ADVERTISE`: `advertise`
 *
 * (Others that begin like these are left alone: Kubernetes makes some up from the names of services.)
 *
 * @throws SessionMeshError `SESSIONMESH_BAD_OPTION` when `SESSIONMESH_LISTEN` is none of these
 */
export function withEnvironment(options: ClusterOptions, env: Environment): ClusterOptions {
  const {
    SESSIONMESH_SECRET,
    SESSIONMESH_CLUSTER,
    SESSIONMESH_LISTEN,
    SESSIONMESH_PEERS,
    SESSIONMESH_ADVERTISE,
  } = env
  const peers = SESSIONMESH_PEERS?.split(/[\s,]+/).filter((item) => item !== '') ?? []
  const said: ClusterOptions = {
    ...(SESSIONMESH_SECRET && { secret: SESSIONMESH_SECRET }),
    ...(SESSIONMESH_CLUSTER && { name: SESSIONMESH_CLUSTER }),
    ...(peers.length > 0 && { peers }),
    ...(SESSIONMESH_ADVERTISE && { advertise: SESSIONMESH_ADVERTISE }),
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const merged: ClusterOptions = { ...said, ...given }
  const { listen = {} } = merged
  // (What is no object is refused later. And of a variable that says nothing new no mistake matters.)
  const isSaid = !isObject(listen) || (listen.host !== undefined && listen.port !== undefined)
  if (!SESSIONMESH_LISTEN || isSaid) return merged
  return { ...merged, listen: { ...listenOf(SESSIONMESH_LISTEN), ...listen } }
}

/** Which of these variables fill in an option: a mistake may be in one of them, and not in the code. */
export function variablesFor(options: ClusterOptions, env: Environment): string[] {
  const { secret, name, listen, peers, advertise } = options
  const given = {
    SESSIONMESH_SECRET: secret,
    SESSIONMESH_CLUSTER: name,
    SESSIONMESH_LISTEN: listen,
    SESSIONMESH_PEERS: peers,
    SESSIONMESH_ADVERTISE: advertise,
  }
  return Object.entries(given).flatMap(([key, value]) => (env[key] && value === undefined ? key : []))
}

function listenOf(text: string): { host?: string; port?: number } {
  if (/^\d+$/.test(text.trim())) return { port: Number(text) }
  const parts = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text.trim())
  if (parts === null) {
    throw badOption(
      `SESSIONMESH_LISTEN is ${JSON.stringify(text)}; write host:port, host or :port, as in 0.0.0.0:7373, ` +
        '10.0.0.7, [::1]:7373 or :7373.',
    )
  }
  const [, host, port] = parts
  return { ...(host && { host }), ...(port !== undefined && { port: Number(port) }) }
}
