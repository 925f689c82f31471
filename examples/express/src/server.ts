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

import { session } from '@sessionmesh/express'
import express from 'express'
import { joinCluster, shutDown } from 'sessionmesh'

declare module 'express-session' {
  interface SessionData {
    user: string
    views: number
  }
}

const cluster = await joinCluster({ name: 'shop' })

const app = express()
// Before the sessions: what a load balancer or Kubernetes asks, again and again.
app.get('/ready', (_req, res) => {
  res.sendStatus(cluster.ready ? 200 : 503)
})
app.use(express.json())
app.use(session({ cluster, secret: 'cookie secret', resave: false, saveUninitialized: false }))

app.get('/', (req, res) => {
  req.session.views = (req.session.views ?? 0) + 1
  res.json({ views: req.session.views })
})

app.post('/login', (req, res, next) => {
  // A new id at login, so that nobody can plant one beforehand.
  req.session.regenerate((error) => {
    if (error) return next(error)
    req.session.user = String(req.body?.user ?? 'guest')
    res.json({ user: req.session.user })
  })
})

app.get('/me', (req, res) => {
  res.json({ user: req.session.user ?? null })
})

app.post('/logout', (req, res, next) => {
  req.session.destroy((error) => (error ? next(error) : res.json({ user: null })))
})

const port = Number(process.env.PORT ?? 3000)
const server = app.listen(port, (error) => {
  if (error) throw error
  console.log(`http://127.0.0.1:${port} serves ${cluster.sessions.size} sessions as ${cluster.self.name}`)
})

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, close)

async function close() {
  await shutDown(server, cluster, { drainMs: Number(process.env.DRAIN_MS ?? 0) })
  // (A worker of node:cluster lives as long as the channel to its primary.)
  process.disconnect?.()
}
