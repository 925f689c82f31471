/** The little of a browser that a simulated user needs: requests one after another, and all cookies kept. */

import { type Agent, request } from 'node:http'
import { json } from 'node:stream/consumers'
import { ATTEMPTS_HEADER } from './proxy.js'

export interface Answer {
  status: number
  /** How many servers the proxy sent the request to. */
  attempts: number
  body: unknown
}

export class Browser {
  readonly cookies = new Map<string, string>()
  readonly #agent: Agent
  readonly #origin: string

  constructor(origin: string, agent: Agent) {
    this.#origin = origin
    this.#agent = agent
  }

  /** Rejects when the connection fails or breaks off. `origin` asks somebody else than the proxy. */
  async send(method: string, path: string, body?: unknown, origin = this.#origin): Promise<Answer> {
    const payload = body === undefined ? '' : JSON.stringify(body)
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const outgoing = request(new URL(path, origin), {
      method,
      agent: this.#agent,
      timeout: 10_000,
      headers: {
        ...(payload && { 'content-type': 'application/json' }),
        ...(cookie && { cookie }),
        'content-length': Buffer.byteLength(payload),
      },
    })
    const answer = new Promise<Answer>((resolve, reject) => {
      outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 10 s')))
      outgoing.on('error', reject)
      outgoing.on('response', (response) => {
        this.#keep(response.headers['set-cookie'] ?? [])
        const attempts = Number(response.headers[ATTEMPTS_HEADER] ?? 1)
        json(response).then((body) => resolve({ status: response.statusCode ?? 0, attempts, body }), reject)
      })
    })
    outgoing.end(payload)
    return answer
  }

  #keep(lines: readonly string[]): void {
    for (const line of lines) {
      const [pair = '', ...attributes] = line.split(';')
      const equals = pair.indexOf('=')
      const name = pair.slice(0, equals).trim()
      if (attributes.some(isOver)) this.cookies.delete(name)
      else this.cookies.set(name, pair.slice(equals + 1).trim())
    }
  }
}

/** An attribute by which the server takes a cookie back. */
function isOver(attribute: string): boolean {
  const [name = '', value = ''] = attribute.trim().split('=')
  if (name.toLowerCase() === 'max-age') return Number(value) <= 0
  return name.toLowerCase() === 'expires' && Date.parse(value) <= Date.now()
}
