import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { type Session, session } from '@sessionmesh/hono'
import { Hono } from 'hono'
import { listening } from '../../support/listening.js'
import { type Framework, type Handle, ROUTES } from '../site.js'

/** The contract's attributes have names of all kinds. */
type Any = Session<Record<string, unknown>>

export const framework: Framework = {
  name: 'hono',
  lacks: {},
  async serve(cluster, { ttlMs, isRolling }) {
    const app = new Hono<{ Variables: { session: Any } }>()
    app.use(
      session({
        cluster,
        secret: 'cookie secret',
        ...(isRolling !== undefined && { rolling: isRolling }),
        ...(ttlMs !== undefined && { ttlMs, cookie: { maxAge: Math.ceil(ttlMs / 1_000) } }),
      }),
    )
    // (The contract provokes it; Hono's own handler would print it.)
    app.onError((error, c) => c.text(error.message, 500))
    for (const [path, route] of Object.entries(ROUTES)) {
      app.get(`/${path}`, async (c) => {
        const answer = await route(handle(c.get('session')), new URL(c.req.url).searchParams)
        return 'redirect' in answer ? c.redirect(answer.redirect) : c.json(answer.body as object)
      })
    }
    const server = createAdaptorServer({ fetch: app.fetch })
    return listening(server as Server)
  },
}

function handle(session: Any): Handle {
  return {
    get: (name) => session.get(name),
    set: (name, value) => session.set(name, value),
    remove: (name) => session.delete(name),
    destroy: () => session.destroy(),
    regenerate: () => session.regenerate(),
    rotate: () => session.regenerate(['user']),
  }
}
