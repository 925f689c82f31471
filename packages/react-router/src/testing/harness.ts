/** Beside what the tests of all adapters share: React Router's data routes on real ports. */

import { createServer, type IncomingMessage } from 'node:http'
import { createStaticHandler, type RouteObject } from 'react-router'
import { serveOn } from '../../../../test/support/adapters.js'

export * from '../../../../test/support/adapters.js'
export { Visitor as Client } from '../../../../test/support/adapters.js'

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
export function serveRequests(respond: (request: Request) => Promise<Response>): Promise<string> {
  const server = createServer(async (req, res) => {
    const response = await respond(requestOf(req))
    res.writeHead(response.status, [...response.headers].flat())
    res.end(await response.text())
  })
  return serveOn(server)
}

function requestOf({ url = '/', method = 'GET', headers }: IncomingMessage): Request {
  const { cookie = '' } = headers
  return new Request(new URL(url, `http://${headers.host}`), { method, headers: { cookie } })
}
