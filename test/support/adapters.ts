/** What the tests of all adapters share, beside their sources: what they open is closed at the end of each test. */

import type { Server } from 'node:http'
import type { Cluster, Sessions } from 'sessionmesh'
import { afterEach } from 'vitest'
import { Client, type Method, type Reply } from './browser.js'
import { cleanUp, onCleanUp } from './cleanup.js'
import { listening } from './listening.js'
import { joinAll } from './local-cluster.js'

export { joinAll as join } from './local-cluster.js'
export { until } from './wait.js'

afterEach(cleanUp)

/** `cluster` with some of its sessions' methods replaced: to watch them, or to hold them up. */
export function withSessions(
  cluster: Cluster,
  replace: Partial<Sessions> | ((sessions: Sessions) => Partial<Sessions>),
): Cluster {
  const replaced = typeof replace === 'function' ? replace(cluster.sessions) : replace
  const sessions = overlaid(cluster.sessions, replaced)
  return overlaid(cluster, { sessions })
}

function overlaid<T extends object>(whole: T, replaced: Partial<T>): T {
  return new Proxy(whole, {
    get(target, name) {
      const value: unknown = Reflect.get(Object.hasOwn(replaced, name) ? replaced : target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** The first member of a new cluster, where what was written is handed over when the test says so, or is lost. */
export async function dam(members = 1) {
  const [cluster] = await joinAll(members)
  const waiting: { pass(): void; fail(error: Error): void }[] = []
  let isHanded = true
  const dammed = withSessions(cluster!, (sessions) => ({
    write(...args) {
      isHanded = false
      return sessions.write(...args)
    },
    destroy(...args) {
      isHanded = false
      return sessions.destroy(...args)
    },
    flushed() {
      if (isHanded) return undefined
      return new Promise<void>((resolve, reject) => {
        const end = (settle: () => void) => {
          isHanded = true
          settle()
        }
        waiting.push({ pass: () => end(resolve), fail: (error) => end(() => reject(error)) })
      })
    },
  }))
  return { cluster: cluster!, dammed, waiting }
}

/** `cluster` as a member is that others have forgotten: what it writes is gone, which it says in the turn of the write only. */
export function forgotten(cluster: Cluster): Cluster {
  let flush: Promise<void> | undefined
  const lose = () => {
    flush = Promise.reject(new Error('forgotten'))
    flush.catch(() => {})
    queueMicrotask(() => (flush = undefined))
  }
  return withSessions(cluster, (sessions) => ({
    write(...args) {
      lose()
      return sessions.write(...args)
    },
    destroy(...args) {
      lose()
      return sessions.destroy(...args)
    },
    flushed: () => flush,
  }))
}

/** Serves until the test ends; resolves with the origin. */
export async function serveOn(server: Server): Promise<string> {
  const { origin, close } = await listening(server)
  onCleanUp(close)
  return origin
}

/** Asks by URL, and looks at what comes: it follows no redirect. */
export class Visitor extends Client {
  get(url: string, { method, headers }: RequestInit = {}): Promise<Reply> {
    return this.send((method ?? 'GET') as Method, url, Object.fromEntries(new Headers(headers)))
  }
}

/** Something to wait for, and the way to let it happen. */
export function door(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open: () => open() }
}

/** Resolves for each of `count` callers when all of them have called. */
export function meeting(count: number): () => Promise<void> {
  const { opened, open } = door()
  let arrived = 0
  return () => {
    arrived++
    if (arrived === count) open()
    return opened
  }
}
