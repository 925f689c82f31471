/** Framework mode: documents, actions and data requests, as a build of React Router has them, with middleware and without. */

import {
  type ActionFunctionArgs,
  createContext,
  createRequestHandler,
  type LoaderFunctionArgs,
  redirect,
  type ServerBuild,
  type Session,
} from 'react-router'
import type { Cluster } from 'sessionmesh'
import { expect, test } from 'vitest'
import { createMeshSessionStorage } from './index.js'
import { Client, join, serveRequests } from './testing/harness.js'

const COOKIE = { secrets: ['cookie secret'] }

/** What a build exports, of route modules beneath a root. A document shows the data of its loaders. */
function buildOf(rootModule: object, modules: Record<string, object>): ServerBuild {
  const route = (id: string, path: string, module: object, parentId?: string) => ({
    id,
    path,
    module: { default: () => null, ...module },
    ...(parentId !== undefined && { parentId }),
  })
  const routes = {
    root: route('root', '', rootModule),
    ...Object.fromEntries(
      Object.entries(modules).map(([path, module]) => [path, route(path, path, module, 'root')]),
    ),
  }
  const build = {
    routes,
    entry: {
      module: {
        default: (_request: Request, status: number, headers: Headers, context: Shown) =>
          Response.json(context.staticHandlerContext.loaderData, { status, headers }),
      },
    },
    assets: { entry: { module: '', imports: [] }, routes: {}, url: '', version: '1' },
    publicPath: '/',
    assetsBuildDirectory: '',
    future: { v8_middleware: true },
    ssr: true,
    isSpaMode: false,
    prerender: [],
    routeDiscovery: { mode: 'lazy', manifestPath: '/__manifest' },
  }
  return build as unknown as ServerBuild
}

interface Shown {
  staticHandlerContext: { loaderData: object }
}

test('with middleware: one session for the action and the loaders of a request, one commit', async () => {
  const members = await join(2)
  const sessionContext = createContext<Session>()
  const origins = await Promise.all(
    members.map((cluster) => {
      const storage = createMeshSessionStorage({ cluster, cookie: COOKIE })
      const root = {
        middleware: [
          async ({ request, context }: LoaderFunctionArgs, next: () => Promise<Response>) => {
            const session = await storage.getSession(request.headers.get('Cookie'))
            context.set(sessionContext, session)
            const response = await next()
            response.headers.append('Set-Cookie', await storage.commitSession(session))
            return response
          },
        ],
      }
      const loader = ({ context }: LoaderFunctionArgs) => context.get(sessionContext).get('user') ?? 'nobody'
      const action = ({ context }: ActionFunctionArgs) => {
        const session = context.get(sessionContext)
        storage.renewSession(session)
        session.set('user', 'ada')
        return null
      }
      return serveRequests(createRequestHandler(buildOf(root, { me: { loader, action } }), 'test'))
    }),
  )
  const [a, b] = origins
  const client = new Client()
  expect((await client.get(`${a}/me`)).text).toBe('{"me":"nobody"}')
  const login = await client.send('POST', `${a}/me`)
  expect(login.text).toBe('{"me":"ada"}')
  expect(login.lines).toEqual([expect.stringMatching(/^__session=/)])
  const { text, lines } = await client.get(`${b}/me.data`)
  expect(text).toContain('ada')
  expect(lines).toEqual([expect.stringMatching(/^__session=/)])
  expect((await client.get(`${b}/me`)).text).toBe('{"me":"ada"}')
})

test('without: an action commits and redirects, a loader reads on another member', async () => {
  const members = await join(2)
  const serveOn = (cluster: Cluster) => {
    const storage = createMeshSessionStorage({ cluster, cookie: COOKIE })
    const sessionOf = (request: Request) => storage.getSession(request.headers.get('Cookie'))
    const login = {
      async action({ request }: ActionFunctionArgs) {
        const session = await sessionOf(request)
        storage.renewSession(session)
        session.set('user', 'ada')
        return redirect('/me', { headers: { 'Set-Cookie': await storage.commitSession(session) } })
      },
    }
    const logout = {
      async action({ request }: ActionFunctionArgs) {
        const session = await sessionOf(request)
        return redirect('/me', { headers: { 'Set-Cookie': await storage.destroySession(session) } })
      },
    }
    const me = {
      loader: async ({ request }: LoaderFunctionArgs) => (await sessionOf(request)).get('user') ?? 'nobody',
    }
    return serveRequests(createRequestHandler(buildOf({}, { login, logout, me }), 'test'))
  }
  const [a, b] = await Promise.all(members.map(serveOn))
  const client = new Client()
  expect((await client.send('POST', `${a}/login`)).status).toBe(302)
  expect((await client.get(`${b}/me`)).text).toBe('{"me":"ada"}')
  expect((await client.send('POST', `${b}/logout`)).status).toBe(302)
  expect((await client.get(`${a}/me`)).text).toBe('{"me":"nobody"}')
})
