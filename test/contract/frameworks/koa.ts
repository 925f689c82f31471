import { createServer } from 'node:http'
import { session } from '@sessionmesh/koa'
import Koa, { type Context } from 'koa'
import { listening } from '../../support/listening.js'
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
    return listening(createServer(app.callback()))
  },
}

function handle(ctx: Context): Handle {
  const attributes = () => ctx.session as unknown as Record<string, unknown>
  return {
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
    async rotate() {
      await ctx.session?.regenerate()
    },
  }
}
