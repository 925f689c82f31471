/** Beside what the tests of all adapters share: apps of Hono, and clients that know its session cookie. */

import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import type { Cluster } from 'sessionmesh'
import { serveOn, Visitor, withSessions } from '../../../../test/support/adapters.js'
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

/** `cluster` as a member is that others have forgotten: what it writes is gone, which it says in the turn of the write only. */
export function forgotten(cluster: Cluster): Cluster {
  let flush: Promise<void> | undefined
  const lose = () => {
    flush = Promise.reject(new Error('forgotten'))
    flush.catch(() => {})
    queueMicrotask(() => (flush = undefined))
  }
  return withSessions(cluster, (sessions) => ({
    write(...args) {
      lose()
      return sessions.write(...args)
    },
    destroy(...args) {
      lose()
      return sessions.destroy(...args)
    },
    flushed: () => flush,
  }))
}
