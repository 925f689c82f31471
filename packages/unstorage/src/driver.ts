/**
 * A driver for unstorage: each item is a session of the cluster, under the id that is its key.
 *
 * What is read is local. A call that writes resolves when the write can no longer be lost with this process, and when
 * its acks are there; a call that reads, when that holds of what it gives.
 */

import { type Cluster, SessionMeshError } from 'sessionmesh'
import { withoutLocal } from 'sessionmesh/adapter'
import type { Driver } from 'unstorage'
import { checkOptions, checkTtl, checkVisit, type MeshDriverOptions } from './options.js'
import { fromAttributes, fromText, isPlain, toAttributes } from './value.js'
import { RequestVisit, type StorageVisit } from './visit.js'

type Options = Record<string, unknown> | undefined

export interface MeshDriver extends Driver {
  /**
   * Names a request to the calls that are made for it, as `{ visit }` in their options. Then they give
   * read-your-writes, and `setItem` writes the difference to what the visit got before.
   * @param cookieHeader the request's `Cookie`
   */
  visit(cookieHeader: string | undefined | null): StorageVisit
  getInstance(): Cluster
}

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function meshDriver(options: MeshDriverOptions): MeshDriver {
  const { visits, prefix } = checkOptions(options)
  const { cluster } = options
  const { sessions, acks } = visits
  const watchers = new Set<() => void>()

  function keyOf(sid: string): string | undefined {
    return sid.startsWith(prefix) ? sid.slice(prefix.length) : undefined
  }

  function keys(base: string | undefined): string[] {
    return [...sessions.keys()].map(keyOf).filter((key) => key?.startsWith(base ?? '')) as string[]
  }

  async function read<T>(
    key: string,
    options: Options,
    look: (sid: string, visit?: RequestVisit) => T,
  ): Promise<T> {
    const sid = prefix + key
    const visit = checkVisit(options)
    await (visit === undefined ? sessions.catchUp(sid, undefined) : visit.catchUp(sid))
    const seen = look(sid, visit)
    // Another request may have written it just now: nobody is told what a SIGKILL could still take away.
    await sessions.flushed()
    return seen
  }

  function load(sid: string, visit?: RequestVisit): unknown {
    const loaded = sessions.load(sid)
    visit?.saw(sid, loaded?.base)
    return loaded === undefined ? null : fromAttributes(loaded.data)
  }

  /** What stays in this process may be anything, and what goes through JSON is none of it: it is left out here… */
  function loadForJson(sid: string, visit?: RequestVisit): unknown {
    const value = load(sid, visit)
    const { localAttributes: local } = sessions
    return local.length > 0 && isPlain(value) ? withoutLocal(value, local) : value
  }

  /** …and stays as it is when the item is stored. */
  function fromJson(sid: string, text: string): unknown {
    const value = fromText(text)
    const { localAttributes: local } = sessions
    if (local.length === 0 || !isPlain(value)) return value
    const kept = Object.entries(sessions.load(sid)?.data ?? {}).filter(([name]) => local.includes(name))
    return { ...value, ...Object.fromEntries(kept) }
  }

  async function write(key: string, value: unknown, options: Options): Promise<void> {
    const sid = prefix + key
    const visit = checkVisit(options)
    const ttlMs = checkTtl(options) ?? visits.ttlMs
    const loaded = visit?.baseOf(sid)
    const { outcome, base, acked } = sessions.write(sid, toAttributes(value), { base: loaded, ttlMs, acks })
    if (outcome !== 'dropped') visit?.saw(sid, base)
    // What this request had loaded has ended meanwhile. That is no mistake of the app's, and the cluster has warned.
    else if (loaded === undefined) throw usedAgain()
    await Promise.all([acked, sessions.flushed()])
  }

  async function remove(sids: readonly string[], options: Options): Promise<void> {
    const visit = checkVisit(options)
    const acked = sids.map((sid) => {
      const destroyed = sessions.destroy(sid, { acks })
      visit?.saw(sid, undefined)
      return destroyed.acked
    })
    await Promise.all([...acked, sessions.flushed()])
  }

  return {
    name: 'sessionmesh',
    getInstance: () => cluster,
    visit: (cookieHeader) => new RequestVisit(visits.begin(cookieHeader)),

    hasItem: (key, options) => read(key, options, (sid) => sessions.has(sid)),
    // An object as it is: unstorage reads JSON in texts only.
    getItem: (key, options) => read(key, options, loadForJson) as ReturnType<Driver['getItem']>,
    getItemRaw: (key, options) => read(key, options, load),
    setItem: (key, text, options) => write(key, fromJson(prefix + key, text), options),
    setItemRaw: (key, value, options) => write(key, value, options),
    removeItem: (key, options) => remove([prefix + key], options),

    getMeta: (key, options) =>
      read(key, options, (sid) => {
        const loaded = sessions.load(sid)
        return loaded === undefined ? null : { ttl: Math.ceil(loaded.remainingMs / 1000) }
      }),
    // (Of the base of a mount unstorage says nothing.)
    getKeys: (base: string | undefined) => keys(base),
    clear: (base: string | undefined, options) =>
      remove(
        keys(base).map((key) => prefix + key),
        options,
      ),

    watch(callback) {
      const tell = (event: 'update' | 'remove') => (session: { sid: string }) => {
        const key = keyOf(session.sid)
        if (key !== undefined) callback(event, key)
      }
      const updated = tell('update')
      const removed = tell('remove')
      cluster.on('session:created', updated).on('session:changed', updated)
      cluster.on('session:destroyed', removed).on('session:expired', removed)
      const unwatch = () => {
        cluster.off('session:created', updated).off('session:changed', updated)
        cluster.off('session:destroyed', removed).off('session:expired', removed)
        watchers.delete(unwatch)
      }
      watchers.add(unwatch)
      return unwatch
    },

    /** The cluster stays: it is the app's, and others may use it. */
    dispose() {
      for (const unwatch of watchers) unwatch()
    },
  }
}

function usedAgain(): SessionMeshError {
  return new SessionMeshError(
    'SESSIONMESH_WRITE_DROPPED',
    'Nothing was stored: an item of this key was removed, and its key is never used again. ' +
      'If it was removed while this request ran, as by a logout, nothing is to be done; else store it under a new, random key.',
  )
}
