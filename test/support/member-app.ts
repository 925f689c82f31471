/**
 * The Express app that every member process of the tests and benches serves: small handlers, each of which
 * does one thing to its session. A request with `?hold=key` waits, its session loaded, until the test lets
 * `key` go: that is how requests are made to overlap without sleeping.
 */

import express, { type Express, type Request, type RequestHandler, type Response } from 'express'

declare module 'express-session' {
  interface SessionData {
    user: string
    count: number
    payload: string
  }
}

/** What every handler answers. */
export interface Answer {
  /** Name of the member that served. */
  server: string
  sid: string
  /** The session's attributes as the handler left them, without express-session's cookie. */
  data: Record<string, unknown>
}

export interface Gate {
  /** Resolves when the test releases `key`. */
  wait(key: string): Promise<void>
}

export function memberApp(name: string, session: RequestHandler, gate: Gate): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
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
  app.post(
    '/set/:attribute/:value',
    route((req) => {
      Object.assign(req.session, { [String(req.params.attribute)]: req.params.value })
    }),
  )
  app.post(
    '/regenerate',
    route((req) => {
      return new Promise<void>((resolve, reject) => {
        req.session.regenerate((error) => (error ? reject(error) : resolve()))
      })
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

  return app
}
