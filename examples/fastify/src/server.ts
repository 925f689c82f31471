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

import { session } from '@sessionmesh/fastify'
import { fastify } from 'fastify'
import { joinCluster, shutDown } from 'sessionmesh'

declare module 'fastify' {
  interface Session {
    user?: string
    views?: number
  }
}

const cluster = await joinCluster({ name: 'shop' })

const app = fastify()
// Before the sessions: what a load balancer or Kubernetes asks, again and again.
app.get('/ready', async (_request, reply) => reply.code(cluster.ready ? 200 : 503).send())

await app.register(session, {
  cluster,
  secret: 'a cookie secret of 32 characters or more', // the same for all servers
  saveUninitialized: false,
  cookie: { secure: false }, // over HTTPS leave it out
})

app.get('/', async ({ session }) => {
  session.views = (session.views ?? 0) + 1
  return { views: session.views }
})

app.post<{ Body: { user?: string } | null }>('/login', async (request) => {
  // A new id at login, so that nobody can plant one beforehand.
  await request.session.regenerate()
  request.session.user = String(request.body?.user ?? 'guest')
  return { user: request.session.user }
})

app.get('/me', async ({ session }) => ({ user: session.user ?? null }))

app.post('/logout', async ({ session }) => {
  await session.destroy()
  return { user: null }
})

const port = Number(process.env.PORT ?? 3000)
await app.listen({ host: '0.0.0.0', port })
console.log(`http://127.0.0.1:${port} serves ${cluster.sessions.size} sessions as ${cluster.self.name}`)

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, close)

async function close() {
  await shutDown(app.server, cluster, { drainMs: Number(process.env.DRAIN_MS ?? 0) })
  await app.close()
  // (A worker of node:cluster lives as long as the channel to its primary.)
  process.disconnect?.()
}
