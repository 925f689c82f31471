/** A user's browser, as far as sessions go: keeps cookies, sends them to whichever server it is told to. */

import { Agent, request } from 'undici'
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

export class Browser {
  readonly cookies = new Map<string, string>()

  get(url: string, path: string): Promise<Answer> {
    return this.#send('GET', url + path)
  }

  post(url: string, path: string): Promise<Answer> {
    return this.#send('POST', url + path)
  }

  /** @throws Error unless the answer is 200. */
  async #send(method: 'GET' | 'POST', url: string): Promise<Answer> {
    const headers = this.cookies.size > 0 ? { cookie: this.#cookieHeader() } : {}
    const response = await request(url, { method, headers, dispatcher: sharedAgent() })
    this.#keep(response.headers['set-cookie'])
    const text = await response.body.text()
    if (response.statusCode !== 200)
      throw new Error(`${method} ${url}: ${response.statusCode} ${text.slice(0, 500)}`)
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
