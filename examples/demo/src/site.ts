/**
 * What listens at the proxy's address: the page, the switches of the servers, and the proxy for all the rest.
 * The page comes from here, not from the servers, so that it still works when a person has killed them all.
 */

import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { ActionError } from './fleet.js'
import type { Balancer } from './proxy.js'

/** What the page may do to a server. */
export const ACTIONS = ['kill', 'freeze', 'thaw', 'leave', 'start'] as const
export type Action = (typeof ACTIONS)[number]

export interface Switches {
  /** What the page shows, as JSON. */
  state(): unknown
  /** @throws ActionError with a message for the person. */
  act(server: number, action: Action): Promise<void>
}

const FILES = new Map(
  Object.entries({
    '/': ['index.html', 'text/html; charset=utf-8'],
    '/page.css': ['page.css', 'text/css; charset=utf-8'],
    '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
  } satisfies Record<string, [string, string]>).map(([path, [file, type]]) => {
    return [path, { type, content: readFileSync(new URL(`../public/${file}`, import.meta.url)) }]
  }),
)

const SWITCH = /^\/demo\/servers\/([1-9])\/([a-z]+)$/

export function createSite(balancer: Balancer, switches: Switches): Server {
  return createServer((req, res) => {
    answer(req, res).catch(() => res.destroy())
  })

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = req.url?.split('?', 1)[0] ?? '/'
    const file = FILES.get(path)
    const [, number, action] = SWITCH.exec(path) ?? []
    if (file !== undefined) return sendFile(res, file)
    if (path === '/demo/whoami') return sendJson(res, 200, { demo: 'the proxy', pid: process.pid })
    if (path === '/demo/state') return sendJson(res, 200, switches.state())
    if (number !== undefined) return flip(req, res, Number(number), action)
    await balancer.handle(req, res)
  }

  async function flip(req: IncomingMessage, res: ServerResponse, server: number, wanted: string | undefined) {
    const action = ACTIONS.find((known) => known === wanted)
    // A header that another site's page cannot send without being asked first: nobody else flips our switches.
    if (req.method !== 'POST' || req.headers['x-demo'] === undefined || action === undefined) {
      return sendJson(res, 400, { error: `POST one of ${ACTIONS.join(', ')} with a header x-demo` })
    }
    try {
      await switches.act(server, action)
      sendJson(res, 200, switches.state())
    } catch (error) {
      if (!(error instanceof ActionError)) throw error
      sendJson(res, 409, { error: error.message })
    }
  }
}

function sendFile(res: ServerResponse, file: { type: string; content: Buffer }): void {
  res.writeHead(200, {
    'content-type': file.type,
    'content-security-policy': "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    'cache-control': 'no-cache',
  })
  res.end(file.content)
}

function sendJson(res: ServerResponse, status: number, value: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  res.end(JSON.stringify(value))
}
