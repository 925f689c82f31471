import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { session } from '@sessionmesh/express'
import express, { type Request } from 'express'
import { type Framework, type Handle, ROUTES } from '../site.js'

export const framework: Framework = {
  name: 'express',
  lacks: {},
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

function handle(req: Request): Handle {
  const attributes = () => req.session as unknown as Record<string, unknown>
  return {
    get sid() {
      return req.sessionID
    },
    get: (name) => attributes()[name],
    set: (name, value) => {
      attributes()[name] = value
    },
    remove: (name) => {
      delete attributes()[name]
    },
    destroy: () => promisify(req.session.destroy.bind(req.session))(),
    regenerate: () => promisify(req.session.regenerate.bind(req.session))(),
  }
}
