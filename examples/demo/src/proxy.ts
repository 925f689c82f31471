/**
 * The load balancer: plain round robin, no sticky sessions. The forwarding is httpxy's; what is added here is
 * the choice of the server, and moving a request on when a server does not answer.
 *
 * Which requests may be sent a second time? One whose connection was refused reached nobody: any. Otherwise
 * the first server may have carried it out before it died, or may still do so when it thaws. HTTP lets a proxy
 * repeat only methods that are idempotent (RFC 9110, 9.2.2), and so does this one. The demo's writes are all
 * PUT and DELETE, and idempotent by design (shop.ts).
 */

import { Agent, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { createProxyServer } from 'httpxy'

interface Backend {
  url: string
  /** Failed the last time it was asked. */
  failed: boolean
  /** Until then nothing is sent to it, unless nobody else answers. */
  skipUntil: number
  /** A request is out to see whether it answers again; one at a time is enough. */
  probing: boolean
}

/**
 * How long a server may take to answer. A frozen one still accepts connections, so only silence tells. Shorter
 * than a member waits before it serves a read that it knows to be stale (`waitMs` and `askTimeoutMs`): the
 * request has moved on by then, to a server that knows better.
 */
const ANSWER_MS = 750
/** A stream says something once a second, and ends with a server that is frozen. */
const SILENT_STREAM_MS = 3_000
const SKIP_MS = 1_000
const MAX_BODY_BYTES = 64 * 1024
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

/** Tells the client how many servers its request was sent to. */
export const ATTEMPTS_HEADER = 'x-demo-attempts'

export class Balancer {
  /** Requests that were answered by another server than the first one asked. */
  movedOn = 0
  readonly #backends: Backend[]
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 })
  readonly #proxy = createProxyServer()
  #next = 0

  constructor(urls: readonly string[]) {
    this.#backends = urls.map((url) => ({ url, failed: false, skipUntil: 0, probing: false }))
  }

  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const body = await readBody(req)
    if (body === undefined) return refuse(res, 413, 'the request is too large')
    let attempts = 0
    for (const backend of this.#candidates(IDEMPOTENT.has(req.method ?? ''))) {
      res.setHeader(ATTEMPTS_HEADER, ++attempts)
      const error = await this.#attempt(backend, req, res, body)
      if (error === undefined) {
        if (attempts > 1) this.movedOn++
        return
      }
      // Half an answer is out: it cannot be taken back, the client has to see that it broke off.
      if (res.headersSent || res.destroyed) return void res.destroy()
      if (!mayMoveOn(req, error)) break
    }
    refuse(res, 503, 'no server answers')
  }

  close(): void {
    this.#agent.destroy()
  }

  /** Every server once: first those that answer, in turn, then as a last resort those being skipped. */
  #candidates(mayProbe: boolean): Backend[] {
    const now = performance.now()
    // (What cannot be sent a second time is no way to see whether a server answers again.)
    const isSkipped = ({ failed, probing, skipUntil }: Backend) =>
      failed && (!mayProbe || probing || now < skipUntil)
    const answering = this.#backends.filter((backend) => !isSkipped(backend))
    // Turns are taken among those that answer, or the one after a dead server would get its share as well.
    const start = this.#next++ % Math.max(1, answering.length)
    return [...answering.slice(start), ...answering.slice(0, start), ...this.#backends.filter(isSkipped)]
  }

  async #attempt(
    backend: Backend,
    req: IncomingMessage,
    res: ServerResponse,
    body: Buffer,
  ): Promise<unknown | undefined> {
    backend.probing = backend.failed
    try {
      await this.#proxy.web(req, res, {
        target: backend.url,
        agent: this.#agent,
        proxyTimeout: req.url?.endsWith('/live') ? SILENT_STREAM_MS : ANSWER_MS,
        buffer: Readable.from(body.length > 0 ? [body] : []),
      })
      backend.failed = false
      return undefined
    } catch (error) {
      backend.failed = true
      backend.skipUntil = performance.now() + SKIP_MS
      return error ?? new Error('the request failed')
    } finally {
      backend.probing = false
    }
  }
}

function mayMoveOn(req: IncomingMessage, error: unknown): boolean {
  const wasRefused = error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED'
  return wasRefused || IDEMPOTENT.has(req.method ?? '')
}

/** The body is kept whole, to be sent again; `undefined` if it is too large for that. */
async function readBody(req: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of req) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) return undefined
  }
  return Buffer.concat(chunks)
}

function refuse(res: ServerResponse, status: number, error: string): void {
  res.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
  res.end(JSON.stringify({ error }))
}
