/** The way out of a server that is restarted while users go on asking. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { Server } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { badOption } from './errors.js'
import type { Cluster } from './types.js'

/** A connection that nobody has used for so long nobody is about to use. */
const IDLE_MS = 1_000

export interface ShutDownOptions {
  /**
   * How long to serve on when `cluster.ready` is false already, in ms: what the load balancer needs to find out that its
   * health check says no, and a second more. Default 0.
   */
  drainMs?: number | undefined
}

/**
 * Ends an HTTP server without a broken request, and leaves the cluster. In this order: `cluster.drain()`; `drainMs` of
 * serving as ever; no new connections, and each answer is the last on its connection; when the last one is closed,
 * `cluster.close()`, which hands over what this server may hold alone. Resolves after that.
 *
 * Other listeners (WebSockets, timers, a worker's channel of node:cluster) are for the caller to end.
 *
 * @param server of node:http, node:https or node:http2, as `app.listen()` gives it, or `app.server` of Fastify
 * @throws SessionMeshError (rejects) `SESSIONMESH_BAD_OPTION`
 */
export async function shutDown(
  server: Server,
  cluster: Cluster,
  { drainMs = 0 }: ShutDownOptions = {},
): Promise<void> {
  if (!(server instanceof Server))
    throw badOption('shutDown takes an HTTP server, as app.listen() gives it, and the cluster')
  if (!(typeof drainMs === 'number' && drainMs >= 0 && Number.isFinite(drainMs)))
    throw badOption(`drainMs is ${String(drainMs)}; give a number of milliseconds from 0 on`)
  cluster.drain()
  // A client that goes on asking on a kept connection would keep the process alive.
  server.prependListener('request', (req: IncomingMessage, res: ServerResponse) => {
    if (req.httpVersionMajor < 2 && !res.headersSent) res.setHeader('Connection', 'close')
  })
  await pause(drainMs)
  await closed(server)
  await cluster.close()
}

async function closed(server: Server): Promise<void> {
  const closeIdle = (server as { closeIdleConnections?: () => void }).closeIdleConnections
  const sweep = setInterval(() => closeIdle?.call(server), IDLE_MS)
  // The HTTP server's own `close()` would cut idle connections at once, and reset requests that are on their way on them.
  // (An error says that it does not listen.)
  await new Promise<void>((resolve) => Server.prototype.close.call(server, () => resolve()))
  clearInterval(sweep)
}
