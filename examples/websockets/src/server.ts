/**
 * A user's WebSockets close on every server the moment that the user logs out on any of them.
 *
 *   npx -y pnpm@10 install && npx -y pnpm@10 build   (once, in a clone)
 *   PORT=3001 node dist/server.js
 *   PORT=3002 node dist/server.js
 */

import { session } from '@sessionmesh/express'
import express, { type Request, type Response } from 'express'
import { joinCluster, shutDown } from 'sessionmesh'
import { type WebSocket, WebSocketServer } from 'ws'

declare module 'express-session' {
  interface SessionData {
    user: string
  }
}

/** "Logged out", to the browser: it should not connect again. */
const LOGGED_OUT = 4401

const cluster = await joinCluster({ name: 'chat', sessions: { indexBy: ['user'] } })

const app = express()
const withSession = session({ cluster, secret: 'cookie secret', resave: false, saveUninitialized: false })
app.get('/ready', (_req, res) => {
  res.sendStatus(cluster.ready ? 200 : 503)
})
app.use(express.json())
app.use(withSession)

app.post('/login', (req, res, next) => {
  req.session.regenerate((error) => {
    if (error) return next(error)
    req.session.user = String(req.body?.user ?? 'guest')
    res.json({ user: req.session.user })
  })
})

app.post('/logout', (req, res, next) => {
  req.session.destroy((error) => (error ? next(error) : res.json({ user: null })))
})

/** All devices of the user. */
app.post('/logout-everywhere', (req, res) => {
  const { user } = req.session
  const { destroyed } = user === undefined ? { destroyed: [] } : cluster.sessions.destroyBy('user', user)
  res.json({ loggedOut: destroyed.length })
})

/** All but the one that asks. */
app.post('/logout-others', (req, res) => {
  const { user } = req.session
  const where = ({ sid }: { sid: string }) => sid !== req.sessionID
  const { destroyed } =
    user === undefined ? { destroyed: [] } : cluster.sessions.destroyBy('user', user, { where })
  res.json({ loggedOut: destroyed.length })
})

const port = Number(process.env.PORT ?? 3000)
const server = app.listen(port, (error) => {
  if (error) throw error
  console.log(`http://127.0.0.1:${port} serves ${cluster.sessions.size} sessions as ${cluster.self.name}`)
})

const sockets = new Map<string, Set<WebSocket>>()
const webSockets = new WebSocketServer({ noServer: true })

server.on('upgrade', (req: Request, socket, head) => {
  withSession(req, {} as Response, () => {
    const { sessionID: sid, session } = req
    if (session?.user === undefined) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n')
      return
    }
    webSockets.handleUpgrade(req, socket, head, (webSocket) => serve(webSocket, sid, session.user ?? ''))
  })
})

function serve(webSocket: WebSocket, sid: string, user: string) {
  const ofSession = sockets.get(sid) ?? new Set()
  sockets.set(sid, ofSession.add(webSocket))
  webSocket.on('close', () => {
    ofSession.delete(webSocket)
    if (ofSession.size === 0) sockets.delete(sid)
  })
  webSocket.on('message', (text) => {
    // Who talks here uses his session as much as who asks for pages.
    if (cluster.sessions.touch(sid)) webSocket.send(`${user}: ${text}`)
    else logOut(sid)
  })
  webSocket.on('error', () => webSocket.terminate())
  // Destroyed between the request and now: the event has passed.
  if (!cluster.sessions.has(sid)) logOut(sid)
}

function logOut(sid: string) {
  for (const webSocket of sockets.get(sid) ?? []) webSocket.close(LOGGED_OUT, 'logged out')
}

// Told on every server, wherever it was destroyed.
cluster.on('session:destroyed', ({ sid }) => logOut(sid))
// That a session has expired is told on one server alone: each looks after its own sockets.
setInterval(() => {
  for (const sid of sockets.keys()) if (!cluster.sessions.has(sid)) logOut(sid)
}, 1_000).unref()

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, close)

async function close() {
  // "Going away": browsers connect again, to another server.
  for (const webSocket of webSockets.clients) webSocket.close(1001, 'the server stops')
  await shutDown(server, cluster, { drainMs: Number(process.env.DRAIN_MS ?? 0) })
  // (A worker of node:cluster lives as long as the channel to its primary.)
  process.disconnect?.()
}
