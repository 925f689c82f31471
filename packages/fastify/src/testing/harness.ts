/** Beside what the tests of all adapters share: apps of Fastify, and clients that know its session cookie. */

import { type FastifyInstance, type FastifyRequest, type FastifyServerOptions, fastify } from 'fastify'
import type { Cluster } from 'sessionmesh'
import { join, Visitor, withSessions } from '../../../../test/support/adapters.js'
import { onCleanUp } from '../../../../test/support/cleanup.js'
import type { MeshSessionOptions } from '../options.js'
import { session } from '../session.js'

export * from '../../../../test/support/adapters.js'

declare module 'fastify' {
  // As an application does it; what is declared here must be known to `request.session`.
  interface Session {
    user?: string
    cart?: string[]
    count?: number
    value?: unknown
  }
}

export const DEFAULTS = {
  secret: 'a cookie secret of thirty-two characters or more',
  saveUninitialized: false,
}

/** An app with `session` on `cluster`. */
export async function appOn(
  cluster: Cluster,
  options: Partial<MeshSessionOptions> = {},
  server: FastifyServerOptions = {},
): Promise<FastifyInstance> {
  const app = fastify({ forceCloseConnections: true, ...server })
  await app.register(session, {
    ...DEFAULTS,
    cluster,
    ...options,
    cookie: { secure: false, ...options.cookie },
  })
  return app
}

/** Serves until the test ends; resolves with the origin. */
export async function serve(app: FastifyInstance): Promise<string> {
  onCleanUp(() => app.close())
  return app.listen({ host: '127.0.0.1', port: 0 })
}

export class Client extends Visitor {
  /** The id of the session that this client has. */
  get sid(): string {
    return decodeURIComponent(this.cookies.get('sessionId') ?? '').split('.')[0] ?? ''
  }
}

export type Handler = (request: FastifyRequest) => unknown

/** One member with one route per handler; records which of the sessions' methods were called. */
export async function site(
  handlers: Record<string, Handler>,
  options: Partial<MeshSessionOptions> = {},
  member: Parameters<typeof join>[1] = {},
) {
  const [cluster] = await join(1, member)
  const calls: string[] = []
  const watched = withSessions(cluster!, (sessions) => ({
    write: (sid, data, given) => {
      const result = sessions.write(sid, data, given)
      calls.push(result.outcome)
      return result
    },
    touch: (sid, given) => {
      calls.push('touch')
      return sessions.touch(sid, given)
    },
    destroy: (sid, given) => {
      calls.push('destroy')
      return sessions.destroy(sid, given)
    },
  }))
  const app = await appOn(watched, options)
  for (const [path, handler] of Object.entries(handlers))
    app.get(`/${path}`, async (request) => handler(request))
  const origin = await serve(app)
  const client = new Client()
  /** Requests `path` and returns what it called, with the reply. */
  const visit = async (path: string) => {
    calls.length = 0
    const reply = await client.get(`${origin}/${path}`)
    return { calls: [...calls], reply, cookie: reply.set.sessionId }
  }
  return { app, client, cluster: cluster!, origin, sessions: cluster!.sessions, visit }
}
