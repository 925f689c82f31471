/** Beside what the tests of all adapters share: apps of Express, and clients that know its session cookie. */

import { createServer, type RequestListener } from 'node:http'
import express, { type Express, type NextFunction, type Request, type Response } from 'express'
import type { Cluster } from 'sessionmesh'
import { serveOn, Visitor } from '../../../../test/support/adapters.js'
import type { MeshSessionOptions } from '../options.js'
import { session } from '../session.js'

export * from '../../../../test/support/adapters.js'

declare module 'express-session' {
  // As an application does it; what is declared here must be known to `req.session` under session().
  interface SessionData {
    user?: string
    cart?: string[]
    count?: number
    value?: unknown
  }
}

export const DEFAULTS = { secret: 'cookie secret', resave: false, saveUninitialized: false }

/** An app with session() on `cluster`. */
export function appOn(cluster: Cluster, options: Partial<MeshSessionOptions> = {}): Express {
  const app = express()
  app.use(session({ ...DEFAULTS, cluster, ...options }))
  return app
}

/** Serves until the test ends; resolves with the origin. */
export function serve(listener: RequestListener): Promise<string> {
  return serveOn(createServer(listener))
}

export class Client extends Visitor {
  /** The id of the session that this client has. */
  get sid(): string {
    const [, sid = ''] = /^s:([^.]+)\./.exec(decodeURIComponent(this.cookies.get('connect.sid') ?? '')) ?? []
    return sid
  }
}

/** Ends the chain as an app's own error handler does; collects what it was given. */
export function collectErrors(app: Express): unknown[] {
  const errors: unknown[] = []
  app.use((error: unknown, _req: Request, res: Response, _next: NextFunction) => {
    errors.push(error)
    if (!res.headersSent) res.status(500).send('failed')
  })
  return errors
}
