/**
 * A complete server on h3, without Nitro: start it two or more times with other ports, put any load balancer in front,
 * and each of them knows every session. What stands in sessions.ts needs h3 alone, which is in Nitro too.
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
import { createApp, createRouter, eventHandler, readBody, setResponseStatus, toNodeListener } from 'h3'
import { joinCluster, shutDown } from 'sessionmesh'
import { Sessions } from './sessions.js'

const cluster = await joinCluster({ name: 'shop' })
const sessions = new Sessions(cluster)

const app = createApp()
const router = createRouter()
app.use(router)

// What a load balancer or Kubernetes asks, again and again.
router.get(
  '/ready',
  eventHandler((event) => {
    const { ready } = cluster
    setResponseStatus(event, ready ? 200 : 503)
    return { ready }
  }),
)

router.get(
  '/',
  eventHandler((event) =>
    sessions.serve(event, ({ data }) => {
      data.views = (data.views ?? 0) + 1
      return { views: data.views }
    }),
  ),
)

router.post(
  '/login',
  eventHandler((event) =>
    sessions.serve(event, async (session) => {
      const body = await readBody<{ user?: unknown } | undefined>(event)
      // A new id at login, so that nobody can plant one beforehand.
      await session.end()
      session.data.user = String(body?.user ?? 'guest')
      return { user: session.data.user }
    }),
  ),
)

router.get(
  '/me',
  eventHandler((event) => sessions.serve(event, ({ data }) => ({ user: data.user ?? null }))),
)

router.post(
  '/logout',
  eventHandler((event) =>
    sessions.serve(event, async (session) => {
      await session.end()
      return { user: null }
    }),
  ),
)

const port = Number(process.env.PORT ?? 3000)
const server = createServer(toNodeListener(app))
server.listen(port, () => {
  console.log(`http://127.0.0.1:${port} serves ${cluster.sessions.size} sessions as ${cluster.self.name}`)
})

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, close)

async function close() {
  await shutDown(server, cluster, { drainMs: Number(process.env.DRAIN_MS ?? 0) })
  // (A worker of node:cluster lives as long as the channel to its primary.)
  process.disconnect?.()
}
