/** What the user gives to the driver and to its calls, and the checks. */

import { type AdapterOptions, badOption, Visits } from 'sessionmesh/adapter'
import { RequestVisit, type StorageVisit } from './visit.js'

/** `readYourWrites`, `token` and `route` are those of requests that the driver is told of (`visit`). */
export interface MeshDriverOptions extends AdapterOptions {
  /**
   * What the ids of its sessions begin with, and a colon: for several storages on one cluster, or beside the sessions
   * of a framework. Default: nothing, and all sessions of the cluster are its items.
   */
  base?: string | undefined
}

/** What the driver reads of the options of a call, as in `storage.setItem(key, value, { ttl: 3600 })`. */
export interface MeshTransactionOptions {
  /** Of `setItem` and `setItemRaw`: how long the item lives, in seconds. Default: the driver's `ttlMs`. */
  ttl?: number | undefined
  /** The request for which this is done. */
  visit?: StorageVisit | undefined
}

/** As unstorage normalises keys, but for the colon at the end. */
const BASE = /^[^:/\\?]+(:[^:/\\?]+)*:?$/

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function checkOptions(options: MeshDriverOptions): { visits: Visits; prefix: string } {
  // (The app has the session cookie; what it is called is not known here.)
  const visits = new Visits(options, 'meshDriver()', { cookie: '', own: ['base'] })
  const { base } = options
  if (base !== undefined && (typeof base !== 'string' || !BASE.test(base)))
    throw badOption(`base is ${JSON.stringify(base)}; give names with colons between them, as in 'sessions'`)
  const prefix = base === undefined ? '' : `${base.replace(/:$/, '')}:`
  return { visits, prefix }
}

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function checkVisit(options: MeshTransactionOptions | undefined): RequestVisit | undefined {
  const visit: unknown = options?.visit
  if (visit === undefined || visit instanceof RequestVisit) return visit
  throw badOption(
    'visit must be what visit() of the driver gives, as in { visit: driver.visit(cookieHeader) }',
  )
}

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function checkTtl(options: MeshTransactionOptions | undefined): number | undefined {
  const ttl: unknown = options?.ttl
  if (ttl === undefined) return undefined
  if (typeof ttl !== 'number' || !Number.isFinite(ttl) || ttl <= 0)
    throw badOption(`ttl is ${String(ttl)}; give a number of seconds above 0, or remove the item`)
  return ttl * 1000
}
