/**
 * A complete server: start it two or more times with other ports, put any load balancer in front, and each of them
 * knows every session.
 *
 *   npx -y pnpm@10 install && npx -y pnpm@10 build   (once, in a clone)
 *   PORT=3001 node dist/server.js
 *   PORT=3002 node dist/server.js
 *
 * What the environment says holds: SESSIONMESH_SECRET (without one, servers of this machine find each other),
 * SESSIONMESH_LISTEN, SESSIONMESH_PEERS.
 */

import { Server } from 'node:net'
import { json } from 'node:stream/consumers'
import { session } from '@sessionmesh/koa'
import Koa from 'koa'
import { joinCluster } from 'sessionmesh'

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
  // Each answer is the last one on its connection then: a client that goes on asking would keep the process alive.
  if (!cluster.ready) ctx.set('Connection', 'close')
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

/** First the requests under way, then the cluster: it hands over what they wrote. Then nothing is left to run. */
function close() {
  cluster.drain()
  // `server.close()` would cut idle connections at once, and reset requests that are on their way on them.
  Server.prototype.close.call(server, async () => {
    await cluster.close()
    // (A worker of node:cluster lives as long as the channel to its primary.)
    process.disconnect?.()
  })
  // What nobody has used for so long nobody is about to use.
  setInterval(() => server.closeIdleConnections(), 1_000).unref()
}
