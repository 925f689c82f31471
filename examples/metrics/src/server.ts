/**
 * A server that Prometheus scrapes: the metrics of sessionmesh, and what prom-client knows of the process.
 *
 *   npx -y pnpm@10 install && npx -y pnpm@10 build   (once, in a clone)
 *   PORT=3001 OPS_PORT=9464 node dist/server.js
 *   PORT=3002 OPS_PORT=9465 node dist/server.js
 *   curl http://127.0.0.1:9464/metrics
 *
 * The metrics are at a port of their own, which is not for users: on this machine alone, unless OPS_HOST says otherwise. All
 * else is as in examples/express.
 */

import { once } from 'node:events'
import { session } from '@sessionmesh/express'
import { metrics } from '@sessionmesh/metrics/prometheus'
import express from 'express'
import { collectDefaultMetrics, register } from 'prom-client'
import { joinCluster, shutDown } from 'sessionmesh'

declare module 'express-session' {
  interface SessionData {
    views: number
  }
}

const cluster = await joinCluster({ name: 'shop' })
metrics(cluster)
collectDefaultMetrics()

const ops = express()
ops.get('/metrics', async (_req, res) => {
  res.type(register.contentType).send(await register.metrics())
})
const opsServer = ops.listen(Number(process.env.OPS_PORT ?? 9464), process.env.OPS_HOST ?? '127.0.0.1')
await once(opsServer, 'listening')

const app = express()
app.get('/ready', (_req, res) => {
  res.sendStatus(cluster.ready ? 200 : 503)
})
app.use(session({ cluster, secret: 'cookie secret', resave: false, saveUninitialized: false }))
app.get('/', (req, res) => {
  req.session.views = (req.session.views ?? 0) + 1
  res.json({ views: req.session.views })
})

const port = Number(process.env.PORT ?? 3000)
const server = app.listen(port, (error) => {
  if (error) throw error
  console.log(`http://127.0.0.1:${port} serves ${cluster.sessions.size} sessions as ${cluster.self.name}`)
})

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, close)

async function close() {
  await shutDown(server, cluster, { drainMs: Number(process.env.DRAIN_MS ?? 0) })
  opsServer.close()
}
