/**
 * The web shop that every server runs: login, cart, orders, all of it in the session and nowhere else.
 *
 * Every write is idempotent, because the proxy repeats a request whose server died or froze before it answered,
 * and the first copy may have been carried out, or may still be when the frozen server goes on:
 * - the client chooses the ids of items and orders, so PUT a second time is the same item, the same order;
 * - an order names the items it takes, so that a late copy takes nothing that was added since;
 * - each item and order is an attribute of its own, so that a late copy changes this item and no other.
 */

import { session } from '@sessionmesh/express'
import express, { type Request } from 'express'
import type { Cluster } from 'sessionmesh'
import type { ShopView } from './view.js'

type ItemKey = `item:${string}`
type OrderKey = `order:${string}`

declare module 'express-session' {
  interface SessionData {
    user: string
    [item: ItemKey]: { name: string }
    [order: OrderKey]: { items: string[] }
  }
}

const ID = /^[\w-]{1,40}$/
const MAX_ITEMS = 60

export function shop(
  cluster: Cluster,
  mesh: express.RequestHandler,
  name: string,
  cookieSecret: string,
): express.Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')

  app.use('/mesh', mesh)

  app.get('/demo/whoami', (_req, res) => void res.json({ demo: name, pid: process.pid }))
  app.get('/status', (_req, res) => void res.json(cluster.status()))

  app.use('/api', express.json({ limit: '8kb' }))
  app.use('/api', session({ cluster, secret: cookieSecret, resave: false, saveUninitialized: false }))
  app.use('/api', (_req, res, next) => {
    res.set('cache-control', 'no-store')
    next()
  })

  const view = (req: Request): ShopView => ({
    server: name,
    user: req.session.user ?? null,
    cart: keys(req, 'item:').map((key) => ({ id: key.slice(5), name: req.session[key]?.name ?? '' })),
    orders: keys(req, 'order:').map((key) => ({ id: key.slice(6), items: req.session[key]?.items ?? [] })),
    session: cluster.sessions.has(req.sessionID) ? req.sessionID.slice(0, 8) : null,
    owner: cluster.sessions.owner(req.sessionID)?.name ?? null,
  })

  app.get('/api/me', (req, res) => void res.json(view(req)))

  app.put('/api/login', (req, res, next) => {
    const user = String(req.body?.user ?? '').trim()
    if (user === '' || user.length > 40)
      return void res.status(400).json({ error: 'a name of 1 to 40 characters' })
    const cart = keys(req, 'item:').map((key) => [key, req.session[key]] as const)
    // A new id at login, so that nobody can plant one beforehand. The cart comes along.
    req.session.regenerate((error) => {
      if (error) return next(error)
      req.session.user = user
      for (const [key, item] of cart) if (item !== undefined) req.session[key] = item
      res.json(view(req))
    })
  })

  app.delete('/api/login', (req, res, next) => {
    req.session.destroy((error) => {
      if (error) return next(error)
      const gone: ShopView = { server: name, user: null, cart: [], orders: [], session: null, owner: null }
      res.json(gone)
    })
  })

  app.put('/api/cart/:id', (req, res) => {
    const { id } = req.params
    const item = String(req.body?.name ?? '').slice(0, 60)
    if (!ID.test(id) || item === '') return void res.status(400).json({ error: 'an id and a name, please' })
    if (keys(req, 'item:').length >= MAX_ITEMS)
      return void res.status(409).json({ error: 'the cart is full' })
    req.session[`item:${id}`] = { name: item }
    res.json(view(req))
  })

  app.delete('/api/cart/:id', (req, res) => {
    delete req.session[`item:${req.params.id}`]
    res.json(view(req))
  })

  app.put('/api/orders/:id', (req, res) => {
    const items: unknown = req.body?.items
    if (!ID.test(req.params.id) || !Array.isArray(items) || !items.every((id) => typeof id === 'string')) {
      return void res.status(400).json({ error: 'an id, and the ids of the items to order' })
    }
    req.session[`order:${req.params.id}`] ??= { items }
    for (const id of items) delete req.session[`item:${id}`]
    res.json(view(req))
  })

  return app
}

function keys<Prefix extends 'item:' | 'order:'>(req: Request, prefix: Prefix): `${Prefix}${string}`[] {
  const isKey = (key: string): key is `${Prefix}${string}` => key.startsWith(prefix)
  return Object.keys(req.session).filter(isKey)
}
