/** A user's browser, as far as sessions go: keeps cookies, sends them to whichever server it is told to. */

import { Agent, type Dispatcher, request } from 'undici'
import { onCleanUp } from './cleanup.js'
import type { Answer } from './member-protocol.js'

const DEADLINE_MS = 15_000

let agent: Agent | undefined

/** One pool for all browsers: a connection belongs to no user, as behind a load balancer. */
function sharedAgent(): Agent {
  if (agent === undefined) {
    const opened = new Agent({ connections: 64, headersTimeout: DEADLINE_MS, bodyTimeout: DEADLINE_MS })
    agent = opened
    onCleanUp(() => {
      agent = undefined
      return opened.destroy()
    })
  }
  return agent
}

/** What came back, whatever the status. */
export interface Reply {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  /** The lines of `Set-Cookie`. */
  lines: string[]
  /** The same by the names of the cookies. */
  set: Record<string, string>
}

export type Method = 'GET' | 'HEAD' | 'POST'

/** What is sent beyond the path. */
export interface Asked {
  /** Default: GET, or POST if there is a body. */
  method?: Method
  /** The body. */
  json?: unknown
}

/** A client with cookies, the same for every origin: what a browser is to servers behind a load balancer. */
export class Client {
  readonly cookies = new Map<string, string>()
  readonly #connections: Dispatcher | undefined

  /** @param connections those that it uses; default: it shares them with all others */
  constructor(connections?: Dispatcher) {
    this.#connections = connections
  }

  /** What it sends as `Cookie`. */
  get header(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  /** One request with the cookies of this moment; those that came are kept when it resolves. */
  async send(
    method: Method,
    url: string,
    headers: Record<string, string> = {},
    body?: string,
  ): Promise<Reply> {
    const cookie = this.cookies.size > 0 ? { cookie: this.header } : {}
    const response = await request(url, {
      method,
      headers: { ...headers, ...cookie },
      dispatcher: this.#connections ?? sharedAgent(),
      ...(body !== undefined && { body }),
    })
    const text = await response.body.text()
    const lines = [response.headers['set-cookie'] ?? []].flat()
    this.keep(...lines)
    return { status: response.statusCode, headers: response.headers, text, lines, set: byName(lines) }
  }

  /** As `send`, and where that is a redirect, what is behind it. */
  async visit(server: { origin: string }, path: string, asked: Asked = {}): Promise<Reply> {
    const url = server.origin + path
    const { json, method = json === undefined ? 'GET' : 'POST' } = asked
    const reply =
      json === undefined
        ? await this.send(method, url)
        : await this.send(method, url, { 'content-type': 'application/json' }, JSON.stringify(json))
    const { location } = reply.headers
    if (reply.status < 300 || reply.status >= 400 || location === undefined) return reply
    return this.send('GET', new URL(String(location), url).href)
  }

  /**
   * The JSON that `visit` brings.
   * @throws Error with `status` unless the answer is 200.
   */
  async ask(server: { origin: string }, path: string, asked: Asked = {}): Promise<unknown> {
    const { status, text } = await this.visit(server, path, asked)
    if (status === 200) return JSON.parse(text)
    throw Object.assign(new Error(`${server.origin}${path}: ${status} ${text.slice(0, 500)}`), { status })
  }

  /** As browsers do with lines of `Set-Cookie`; an empty one they ignore. */
  keep(...lines: string[]): void {
    for (const line of lines) {
      const [pair = '', ...attributes] = line.split('; ')
      const split = pair.indexOf('=')
      if (split < 1) continue
      const name = pair.slice(0, split)
      if (attributes.some(hasExpired)) this.cookies.delete(name)
      else this.cookies.set(name, pair.slice(split + 1))
    }
  }

  /** Another one with the cookies of this moment. */
  copy(): this {
    const copy = new (this.constructor as new (connections?: Dispatcher) => this)(this.#connections)
    for (const [name, value] of this.cookies) copy.cookies.set(name, value)
    return copy
  }
}

/** At servers with the app of the member processes. */
export class Browser extends Client {
  get(url: string, path: string): Promise<Answer> {
    return this.ask({ origin: url }, path) as Promise<Answer>
  }

  post(url: string, path: string): Promise<Answer> {
    return this.ask({ origin: url }, path, { method: 'POST' }) as Promise<Answer>
  }
}

function byName(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line]))
}

/** Was sent to be dropped. (One that ends soon is kept, so that tests see what its server makes of it.) */
function hasExpired(attribute: string): boolean {
  const [name, value = ''] = attribute.split('=')
  if (name?.toLowerCase() === 'max-age') return Number(value) <= 0
  // In whole seconds: what lives for 300 ms seems to have ended when it comes.
  return name?.toLowerCase() === 'expires' && Date.parse(value) <= Date.now() - 1_000
}
