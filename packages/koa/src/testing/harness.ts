/** What the tests of this package share: members on loopback, apps on real ports, a client with a cookie jar. */

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import Koa, { type Context } from 'koa'
import {
  type Cluster,
  type ClusterOptions,
  joinCluster,
  type SessionMeshError,
  type Sessions,
} from 'sessionmesh'
import { onTestFinished } from 'vitest'
import type { MeshSessionOptions } from '../options.js'
import { session } from '../session.js'

declare module '../types.js' {
  // As an application does it, with '@sessionmesh/koa' for the name.
  interface SessionData {
    user: string
    count: number
    value: unknown
  }
}

export type Handler = (ctx: Context) => unknown

let clusters = 0

/** Members of one new cluster, linked to each other. They leave when the test ends. */
export async function join(count: number, options: Partial<ClusterOptions> = {}): Promise<Cluster[]> {
  const name = `koa-${process.pid}-${++clusters}`
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
export function withSessions(cluster: Cluster, replaced: Partial<Sessions>): Cluster {
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

export interface Site {
  readonly app: Koa
  readonly origin: string
  /** Codes of the errors that reached the app, or their messages. */
  readonly errors: unknown[]
}

/** An app that answers `/name` with `handlers[name]`, until the test ends. */
export async function serve(
  cluster: Cluster,
  handlers: Readonly<Record<string, Handler>>,
  options: Partial<MeshSessionOptions> = {},
  AnyKoa: typeof Koa = Koa,
): Promise<Site> {
  const app = new AnyKoa()
  app.keys = ['cookie secret']
  const errors: unknown[] = []
  app.on('error', (error: SessionMeshError) => errors.push(error.code ?? error.message))
  app.use(session({ cluster, ...options }, app))
  app.use((ctx) => handlers[ctx.path.slice(1)]?.(ctx))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { app, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, errors }
}

export interface Reply {
  readonly status: number
  readonly text: string
  /** The Set-Cookie headers of this response, by cookie name. */
  readonly set: Record<string, string>
}

/** A client with cookies, the same for every origin: what a browser is to servers behind a load balancer. */
export class Client {
  readonly cookies = new Map<string, string>()

  async get({ origin }: Site, path: string, headers: Record<string, string> = {}): Promise<Reply> {
    const response = await this.ask(origin, path, headers)
    return { status: response.status, text: await response.text(), set: this.keep(response) }
  }

  ask(origin: string, path: string, headers: Record<string, string> = {}): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    return fetch(`${origin}/${path}`, { redirect: 'manual', headers: { cookie, ...headers } })
  }

  keep(response: Response): Record<string, string> {
    const set: Record<string, string> = {}
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      set[name] = line
      if (/Max-Age=0|Expires=Thu, 01 Jan 1970/i.test(line)) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    return set
  }

  copy(): Client {
    const copy = new Client()
    for (const [name, value] of this.cookies) copy.cookies.set(name, value)
    return copy
  }

  get sid(): string {
    return this.cookies.get('koa.sess') ?? ''
  }
}

export async function until(what: string, condition: () => boolean, deadlineMs = 10_000): Promise<void> {
  const end = Date.now() + deadlineMs
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`)
    await sleep(5)
  }
}

/** A promise and what resolves it. */
export function door(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open: () => open() }
}
