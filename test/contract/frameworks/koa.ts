import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { session } from '@sessionmesh/koa'
import Koa, { type Context } from 'koa'
import { type Framework, type Handle, ROUTES } from '../site.js'

export const framework: Framework = {
  name: 'koa',
  lacks: {},
  async serve(cluster, { ttlMs, isRolling }) {
    const app = new Koa()
    app.keys = ['cookie secret']
    app.silent = true
    app.use(session({ cluster, maxAge: ttlMs, rolling: isRolling }, app))
    app.use(async (ctx) => {
      const route = ROUTES[ctx.path.slice(1)]
      if (route === undefined) return
      const answer = await route(handle(ctx), ctx.URL.searchParams)
      if ('redirect' in answer) ctx.redirect(answer.redirect)
      else ctx.body = answer.body
    })
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return {
      origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      async close() {
        server.closeAllConnections()
        server.close()
        await once(server, 'close')
      },
    }
  },
}

function handle(ctx: Context): Handle {
  const attributes = () => ctx.session as unknown as Record<string, unknown>
  return {
    get sid() {
      return ctx.session?.externalKey
    },
    get: (name) => attributes()[name],
    set: (name, value) => {
      attributes()[name] = value
    },
    remove: (name) => {
      delete attributes()[name]
    },
    async destroy() {
      ctx.session = null
    },
    async regenerate() {
      await ctx.session?.regenerate()
    },
  }
}
