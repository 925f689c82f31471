/**
 * NestJS on its default platform, Express: start it two or more times with other ports, and each of them knows every
 * session.
 *
 *   npx -y pnpm@10 install && npx -y pnpm@10 build   (once, in a clone)
 *   PORT=3001 node dist/server.js
 *   PORT=3002 node dist/server.js
 */

import 'reflect-metadata'
import { NestFactory } from '@nestjs/core'
import { session } from '@sessionmesh/express'
import type { Request, Response } from 'express'
import { joinCluster, shutDown } from 'sessionmesh'
import { AppModule } from './app.js'

const cluster = await joinCluster({ name: 'shop' })
const app = await NestFactory.create(AppModule, { logger: ['warn', 'error'] })

// Before the sessions: what a load balancer or Kubernetes asks, again and again.
app.use('/ready', (_req: Request, res: Response) => {
  res.sendStatus(cluster.ready ? 200 : 503)
})
app.use(session({ cluster, secret: 'cookie secret', resave: false, saveUninitialized: false }))

const port = Number(process.env.PORT ?? 3000)
await app.listen(port)
console.log(`http://127.0.0.1:${port} serves ${cluster.sessions.size} sessions as ${cluster.self.name}`)

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, close)

async function close() {
  await shutDown(app.getHttpServer(), cluster, { drainMs: Number(process.env.DRAIN_MS ?? 0) })
  await app.close()
  // (A worker of node:cluster lives as long as the channel to its primary.)
  process.disconnect?.()
}
