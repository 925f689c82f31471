/**
 * The Express app that every member process of the tests and benches serves: small handlers, each of which
 * does one thing to its session. A request with `?hold=key` waits, its session loaded, until the test lets
 * `key` go: that is how requests are made to overlap without sleeping.
 */

import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import { buy, type NestedSession, nestedSession } from './measuring/shop-session.js'
import type { Answer } from './member-protocol.js'

/** `one` or `all`: what the writes of this request wait for. */
export const ACKS_HEADER = 'x-acks'

declare module 'express-session' {
  interface SessionData {
    user: string
    count: number
    payload: string
    cart: NestedSession['cart']
  }
}

const DAY_MS = 86_400_000

export interface Gate {
  /** Resolves when the test releases `key`. */
  wait(key: string): Promise<void>
}

export function memberApp(
  name: string,
  session: RequestHandler,
  gate: Gate,
  isReady: () => boolean,
): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.get('/ready', (_, res) => {
    res.sendStatus(isReady() ? 200 : 503)
  })
  app.use(session)

  const answer = (req: Request, res: Response) => {
    const { cookie: _, ...data } = req.session
    const body: Answer = { server: name, sid: req.sessionID, data }
    res.json(body)
  }

  /** A handler that holds, if told to, then acts on the session, then answers. */
  const route = (act: (req: Request) => unknown): RequestHandler => {
    return async (req, res) => {
      if (typeof req.query.hold === 'string') await gate.wait(req.query.hold)
      await act(req)
      answer(req, res)
    }
  }

  app.get(
    '/session',
    route(() => {}),
  )
  app.post(
    '/login/:user',
    route((req) => {
      req.session.user = String(req.params.user)
    }),
  )
  app.post(
    '/fill/:bytes',
    route((req) => {
      req.session.payload = 'x'.repeat(Number(req.params.bytes))
    }),
  )
  app.post(
    '/increment',
    route((req) => {
      req.session.count = (req.session.count ?? 0) + 1
    }),
  )
  // What an app may keep: objects in objects, a date, and a cookie that ends, which is sent anew with each change.
  app.post(
    '/shop',
    route((req) => {
      Object.assign(req.session, nestedSession())
      req.session.cookie.maxAge = DAY_MS
    }),
  )
  app.post(
    '/buy',
    route((req) => buy(req.session)),
  )
  app.post(
    '/set/:attribute/:value',
    route((req) => {
      Object.assign(req.session, { [String(req.params.attribute)]: req.params.value })
    }),
  )
  app.post(
    '/regenerate',
    route((req) => regenerate(req)),
  )
  app.post(
    '/enter/:user',
    route(async (req) => {
      await regenerate(req)
      req.session.user = String(req.params.user)
      if (typeof req.query.ttl === 'string') req.session.cookie.maxAge = Number(req.query.ttl)
      await saveForAcks(req)
    }),
  )
  // As an app does that wants its users to be logged in: nothing is begun for who is not.
  app.post(
    '/turn/:attribute/:value',
    route(async (req) => {
      if (req.session.user === undefined) return
      Object.assign(req.session, { [String(req.params.attribute)]: Number(req.params.value) })
      await saveForAcks(req)
    }),
  )
  // Carried out, and never answered.
  app.all(
    '/die/:server',
    route((req) => {
      if (req.params.server === name || req.params.server === 'any') process.kill(process.pid, 'SIGKILL')
    }),
  )
  app.post('/destroy', async (req, res) => {
    const sid = req.sessionID
    if (typeof req.query.hold === 'string') await gate.wait(req.query.hold)
    await new Promise<void>((resolve, reject) => {
      req.session.destroy((error) => (error ? reject(error) : resolve()))
    })
    res.json({ server: name, sid, data: {} } satisfies Answer)
  })

  app.use(tellMissedAcks)
  return app
}

function regenerate(req: Request): Promise<void> {
  return new Promise((resolve, reject) => {
    req.session.regenerate((error) => (error ? reject(error) : resolve()))
  })
}

/** Who asks for acks answers after them, or says that they did not come. */
async function saveForAcks(req: Request): Promise<void> {
  if (req.get(ACKS_HEADER) === undefined) return
  await new Promise<void>((resolve, reject) => {
    req.session.save((error) => (error ? reject(error) : resolve()))
  })
}

const tellMissedAcks: ErrorRequestHandler = (error, _, res, next) => {
  const code: unknown = error?.code
  if (code !== 'SESSIONMESH_ACK_TIMEOUT' && code !== 'SESSIONMESH_NO_PEER') return next(error)
  // express-session saves a new session once more when the response ends; by then the handler has its acks.
  if (!res.headersSent) res.status(503).json({ code })
}
