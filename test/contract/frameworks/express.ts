import { createServer } from 'node:http'
import { promisify } from 'node:util'
import { session } from '@sessionmesh/express'
import express, { type Request } from 'express'
import { listening } from '../../support/listening.js'
import { type Framework, type Handle, ROUTES } from '../site.js'

export const framework: Framework = {
  name: 'express',
  lacks: {
    refusal: 'express-session saves when the answer is made; `req.session.save` tells its callback',
    rotation: 'express-session keeps nothing: what the app copies cannot be told from a login',
  },
  async serve(cluster, { ttlMs, isRolling }) {
    const app = express()
    app.use(
      session({
        cluster,
        secret: 'cookie secret',
        resave: false,
        saveUninitialized: false,
        ...(isRolling !== undefined && { rolling: isRolling }),
        ...(ttlMs !== undefined && { cookie: { maxAge: ttlMs } }),
      }),
    )
    for (const [path, route] of Object.entries(ROUTES)) {
      app.get(`/${path}`, async (req, res) => {
        const { search } = new URL(req.url, 'http://localhost')
        const answer = await route(handle(req), new URLSearchParams(search))
        if ('redirect' in answer) res.redirect(answer.redirect)
        else res.json(answer.body)
      })
    }
    return listening(createServer(app))
  },
}

function handle(req: Request): Handle {
  const attributes = () => req.session as unknown as Record<string, unknown>
  return {
    get: (name) => attributes()[name],
    set: (name, value) => {
      attributes()[name] = value
    },
    remove: (name) => {
      delete attributes()[name]
    },
    destroy: () => promisify(req.session.destroy.bind(req.session))(),
    regenerate: () => promisify(req.session.regenerate.bind(req.session))(),
    async rotate() {
      const { user } = attributes()
      await promisify(req.session.regenerate.bind(req.session))()
      attributes().user = user
    },
  }
}
