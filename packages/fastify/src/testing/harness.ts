/** What the tests of this package share: members on loopback, apps on real ports, a client with a cookie jar. */

import { setTimeout as sleep } from 'node:timers/promises'
import { type FastifyInstance, type FastifyRequest, type FastifyServerOptions, fastify } from 'fastify'
import { type Cluster, type ClusterOptions, joinCluster, type Sessions } from 'sessionmesh'
import { onTestFinished } from 'vitest'
import type { MeshSessionOptions } from '../options.js'
import { session } from '../session.js'

declare module 'fastify' {
  // As an application does it; what is declared here must be known to `request.session`.
  interface Session {
    user?: string
    cart?: string[]
    count?: number
    value?: unknown
  }
}

let clusters = 0

/** Members of one new cluster, linked to each other. They leave when the test ends. */
export async function join(count: number, options: Partial<ClusterOptions> = {}): Promise<Cluster[]> {
  const name = `fastify-${process.pid}-${++clusters}`
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

export const DEFAULTS = {
  secret: 'a cookie secret of thirty-two characters or more',
  saveUninitialized: false,
}

/** An app with `session` on `cluster`. */
export async function appOn(
  cluster: Cluster,
  options: Partial<MeshSessionOptions> = {},
  server: FastifyServerOptions = {},
): Promise<FastifyInstance> {
  const app = fastify({ forceCloseConnections: true, ...server })
  await app.register(session, {
    ...DEFAULTS,
    cluster,
    ...options,
    cookie: { secure: false, ...options.cookie },
  })
  return app
}

/** Serves until the test ends; resolves with the origin. */
export async function serve(app: FastifyInstance): Promise<string> {
  onTestFinished(() => app.close())
  return app.listen({ host: '127.0.0.1', port: 0 })
}

export interface Reply {
  status: number
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
    return { status: response.status, text: await response.text(), set }
  }

  /** The id of the session that this client has. */
  get sid(): string {
    return decodeURIComponent(this.cookies.get('sessionId') ?? '').split('.')[0] ?? ''
  }
}

export type Handler = (request: FastifyRequest) => unknown

/** One member with one route per handler; records which of the sessions' methods were called. */
export async function site(handlers: Record<string, Handler>, options: Partial<MeshSessionOptions> = {}) {
  const [cluster] = await join(1)
  const calls: string[] = []
  const watched = withSessions(cluster!, (sessions) => ({
    write: (sid, data, given) => {
      const result = sessions.write(sid, data, given)
      calls.push(result.outcome)
      return result
    },
    touch: (sid, given) => {
      calls.push('touch')
      return sessions.touch(sid, given)
    },
    destroy: (sid, given) => {
      calls.push('destroy')
      return sessions.destroy(sid, given)
    },
  }))
  const app = await appOn(watched, options)
  for (const [path, handler] of Object.entries(handlers))
    app.get(`/${path}`, async (request) => handler(request))
  const origin = await serve(app)
  const client = new Client()
  /** Requests `path` and returns what it called, with the reply. */
  const visit = async (path: string) => {
    calls.length = 0
    const reply = await client.get(`${origin}/${path}`)
    return { calls: [...calls], reply, cookie: reply.set.sessionId }
  }
  return { app, client, cluster: cluster!, origin, sessions: cluster!.sessions, visit }
}

export async function until(what: string, condition: () => boolean, deadlineMs = 10_000): Promise<void> {
  const end = Date.now() + deadlineMs
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`)
    await sleep(5)
  }
}
