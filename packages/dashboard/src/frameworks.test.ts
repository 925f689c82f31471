/** Mounted as the README says, in each framework, by a browser's first steps: the page, its token, a session asked for. */

import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import type { Cluster } from 'sessionmesh'
import { afterEach, expect, test } from 'vitest'
import { cleanUp, onCleanUp } from '../../../test/support/cleanup.js'
import { listening } from '../../../test/support/listening.js'
import { join } from '../../../test/support/local-cluster.js'
import type { About } from './api.js'
import { dashboard } from './index.js'

afterEach(cleanUp)

const frameworks: Record<string, (cluster: Cluster) => Promise<string>> = {
  async Express(cluster) {
    const app = express()
    app.use((req, _res, next) => {
      Object.assign(req, { session: { isAdmin: true } })
      next()
    })
    app.use('/mesh', dashboard(cluster, { authorize: (req: express.Request) => isAdmin(req as never) }))
    return started(createServer(app))
  },

  async 'Express, below a router, its body read before'(cluster) {
    const app = express()
    const admin = express.Router()
    app.use(express.json())
    admin.use('/mesh', dashboard(cluster))
    app.use('/admin', admin)
    return `${await started(createServer(app))}/admin`
  },

  async 'Express, behind parsers of other types'(cluster) {
    const app = express()
    app.use((req, _res, next) => {
      // As those of Express 4 leave it.
      req.body = {}
      next()
    })
    app.use('/mesh', dashboard(cluster))
    return started(createServer(app))
  },

  async 'Express, its body read as bytes'(cluster) {
    const app = express()
    app.use(express.raw({ type: '*/*' }))
    app.use('/mesh', dashboard(cluster))
    return started(createServer(app))
  },

  async Fastify(cluster) {
    const app = Fastify()
    app.decorateRequest('session')
    app.addHook('onRequest', async (request) => Object.assign(request, { session: { isAdmin: true } }))
    const mesh = dashboard(cluster, { path: '/mesh', authorize: isAdmin })
    for (const url of ['/mesh', '/mesh/*'])
      app.all(url, (request, reply) => {
        reply.hijack()
        mesh(Object.assign(request.raw, { body: request.body, session: request.session }), reply.raw)
      })
    await app.ready()
    onCleanUp(() => app.close())
    return app.listen({ host: '127.0.0.1', port: 0 })
  },

  async Koa(cluster) {
    const app = new Koa()
    const mesh = dashboard(cluster, { path: '/mesh', authorize: isAdmin })
    app.use((ctx, next) => {
      Object.assign(ctx, { session: { isAdmin: true } })
      return next()
    })
    app.use((ctx, next) => {
      if (!/^\/mesh(\/|$)/.test(ctx.path)) return next()
      ctx.respond = false
      mesh(Object.assign(ctx.req, { session: ctx.session }), ctx.res)
      return undefined
    })
    return started(createServer(app.callback()))
  },

  async Hono(cluster) {
    const app = new Hono<{ Bindings: import('@hono/node-server').HttpBindings }>()
    const mesh = dashboard(cluster, { path: '/mesh' })
    for (const path of ['/mesh', '/mesh/*'])
      app.all(path, (c) => {
        mesh(c.env.incoming, c.env.outgoing)
        return RESPONSE_ALREADY_SENT
      })
    return started(createAdaptorServer({ fetch: app.fetch }) as Server)
  },

  async 'node:http, at its root'(cluster) {
    const handler = dashboard(cluster)
    return started(createServer((req, res) => handler(req, res)))
  },
}

/** As the session of each framework would say. */
function isAdmin({ session }: IncomingMessage & { session?: { isAdmin?: boolean } }): boolean {
  return session?.isAdmin === true
}

async function started(server: Server): Promise<string> {
  const { origin, close } = await listening(server)
  onCleanUp(close)
  return origin
}

test.each(Object.entries(frameworks))('%s', async (name, mount) => {
  const cluster = await join({ name: `frameworks ${process.pid}` })
  cluster.sessions.write('s', { user: 42 })
  const prefix = name === 'node:http, at its root' ? '' : '/mesh'
  const origin = `${await mount(cluster)}${prefix}/`

  const bare = await fetch(origin.slice(0, prefix === '' ? undefined : -1))
  expect([bare.status, bare.url]).toEqual([200, origin])
  expect((await fetch(`${origin}page/main.js`)).headers.get('content-type')).toContain('javascript')
  expect((await fetch(`${origin}nothing`)).status).toBe(404)
  const response = await fetch(`${origin}about`)
  const { token } = (await response.json()) as About
  const session = await fetch(`${origin}session`, {
    method: 'POST',
    body: JSON.stringify({ sid: 's' }),
    headers: {
      'content-type': 'application/json',
      'x-sessionmesh-token': token,
      cookie: response.headers.getSetCookie()[0]!.split(';')[0]!,
    },
  })
  expect([session.status, await session.json()]).toMatchObject([200, { isSame: true }])
})
