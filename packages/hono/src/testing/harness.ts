/** What the tests of this package share: members on loopback, apps on real ports, a client with a cookie jar. */

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { type Cluster, type ClusterOptions, joinCluster, type Sessions } from 'sessionmesh'
import { onTestFinished } from 'vitest'
import type { MeshSessionOptions } from '../options.js'
import { session } from '../session.js'

declare module '../index.js' {
  // As an application does it; what is declared here must be known to `c.get('session')`.
  interface SessionData {
    user: string
    cart: string[]
    count: number
    value: unknown
  }
}

let clusters = 0

/** Members of one new cluster, linked to each other. They leave when the test ends. */
export async function join(count: number, options: Partial<ClusterOptions> = {}): Promise<Cluster[]> {
  const name = `hono-${process.pid}-${++clusters}`
  const members: Cluster[] = []
  for (let i = 0; i < count; i++) {
    const peers = members.map(({ self }) => self.address)
    const member = await joinCluster({ name, listen: { port: 0 }, peers, ...options })
    members.push(member)
    onTestFinished(() => member.close())
  }
  await until('all members see each other', () =>
    members.every((member) => member.members().filter(({ state }) => state === 'alive').length === count),
  )
  return members
}

/** `cluster` with some of its sessions' methods replaced: to watch them, or to hold them up. */
export function withSessions(cluster: Cluster, replace: (sessions: Sessions) => Partial<Sessions>): Cluster {
  const replaced = replace(cluster.sessions)
  const sessions = new Proxy(cluster.sessions, {
    get(target, name) {
      const value: unknown = Reflect.get(Object.hasOwn(replaced, name) ? replaced : target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return new Proxy(cluster, {
    get: (target, name) => (name === 'sessions' ? sessions : Reflect.get(target, name, target)),
  })
}

/** A cluster of one where what was written is handed over when the test says so. */
export async function dam() {
  const [cluster] = await join(1)
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
      return new Promise<void>((resolve, fail) => {
        const pass = () => {
          isHanded = true
          resolve()
        }
        waiting.push({ pass, fail })
      })
    },
  }))
  return { cluster: cluster!, dammed, waiting }
}

export const SECRET = 'cookie secret'

/** An app with session() on `cluster`; what comes to its error handler is added to `errors`. */
export function appOn(
  cluster: Cluster,
  options: Partial<MeshSessionOptions> = {},
  errors: unknown[] = [],
): Hono {
  const app = new Hono()
  app.use(session({ cluster, secret: SECRET, ...options }))
  app.onError((error, c) => {
    errors.push(error)
    return c.text('failed', 500)
  })
  return app
}

/** Serves until the test ends; resolves with the origin. */
export async function serve(app: Pick<Hono, 'fetch'>): Promise<string> {
  const server = createAdaptorServer({ fetch: app.fetch })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    if ('closeAllConnections' in server) server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export interface Reply {
  status: number
  headers: Headers
  text: string
  /** The Set-Cookie headers of this response, by cookie name. */
  set: Record<string, string>
}

/** A client with cookies, the same for every origin: what a browser is to servers behind a load balancer. */
export class Client {
  readonly cookies = new Map<string, string>()

  async get(url: string, init: RequestInit = {}): Promise<Reply> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, { redirect: 'manual', ...init, headers: { cookie, ...init.headers } })
    const set: Record<string, string> = {}
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      set[name] = line
      if (/Max-Age=0/i.test(line)) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    return { status: response.status, headers: response.headers, text: await response.text(), set }
  }

  /** The id of the session that this client has. */
  get sid(): string {
    return decodeURIComponent(this.cookies.get('sid') ?? '').split('.')[0]!
  }
}

export async function until(what: string, condition: () => boolean, deadlineMs = 10_000): Promise<void> {
  const end = Date.now() + deadlineMs
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`)
    await sleep(5)
  }
}

/** Something to wait for, and the way to let it happen. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}
