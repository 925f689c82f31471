/**
 * No addresses, no ports, no order of starting. On each of your machines on a LAN (in a clone, `npx -y pnpm@10 install`
 * and `npx -y pnpm@10 build` come first):
 *
 *   export SESSIONMESH_SECRET='…'   # the same on all of them; `npx sessionmesh secret` makes one
 *   node dist/server.js
 *
 * Then open http://any-of-them:3000. A browser keeps a cookie for one host name (its ports share it), so put a load
 * balancer before several machines to see one session on all; several on one machine, each with a PORT of its own, need
 * none. Firewalls have to let UDP 5353 (mDNS) and TCP 7373 through.
 */

import { session } from '@sessionmesh/express'
import express from 'express'
import { joinCluster, shutDown } from 'sessionmesh'

declare module 'express-session' {
  interface SessionData {
    views: number
  }
}

const cluster = await joinCluster({ name: 'lan-example' })

cluster.on('member:alive', ({ name, address }) => console.log(`${name} is here, at ${address}`))
cluster.on('member:dead', ({ name }) => console.log(`${name} is dead`))
cluster.on('member:left', ({ name }) => console.log(`${name} has left`))

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
