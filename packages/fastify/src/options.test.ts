/** Mistakes in options are told when the app starts, with what to do about them. */

import { fastifyCookie } from '@fastify/cookie'
import { fastifySession, MemoryStore } from '@fastify/session'
import { type FastifyInstance, fastify } from 'fastify'
import { expect, test } from 'vitest'
import { session } from './session.js'
import { appOn, Client, DEFAULTS, join, serve } from './testing/harness.js'

test.each<[object, RegExp]>([
  [{ cluster: undefined }, /await it first/],
  [{ store: new MemoryStore() }, /leave `store` out/],
  [{ secret: undefined }, /secret is missing: it signs the session cookie/],
  [{ secret: 'short' }, /secret has 5 characters; give 32 or more/],
  [{ secret: [] }, /secret is missing/],
  [{ secret: 7 }, /secret must be a string/],
  [{ secret: ['s'.repeat(32), 'short'] }, /secret\[1\] has 5 characters; give 32 or more/],
  [{ secret: ['s'.repeat(32), 7] }, /secret\[1\] must be a string, or a Buffer/],
  [{ secret: ['s'.repeat(32), undefined] }, /secret is missing/],
  [{ secret: { sign: true, unsign: true } }, /secret must be a string/],
  [{ algorithm: 'md0' }, /algorithm is "md0"; give one that node:crypto has, as in 'sha256'/],
  [{ idGenerator: 'uuid' }, /idGenerator is "uuid"; give a function/],
  [{ cookieName: 'a b' }, /cookieName is "a b"; give letters/],
  [{ cookiePrefix: 7 }, /cookiePrefix is 7; give a text/],
  [{ cookie: { secure: 'false' } }, /cookie\.secure is "false"; give true, false or 'auto'/],
  [{ cookie: { httpOnly: 'no' } }, /cookie\.httpOnly is "no"; give true or false/],
  [{ cookie: { path: 'shop' } }, /cookie\.path is "shop"; give a path/],
  [{ cookie: { path: '/;x' } }, /cookie\.path/],
  [{ cookie: { domain: 'https://shop.test' } }, /cookie\.domain is "https:\/\/shop\.test"; give a domain/],
  [{ cookie: { domain: 7 } }, /cookie\.domain is 7/],
  [{ cookie: { sameSite: 'Lax' } }, /cookie\.sameSite is "Lax"; give true, false, 'lax', 'strict' or 'none'/],
  [{ cookie: { priority: 1 } }, /cookie\.priority is 1; give 'low', 'medium' or 'high'/],
  [{ cookie: { partitioned: 1 } }, /cookie\.partitioned is 1; give true or false/],
  [{ cookie: { expires: '2099-01-01' } }, /cookie\.expires is "2099-01-01"; give a Date/],
  [{ cookie: { encode: 'uri' } }, /cookie\.encode is "uri"; give a function/],
  [{ cookie: { maxage: 1 } }, /cookie\.maxage is not an option\. Known are: domain, /],
  [{ cookie: { maxAge: '1h' } }, /cookie\.maxAge is "1h"; give a number of milliseconds above 0/],
  [{ cookie: { maxAge: 0 } }, /cookie\.maxAge is 0/],
  [{ cookie: 'seen' }, /cookie must be an object/],
  [{ rolling: 'no' }, /rolling is "no"; give true or false/],
  [{ saveUninitialized: 0 }, /saveUninitialized is 0; give true or false/],
  [{ token: { cookieName: 'a b' } }, /no cookie name/],
  [{ token: { cookieName: 'sessionId' } }, /is the name of two cookies/],
  [{ cookieName: 'sessionmesh' }, /is the name of two cookies/],
  [{ route: 'node' }, /route must be true, or an object/],
  [{ readYourWrites: 'no' }, /readYourWrites is "no"/],
  [{ acks: 'two' }, /acks is "two"/],
  [{ ackz: 'one' }, /ackz is not an option of session\. Known are: cluster, acks, /],
  [{ ttlMs: -4 }, /ttlMs is -4/],
])('%o', async (options, message) => {
  const [cluster] = await join(1)
  const given = { ...DEFAULTS, cluster: cluster!, ...options }
  const register = async () => fastify().register(session, given)
  await expect(register()).rejects.toMatchObject({
    name: 'SessionMeshError',
    code: 'SESSIONMESH_BAD_OPTION',
    message: expect.stringMatching(message),
  })
  // Nobody has to await the registration itself.
  const app = fastify()
  app.register(session, given)
  await expect(app.ready()).rejects.toMatchObject({ code: 'SESSIONMESH_BAD_OPTION' })
})

