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

import { json } from 'node:stream/consumers'
import { session } from '@sessionmesh/koa'
import Koa from 'koa'
import { joinCluster, shutDown } from 'sessionmesh'

declare module '@sessionmesh/koa' {
  interface SessionData {
    user: string
    views: number
  }
}

const cluster = await joinCluster({ name: 'shop' })

const app = new Koa()
// They sign the session cookie, and are the same on all servers.
app.keys = ['cookie secret']
app.use(async (ctx, next) => {
  // Before the sessions: what a load balancer or Kubernetes asks, again and again.
  if (ctx.path === '/ready') ctx.status = cluster.ready ? 200 : 503
  else await next()
})
app.use(session({ cluster }, app))

app.use(async (ctx) => {
  switch (`${ctx.method} ${ctx.path}`) {
    case 'GET /':
      ctx.session!.views = (ctx.session!.views ?? 0) + 1
      ctx.body = { views: ctx.session!.views }
      break
    case 'POST /login':
      // A new id at login, so that nobody can plant one beforehand.
      await ctx.session!.regenerate()
      ctx.session!.user = String(((await json(ctx.req)) as { user?: string }).user ?? 'guest')
      ctx.body = { user: ctx.session!.user }
      break
    case 'GET /me':
      ctx.body = { user: ctx.session!.user ?? null }
      break
    case 'POST /logout':
      ctx.session = null
      ctx.body = { user: null }
  }
})

const port = Number(process.env.PORT ?? 3000)
const server = app.listen(port, () => {
  console.log(`http://127.0.0.1:${port} serves ${cluster.sessions.size} sessions as ${cluster.self.name}`)
})

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, close)

async function close() {
  await shutDown(server, cluster, { drainMs: Number(process.env.DRAIN_MS ?? 0) })
  // (A worker of node:cluster lives as long as the channel to its primary.)
  process.disconnect?.()
}
