import { createServer } from 'node:http'
import { createMeshSessionStorage } from '@sessionmesh/react-router'
import { redirect, type Session } from 'react-router'
import { listening } from '../../support/listening.js'
import { type Answer, type Framework, type Handle, ROUTES } from '../site.js'

export const framework: Framework = {
  name: 'react-router',
  lacks: {},
  async serve(cluster, { ttlMs }) {
    const storage = createMeshSessionStorage({
      cluster,
      // (A cookie's maxAge counts in seconds; each commit renews it.)
      cookie: {
        secrets: ['cookie secret'],
        ...(ttlMs !== undefined && { maxAge: Math.ceil(ttlMs / 1_000) }),
      },
    })

    /** As the middleware of an app does it around its loaders and actions. */
    async function respond(path: string, query: URLSearchParams, cookie: string | undefined) {
      const route = ROUTES[path]
      if (route === undefined) return new Response('no such page', { status: 404 })
      const session = await storage.getSession(cookie)
      const lines: string[] = []
      const handle = handleOf(session, {
        renew: () => storage.renewSession(session),
        destroy: async () => void lines.push(await storage.destroySession(session)),
      })
      const response = responseOf(await route(handle, query))
      lines.push(await storage.commitSession(session))
      for (const line of lines) response.headers.append('Set-Cookie', line)
      return response
    }

    const server = createServer((req, res) => {
      const { pathname, searchParams } = new URL(req.url ?? '/', 'http://localhost')
      respond(pathname.slice(1), searchParams, req.headers.cookie)
        .catch((error: unknown) => new Response(String(error), { status: 500 }))
        .then(async (response) => {
          res.statusCode = response.status
          res.setHeaders(response.headers)
          res.end(await response.text())
        })
    })
    return listening(server)
  },
}

function responseOf(answer: Answer): Response {
  return 'redirect' in answer ? redirect(answer.redirect) : Response.json(answer.body)
}

function handleOf(session: Session, does: { renew(): void; destroy(): Promise<void> }): Handle {
  return {
    get: (name) => session.get(name),
    set: (name, value) => session.set(name, value),
    remove: (name) => session.unset(name),
    destroy: does.destroy,
    regenerate: async () => does.renew(),
    rotate: async () => does.renew(),
  }
}
