/**
 * A server that tells how it is: Kubernetes, a load balancer, and people.
 *
 *   npx -y pnpm@10 install && npx -y pnpm@10 build   (once, in a clone)
 *   PORT=3001 OPS_PORT=9464 node dist/server.js
 *   PORT=3002 OPS_PORT=9465 node dist/server.js
 *   curl http://127.0.0.1:9464/status
 *
 * `/ready`, where users come in: send requests here. `/live`, at a port that is not for users: do not restart it. `/status`,
 * there too: what it knows, as JSON. That port is open to this machine alone, unless OPS_HOST says otherwise. All else is as
 * in examples/express.
 */

import { once } from 'node:events'
import { session } from '@sessionmesh/express'
import express from 'express'
import { type Cluster, joinCluster, shutDown } from 'sessionmesh'
import { health } from './health.js'

declare module 'express-session' {
  interface SessionData {
    views: number
  }
}

// Before it joins: that may take a while when there are many sessions, and is no reason to restart it.
let joined: Cluster | undefined
const opsServer = health(() => joined).listen(
  Number(process.env.OPS_PORT ?? 9464),
  process.env.OPS_HOST ?? '127.0.0.1',
)
await once(opsServer, 'listening')

const cluster = await joinCluster({ name: 'shop' })
joined = cluster

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
  // Last: a server that hands over is alive.
  opsServer.close()
}
