/**
 * Servers that show their mesh: start several with other ports, and open `/mesh` of any of them.
 *
 *   npx -y pnpm@10 install && npx -y pnpm@10 build   (once, in a clone)
 *   PORT=3001 node dist/server.js
 *   PORT=3002 node dist/server.js
 *
 * Who asks from this machine may see it. With DASHBOARD=admins it is for those who are logged in as an admin, from anywhere.
 */

import { dashboard } from '@sessionmesh/dashboard'
import { session } from '@sessionmesh/express'
import express, { type Request } from 'express'
import { joinCluster, shutDown } from 'sessionmesh'

declare module 'express-session' {
  interface SessionData {
    user: string
    views: number
  }
}

// Sessions are found by their user, also on the page.
const cluster = await joinCluster({ name: 'shop', sessions: { indexBy: ['user'] } })

const app = express()
if (process.env.DASHBOARD !== 'admins') app.use('/mesh', dashboard(cluster))

app.use(express.json())
app.use(session({ cluster, secret: 'cookie secret', resave: false, saveUninitialized: false }))

if (process.env.DASHBOARD === 'admins')
  app.use('/mesh', dashboard(cluster, { authorize: (req) => (req as Request).session.user === 'admin' }))

app.get('/', (req, res) => {
  req.session.views = (req.session.views ?? 0) + 1
  res.json({ views: req.session.views })
})

app.post('/login', (req, res, next) => {
  req.session.regenerate((error) => {
    if (error) return next(error)
    // (An application would ask for a password.)
    req.session.user = String(req.body?.user ?? 'guest')
    res.json({ user: req.session.user })
  })
})

app.get('/me', (req, res) => {
  res.json({ user: req.session.user ?? null })
})

const port = Number(process.env.PORT ?? 3000)
const server = app.listen(port, (error) => {
  if (error) throw error
  console.log(`http://127.0.0.1:${port} serves ${cluster.sessions.size} sessions as ${cluster.self.name}`)
})

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => shutDown(server, cluster))
