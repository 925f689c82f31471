/** A user's browser, as far as sessions go: keeps cookies, sends them to whichever server it is told to. */

import { Agent, type Dispatcher, request } from 'undici'
import { onCleanUp } from './cleanup.js'
import type { Answer } from './member-app.js'

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
}

export class Browser {
  readonly cookies = new Map<string, string>()
  readonly #connections: () => Dispatcher

  /** @param connections those that it uses; default: it shares them with all others */
  constructor(connections?: Dispatcher) {
    this.#connections = connections ? () => connections : sharedAgent
  }

  get(url: string, path: string): Promise<Answer> {
    return this.#ask('GET', url + path)
  }

  post(url: string, path: string): Promise<Answer> {
    return this.#ask('POST', url + path)
  }

  /** One request with the cookies of this moment; those that came are kept when it resolves. */
  async send(method: 'GET' | 'POST', url: string, headers: Record<string, string> = {}): Promise<Reply> {
    const cookie = this.cookies.size > 0 ? { cookie: this.#cookieHeader() } : {}
    const response = await request(url, {
      method,
      headers: { ...headers, ...cookie },
      dispatcher: this.#connections(),
    })
    const text = await response.body.text()
    this.#keep(response.headers['set-cookie'])
    return { status: response.statusCode, headers: response.headers, text }
  }

  /** @throws Error with `status` unless the answer is 200. */
  async #ask(method: 'GET' | 'POST', url: string): Promise<Answer> {
    const { status, text } = await this.send(method, url)
    if (status !== 200)
      throw Object.assign(new Error(`${method} ${url}: ${status} ${text.slice(0, 500)}`), { status })
    const answer: Answer = JSON.parse(text)
    return answer
  }

  #cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  #keep(header: string | string[] | undefined): void {
    for (const line of header === undefined ? [] : [header].flat()) {
      const [pair = '', ...attributes] = line.split('; ')
      const split = pair.indexOf('=')
      const name = pair.slice(0, split)
      if (attributes.some(hasExpired)) this.cookies.delete(name)
      else this.cookies.set(name, pair.slice(split + 1))
    }
  }
}

function hasExpired(attribute: string): boolean {
  const [name, value = ''] = attribute.split('=')
  if (name?.toLowerCase() === 'max-age') return Number(value) <= 0
  return name?.toLowerCase() === 'expires' && Date.parse(value) <= Date.now()
}
