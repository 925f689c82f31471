/** Beside what the tests of all adapters share: apps of Hono, and clients that know its session cookie. */

import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import type { Cluster } from 'sessionmesh'
import { serveOn, Visitor } from '../../../../test/support/adapters.js'
import type { MeshSessionOptions } from '../options.js'
import { session } from '../session.js'

export * from '../../../../test/support/adapters.js'

declare module '../index.js' {
  // As an application does it; what is declared here must be known to `c.get('session')`.
  interface SessionData {
    user: string
    cart: string[]
    count: number
    value: unknown
  }
}

export const SECRET = 'cookie secret'

/** An app with session() on `cluster`; what comes to its error handler is added to `errors`. */
export function appOn(
  cluster: Cluster,
  options: Partial<MeshSessionOptions> = {},
  errors: unknown[] = [],
): Hono {
  const app = new Hono()
  app.use(session({ cluster, secret: SECRET, ...options }))
  app.onError((error, c) => {
    errors.push(error)
    return c.text('failed', 500)
  })
  return app
}

/** Serves until the test ends; resolves with the origin. */
export function serve(app: Pick<Hono, 'fetch'>): Promise<string> {
  return serveOn(createAdaptorServer({ fetch: app.fetch }) as Server)
}

export class Client extends Visitor {
  /** The id of the session that this client has. */
  get sid(): string {
    return decodeURIComponent(this.cookies.get('sid') ?? '').split('.')[0]!
  }
}
