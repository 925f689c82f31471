/**
 * NestJS on its default platform, Express: start it two or more times with other ports, and each of them knows every
 * session.
 *
 *   npx -y pnpm@10 install && npx -y pnpm@10 build   (once, in a clone)
 *   PORT=3001 node dist/server.js
 *   PORT=3002 node dist/server.js
 */

import 'reflect-metadata'
import { Server } from 'node:net'
import { NestFactory } from '@nestjs/core'
import { session } from '@sessionmesh/express'
import type { NextFunction, Request, Response } from 'express'
import { joinCluster } from 'sessionmesh'
import { AppModule } from './app.js'

const cluster = await joinCluster({ name: 'shop' })
const app = await NestFactory.create(AppModule, { logger: ['warn', 'error'] })

app.use((_req: Request, res: Response, next: NextFunction) => {
  if (!cluster.ready) res.set('Connection', 'close')
  next()
})
// Before the sessions: what a load balancer or Kubernetes asks, again and again.
app.use('/ready', (_req: Request, res: Response) => {
  res.sendStatus(cluster.ready ? 200 : 503)
})
app.use(session({ cluster, secret: 'cookie secret', resave: false, saveUninitialized: false }))

const port = Number(process.env.PORT ?? 3000)
await app.listen(port)
console.log(`http://127.0.0.1:${port} serves ${cluster.sessions.size} sessions as ${cluster.self.name}`)

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, close)

/** First the requests under way, then the cluster: it hands over what they wrote. Then nothing is left to run. */
function close() {
  cluster.drain()
  const server = app.getHttpServer()
  Server.prototype.close.call(server, async () => {
    await cluster.close()
    await app.close()
  })
  setInterval(() => server.closeIdleConnections(), 1_000).unref()
}
