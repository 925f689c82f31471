/** What the tests of this package share: members on loopback, React Router's data routes on real ports, a client with a cookie jar. */

import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createStaticHandler, type RouteObject } from 'react-router'
import { type Cluster, type ClusterOptions, joinCluster, type Sessions } from 'sessionmesh'
import { onTestFinished } from 'vitest'

let clusters = 0

/** Members of one new cluster, linked to each other. They leave when the test ends. */
export async function join(count: number, options: Partial<ClusterOptions> = {}): Promise<Cluster[]> {
  const name = `react-router-${process.pid}-${++clusters}`
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

/** Serves data routes until the test ends, as React Router's own servers do; what they throw is told. */
export function serve(routes: RouteObject[], errors: unknown[] = []): Promise<string> {
  const handler = createStaticHandler(routes)
  return serveRequests(async (request) => {
    try {
      return await handler.queryRoute(request, { generateMiddlewareResponse: (query) => query(request) })
    } catch (error) {
      errors.push(error)
      return new Response('failed', { status: 500 })
    }
  })
}

/** Serves until the test ends; resolves with the origin. */
export async function serveRequests(respond: (request: Request) => Promise<Response>): Promise<string> {
  const server = createServer(async (req, res) => {
    const response = await respond(requestOf(req))
    res.writeHead(response.status, [...response.headers].flat())
    res.end(await response.text())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function requestOf({ url = '/', method = 'GET', headers }: IncomingMessage): Request {
  const { cookie = '' } = headers
  return new Request(new URL(url, `http://${headers.host}`), { method, headers: { cookie } })
}

export interface Reply {
  status: number
  text: string
  /** The lines of `Set-Cookie`. */
  lines: string[]
}

/** A client with cookies, the same for every origin: what a browser is to servers behind a load balancer. */
export class Client {
  readonly cookies = new Map<string, string>()

  get(url: string): Promise<Reply> {
    return this.send('GET', url)
  }

  async send(method: string, url: string): Promise<Reply> {
    const response = await fetch(url, { method, redirect: 'manual', headers: { cookie: this.header } })
    const lines = response.headers.getSetCookie()
    this.keep(...lines)
    return { status: response.status, text: await response.text(), lines }
  }

  /** As browsers do with lines of `Set-Cookie`; an empty one they ignore. */
  keep(...lines: string[]): void {
    for (const line of lines) {
      const [, name, value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (name === undefined) continue
      if (/Max-Age=0/i.test(line)) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
  }

  /** What it sends as `Cookie`. */
  get header(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }
}

export async function until(what: string, condition: () => unknown, deadlineMs = 10_000): Promise<void> {
  const end = Date.now() + deadlineMs
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`)
    await sleep(5)
  }
}
