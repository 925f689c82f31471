/**
 * A complete server of React Router's data routes: start it two or more times with other ports, put any load balancer
 * in front, and each of them knows every session.
 *
 *   npx -y pnpm@10 install && npx -y pnpm@10 build   (once, in a clone)
 *   PORT=3001 node dist/server.js
 *   PORT=3002 node dist/server.js
 *
 * What the environment says holds: SESSIONMESH_SECRET (without one, servers of this machine find each other),
 * SESSIONMESH_LISTEN, SESSIONMESH_PEERS. DRAIN_MS is for how long it serves on when it is asked to end: until the load
 * balancer has asked `/ready` again and sends nothing more here.
 *
 * In framework mode `sessions.ts` and what the loaders and actions do stay as they are, and a server such as the one
 * of @react-router/express stands in the place of `respond`.
 */

import { createServer, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { createStaticHandler, isRouteErrorResponse } from 'react-router'
import { shutDown } from 'sessionmesh'
import { routes } from './routes.js'
import { cluster } from './sessions.js'

const handler = createStaticHandler(routes)

const server = createServer(async (req, res) => {
  const response = await respond(req)
  res.writeHead(response.status, [...response.headers].flat())
  res.end(Buffer.from(await response.arrayBuffer()))
})

async function respond(req: IncomingMessage): Promise<Response> {
  try {
    const request = await requestOf(req)
    return await handler.queryRoute(request, { generateMiddlewareResponse: (query) => query(request) })
  } catch (error) {
    if (isRouteErrorResponse(error)) return new Response(error.statusText, { status: error.status })
    console.error(error)
    return new Response('Internal Server Error', { status: 500 })
  }
}

async function requestOf(req: IncomingMessage): Promise<Request> {
  const { method = 'GET', url = '/' } = req
  const headers = new Headers({ Cookie: req.headers.cookie ?? '' })
  const body = method === 'GET' || method === 'HEAD' ? null : await buffer(req)
  return new Request(new URL(url, 'http://localhost'), { method, headers, body })
}

const port = Number(process.env.PORT ?? 3000)
server.listen(port, () => {
  console.log(`http://127.0.0.1:${port} serves ${cluster.sessions.size} sessions as ${cluster.self.name}`)
})

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, close)

async function close() {
  await shutDown(server, cluster, { drainMs: Number(process.env.DRAIN_MS ?? 0) })
  // (A worker of node:cluster lives as long as the channel to its primary.)
  process.disconnect?.()
}
