/** In framework mode this is `app/sessions.server.ts`. */

import { createMeshSessionStorage } from '@sessionmesh/react-router'
import { createContext, type MiddlewareFunction, type Session } from 'react-router'
import { joinCluster } from 'sessionmesh'

interface SessionData {
  user: string
  views: number
}

export const cluster = await joinCluster({ name: 'shop' })

export const { getSession, commitSession, destroySession, renewSession } =
  createMeshSessionStorage<SessionData>({ cluster, cookie: { secrets: ['cookie secret'] } })

export const sessionContext = createContext<Session<SessionData>>()

/** One session per request, and one commit: also what only reads brings the client's token up to date. */
export const withSession: MiddlewareFunction = async ({ request, context }, next) => {
  const session = await getSession(request.headers.get('Cookie'))
  context.set(sessionContext, session)
  // (In framework mode it is typed so: `MiddlewareFunction<Response>`.)
  const response = (await next()) as Response
  response.headers.append('Set-Cookie', await commitSession(session))
  return response
}
