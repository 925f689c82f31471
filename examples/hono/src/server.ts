/**
 * A complete server: start it two or more times with other ports, put any load balancer in front, and each of them
 * knows every session.
 *
 *   npx -y pnpm@10 install && npx -y pnpm@10 build   (once, in a clone)
 *   PORT=3001 node dist/server.js
 *   PORT=3002 node dist/server.js
 *
 * What the environment says holds: SESSIONMESH_SECRET (without one, servers of this machine find each other),
 * SESSIONMESH_LISTEN, SESSIONMESH_PEERS. DRAIN_MS is for how long it serves on when it is asked to end: until the load
 * balancer has asked `/ready` again and sends nothing more here.
 */

import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { session } from '@sessionmesh/hono'
import { Hono } from 'hono'
import { joinCluster, shutDown } from 'sessionmesh'

declare module '@sessionmesh/hono' {
  interface SessionData {
    user: string
    views: number
  }
}

const cluster = await joinCluster({ name: 'shop' })

const app = new Hono()
// Before the sessions: what a load balancer or Kubernetes asks, again and again.
app.get('/ready', (c) => c.body(null, cluster.ready ? 200 : 503))
app.use(session({ cluster, secret: 'cookie secret' }))

app.get('/', (c) => {
  const session = c.get('session')
  session.set('views', (session.get('views') ?? 0) + 1)
  return c.json({ views: session.get('views') })
})

app.post('/login', async (c) => {
  const session = c.get('session')
  const { user = 'guest' } = await c.req.json<{ user?: unknown }>()
  // A new id at login, so that nobody can plant one beforehand.
  await session.regenerate(['views'])
  session.set('user', String(user))
  return c.json({ user: session.get('user') })
})

app.get('/me', (c) => c.json({ user: c.get('session').get('user') ?? null }))

app.post('/logout', async (c) => {
  await c.get('session').destroy()
  return c.json({ user: null })
})

const port = Number(process.env.PORT ?? 3000)
const server = createServer(getRequestListener(app.fetch)).listen(port, () => {
  console.log(`http://127.0.0.1:${port} serves ${cluster.sessions.size} sessions as ${cluster.self.name}`)
})

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, close)

async function close() {
  await shutDown(server, cluster, { drainMs: Number(process.env.DRAIN_MS ?? 0) })
  // (A worker of node:cluster lives as long as the channel to its primary.)
  process.disconnect?.()
}
