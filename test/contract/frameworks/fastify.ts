import { session } from '@sessionmesh/fastify'
import { type FastifyRequest, fastify } from 'fastify'
import { type Framework, type Handle, ROUTES } from '../site.js'

export const framework: Framework = {
  name: 'fastify',
  lacks: {},
  async serve(cluster, { ttlMs, isRolling }) {
    const app = fastify({ forceCloseConnections: true })
    await app.register(session, {
      cluster,
      secret: 'a cookie secret of thirty-two characters or more',
      saveUninitialized: false,
      ...(isRolling !== undefined && { rolling: isRolling }),
      cookie: { secure: false, ...(ttlMs !== undefined && { maxAge: ttlMs }) },
    })
    for (const [path, route] of Object.entries(ROUTES)) {
      app.get(`/${path}`, async (request, reply) => {
        const { search } = new URL(request.url, 'http://localhost')
        const answer = await route(handle(request), new URLSearchParams(search))
        return 'redirect' in answer ? reply.redirect(answer.redirect) : answer.body
      })
    }
    const origin = await app.listen({ host: '127.0.0.1', port: 0 })
    return { origin, close: () => app.close() }
  },
}

function handle(request: FastifyRequest): Handle {
  const attributes = () => request.session as unknown as Record<string, unknown>
  return {
    get: (name) => attributes()?.[name],
    set: (name, value) => {
      attributes()[name] = value
    },
    remove: (name) => {
      delete attributes()[name]
    },
    destroy: () => request.session.destroy(),
    regenerate: () => request.session.regenerate(),
    rotate: () => request.session.regenerate(['user']),
  }
}