test('every option of @fastify/session but the store is still taken', async () => {
  const [cluster] = await join(1)
  const cookie = {
    encode: encodeURIComponent,
    httpOnly: true,
    maxAge: 60_000,
    partitioned: false,
    path: '/',
    priority: 'high',
    sameSite: 'strict',
  } as const
  const app = await appOn(cluster!, {
    algorithm: 'sha512',
    cookie,
    cookieName: 'sid',
    cookiePrefix: 's:',
    idGenerator: () => 'chosen',
    rolling: false,
    saveUninitialized: true,
    readYourWrites: false,
    token: {},
    acks: 'none',
    ttlMs: 1,
  })
  app.get('/', async (request) => request.session.sessionId)
  const { text, set } = await new Client().get(await serve(app))
  expect([text, Object.keys(set)]).toEqual(['chosen', ['sid']])
  expect(set.sid).toMatch(/^sid=s(:|%3A)chosen\..*; Path=\/; Expires=.*; HttpOnly; SameSite=Strict$/)
  expect(cookie).not.toHaveProperty('secure')
})

test('sessions are registered once, and alone', async () => {
  const [cluster] = await join(1)
  const given = { ...DEFAULTS, cluster: cluster! }
  const others: ((app: FastifyInstance) => unknown)[] = [
    (app) => app.register(session, given),
    (app) => app.register(fastifyCookie).register(fastifySession, { secret: given.secret }),
  ]
  for (const registerOther of others) {
    const app = fastify()
    registerOther(app)
    app.register(session, given)
    await expect(app.ready()).rejects.toMatchObject({
      code: 'SESSIONMESH_BAD_OPTION',
      message: expect.stringMatching(/this app has sessions already: register session once/),
    })
  }
  // Side by side they do not meet.
  const app = fastify()
  for (const path of ['/one', '/two']) {
    app.register(async (inner) => {
      await inner.register(session, { ...given, cookie: { secure: false } })
      inner.get(path, async (request) => request.session.sessionId)
    })
  }
  const origin = await serve(app)
  for (const path of ['/one', '/two']) expect((await new Client().get(origin + path)).status).toBe(200)
})

test('who calls the plugin instead of registering it is told so, at once', async () => {
  const [cluster] = await join(1)
  const call = () => Reflect.apply(session, undefined, [{ ...DEFAULTS, cluster }])
  expect(call).toThrow(expect.objectContaining({ code: 'SESSIONMESH_BAD_OPTION' }))
  expect(call).toThrow(/session is a plugin, not a function to call: await app\.register\(session, /)
})

test('secrets can be rotated', async () => {
  const [cluster] = await join(1)
  const [older, newer] = ['o', 'n'].map((letter) => letter.repeat(32)) as [string, string]
  const origins: string[] = []
  for (const secret of [older, [newer, older], newer, older]) {
    const app = await appOn(cluster!, { secret })
    app.get('/', async ({ session }) => {
      session.count = (session.count ?? 0) + 1
      return session.count
    })
    origins.push(await serve(app))
  }
  const client = new Client()
  const counts: string[] = []
  for (const origin of origins) counts.push((await client.get(origin)).text)
  expect(counts).toEqual(['1', '2', '3', '1'])
})
