/** Attributes that stay in their process (`sessions.localAttributes`): anything may be in them, and nobody looks into it. */

import { once } from 'node:events'
import { createServer, get } from 'node:http'
import type { Socket } from 'node:net'
import express, { type Request, type Response } from 'express'
import { expect, test } from 'vitest'
import { session } from './session.js'
import { SessionStore } from './store.js'
import {
  appOn,
  Client,
  collectErrors,
  DEFAULTS,
  join,
  serve,
  serveOn,
  withSessions,
} from './testing/harness.js'

type Handler = (req: Request, res: Response) => unknown

/** A member on which `value` is local; `visit` runs a handler there, and resolves with what was done to sessions. */
async function site() {
  const [cluster] = await join(1, { sessions: { localAttributes: ['value'] } })
  const done: string[] = []
  const watched = withSessions(cluster!, (sessions) => ({
    write: (sid, data, options) => {
      const result = sessions.write(sid, data, options)
      done.push(`${result.outcome} ${result.changed}`)
      return result
    },
    touch: (sid, options) => {
      done.push('touched')
      return sessions.touch(sid, options)
    },
  }))
  let handler: Handler = () => undefined
  const app = appOn(watched).get('/', (req, res) => {
    handler(req, res)
    if (!res.headersSent) res.send('done')
  })
  const errors = collectErrors(app)
  const origin = await serve(app)
  const client = new Client()
  const visit = async (run: Handler) => {
    handler = run
    const reply = await client.get(origin)
    expect(errors).toEqual([])
    return { reply, done: done.splice(0) }
  }
  return { cluster: cluster!, client, visit }
}

const chain = (length: number) => {
  let chain: object = {}
  for (let i = 0; i < length; i++) chain = { chain }
  return chain
}
const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

test.each<[string, (req: Request, res: Response) => unknown]>([
  ['the request', (req) => req],
  ['the response', (_req, res) => res],
  ['an object that holds the request', (req) => ({ req })],
  ['a function', () => () => 1],
  [
    'an object with a getter that throws',
    () => ({
      get secret() {
        throw new Error('looked into')
      },
    }),
  ],
  [
    'an object with a toJSON that throws',
    () => ({
      toJSON() {
        throw new Error('looked into')
      },
    }),
  ],
  ['a revoked Proxy', revoked],
  ['a chain of 20,000', () => chain(20_000)],
  ['a large Buffer', () => Buffer.alloc(5_000_000)],
  ['a large Map', () => new Map(Array.from({ length: 20_000 }, (_, i) => [i, { i }]))],
  ['a text', () => 'secret'],
])('%s is there in the next request, and neither changed by reading nor shown in JSON', async (_, make) => {
  const { visit } = await site()
  let value: unknown
  await visit((req, res) => {
    value = make(req, res)
    req.session.user = 'ada'
    req.session.value = value
  })
  let isSame: boolean | undefined
  const { reply, done } = await visit((req, res) => {
    isSame = req.session.value === value
    res.json(req.session)
  })
  expect(isSame).toBe(true)
  expect(JSON.parse(reply.text)).toEqual({
    user: 'ada',
    value: { $print: expect.stringMatching(/^.{36,44}$/) },
  })
  expect(done).toEqual(['touched'])
})

test('nobody looks into it, whatever the request does: not express-session, nor the saves, nor who makes JSON of it', async () => {
  const { visit } = await site()
  let looked = 0
  const look = () => {
    looked++
    return undefined
  }
  const value = new Proxy(
    {},
    { get: look, getPrototypeOf: () => look() ?? null, ownKeys: () => look() ?? [] },
  )
  const json: string[] = []
  await visit((req) => Object.assign(req.session, { user: 'ada', value }))
  await visit((req, res) => {
    json.push(JSON.stringify(req.session))
    req.session.count = 1
    req.session.save(() => req.session.reload(() => req.session.touch()))
    res.write('streamed')
    res.end()
  })
  await visit((req) => req.session.regenerate(() => Object.assign(req.session, { value })))
  expect(looked).toBe(0)
  expect(json).toEqual([expect.stringContaining('"user":"ada"')])
})

test('another value is kept also where its JSON is the same; what changes inside needs no save', async () => {
  const { visit } = await site()
  const [first, second] = [
    { open: true, calls: [] as number[] },
    { open: true, calls: [] as number[] },
  ]
  await visit((req) => Object.assign(req.session, { value: first }))
  await visit((req) => Object.assign(req.session, { value: second }))
  let found: unknown
  await visit((req) => {
    found = req.session.value
  })
  expect(found).toBe(second)
  const { done } = await visit(() => second.calls.push(1))
  expect(done).toEqual(['touched'])
})

test('a first one is kept, a removed one is gone; neither is news for other members', async () => {
  const { cluster, client, visit } = await site()
  await visit((req) => Object.assign(req.session, { user: 'ada' }))
  const changed: unknown[] = []
  cluster.on('session:changed', (event) => changed.push(event))
  const socket = { send() {} }
  await visit((req) => Object.assign(req.session, { value: socket }))
  expect(cluster.sessions.load(client.sid)?.data.value).toBe(socket)
  await visit((req) => delete req.session.value)
  expect(Object.keys(cluster.sessions.load(client.sid)?.data ?? {}).sort()).toEqual(['cookie', 'user'])
  expect(changed).toEqual([])
})

test('what a handler of upgrades puts there, other requests of the session find', async () => {
  const [cluster] = await join(1, { sessions: { localAttributes: ['value'] } })
  const withSession = session({ ...DEFAULTS, cluster: cluster! })
  const found: unknown[] = []
  const app = express()
  app.use(withSession).get('/', (req, res) => {
    req.session.user = 'ada'
    found.push(req.session.value)
    res.send('ok')
  })
  const server = createServer(app)
  let connection: Socket | undefined
  server.on('upgrade', (req: Request, socket: Socket) => {
    withSession(req, {} as Response, () => {
      connection = socket
      req.session.value = socket
      req.session.save()
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    })
  })
  const origin = await serveOn(server)
  const client = new Client()
  await client.get(origin)
  const headers = { Cookie: client.header, Connection: 'Upgrade', Upgrade: 'websocket' }
  const [, socket] = await once(get(origin, { headers }), 'upgrade')
  socket.destroy()
  await client.get(origin)
  expect(found).toEqual([undefined, connection])
  expect(connection).toBeDefined()
  connection?.destroy()
})

test('what a store gives to others shows nothing of it in JSON either', async () => {
  const [cluster] = await join(1, { sessions: { localAttributes: ['value'] } })
  const store = new SessionStore({ cluster: cluster! })
  const value = {
    toJSON() {
      throw new Error('looked into')
    },
  }
  store.set('s1', { cookie: { originalMaxAge: null }, user: 'ada', value })
  const shown = { user: 'ada', value: { $print: expect.any(String) } }
  const got: unknown[] = []
  store.get('s1', (_error, session) => got.push(session?.value, JSON.parse(JSON.stringify(session))))
  store.all((_error, sessions) => got.push(JSON.parse(JSON.stringify(sessions))))
  expect(got).toEqual([value, shown, { s1: shown }])
})
