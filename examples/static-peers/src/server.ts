/**
 * Where multicast does not reach: a list of all servers, the same for each of them, the one that reads it included.
 * (In a clone, `npx -y pnpm@10 install` and `npx -y pnpm@10 build` come first.)
 *
 *   export SESSIONMESH_SECRET='…'   # the same on all of them; `npx sessionmesh secret` makes one
 *   node dist/server.js web-1.internal:7373 web-2.internal:7373-7376
 *
 * web-2 runs up to four processes; each takes the first of the ports from 7373 that is free, and needs a PORT of its own
 * for HTTP. One living server of the
 * list is enough to join, and servers that are not on it become known by those that are.
 */

import { session } from '@sessionmesh/express'
import express from 'express'
import { joinCluster, shutDown } from 'sessionmesh'

declare module 'express-session' {
  interface SessionData {
    views: number
  }
}

const peers = process.argv.slice(2)
if (peers.length === 0)
  throw new Error('Name the servers, as in web-1.internal:7373 web-2.internal:7373-7376')

const cluster = await joinCluster({ name: 'static-example', peers })

const app = express()
app.use(session({ cluster, secret: 'cookie secret', resave: false, saveUninitialized: false }))

app.get('/', (req, res) => {
  req.session.views = (req.session.views ?? 0) + 1
  const servers = cluster.members().filter(({ state }) => state === 'alive')
  res.json({
    views: req.session.views,
    servedBy: cluster.self.name,
    servers: servers.map(({ name }) => name),
  })
})

const server = app.listen(Number(process.env.PORT ?? 3000), (error) => {
  if (error) throw error
  console.log(`${cluster.self.name} serves ${cluster.sessions.size} sessions`)
})

// (In short; examples/express shows how no request is broken under traffic.)
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => shutDown(server, cluster))
