/** In framework mode each of these is a route module with the same `loader` or `action`. */

import type { RouteObject } from 'react-router'
import { cluster, destroySession, renewSession, sessionContext, withSession } from './sessions.js'

export const routes: RouteObject[] = [
  {
    // What a load balancer or Kubernetes asks, again and again: without a session.
    path: '/ready',
    loader: () => new Response(null, { status: cluster.ready ? 200 : 503 }),
  },
  {
    middleware: [withSession],
    children: [
      {
        path: '/',
        loader({ context }) {
          const session = context.get(sessionContext)
          const views = (session.get('views') ?? 0) + 1
          session.set('views', views)
          return { views }
        },
      },
      {
        path: '/login',
        async action({ request, context }) {
          const session = context.get(sessionContext)
          const { user = 'guest' } = await request.json()
          // A new id at login, so that nobody can plant one beforehand.
          renewSession(session)
          session.set('user', String(user))
          return { user: session.get('user') }
        },
      },
      {
        path: '/me',
        loader: ({ context }) => ({ user: context.get(sessionContext).get('user') ?? null }),
      },
      {
        path: '/logout',
        async action({ context }) {
          const cookie = await destroySession(context.get(sessionContext))
          return Response.json({ user: null }, { headers: { 'Set-Cookie': cookie } })
        },
      },
    ],
  },
]
