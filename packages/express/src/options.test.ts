/** Mistakes in options are told when the app starts, with what to do about them. */

import expressSession from 'express-session'
import { expect, test } from 'vitest'
import { session } from './session.js'
import { SessionStore } from './store.js'
import { appOn, Client, DEFAULTS, join, serve } from './testing/harness.js'

test.each<[object, RegExp]>([
  [{ cluster: undefined }, /await it first/],
  [{ store: new expressSession.MemoryStore() }, /leave `store` out/],
  [{ secret: undefined }, /secret is missing: it signs the session cookie/],
  [{ secret: '' }, /secret is missing/],
  [{ cookie: { maxage: 1 } }, /cookie\.maxage is not an option\. Known are: domain, /],
  [{ cookie: { maxAge: '1h' } }, /cookie\.maxAge is "1h"; give a number of milliseconds/],
  [{ cookie: 'seen' }, /cookie must be an object/],
  [{ token: { cookieName: 'a b' } }, /no cookie name/],
  [{ token: { cookieName: 'connect.sid' } }, /is the name of two cookies/],
  [{ token: { cookiename: 'seen' } }, /token\.cookiename is not an option/],
  [{ token: 'seen' }, /token must be an object/],
  [{ name: 'sessionmesh' }, /is the name of two cookies/],
  [{ key: 'sessionmesh' }, /is the name of two cookies/],
  [{ route: 'node' }, /route must be true, or an object/],
  [{ route: { cookieName: 'sessionmesh' } }, /is the name of two cookies/],
  [{ route: { name: 'node' } }, /route\.name is not an option\. Known are: cookieName/],
  [{ readYourWrites: 'no' }, /readYourWrites is "no"/],
  [{ acks: 'two' }, /acks is "two"/],
  [{ ackz: 'one' }, /ackz is not an option of session\(\)\. Known are: cluster, acks, /],
  [{ ttlMs: -4 }, /ttlMs is -4/],
  [{ ttlMs: 0 }, /ttlMs is 0/],
  [{ ttlMs: Number.NaN }, /ttlMs is NaN/],
  [{ ttlMs: Number.POSITIVE_INFINITY }, /ttlMs is Infinity/],
  [{ ttlMs: '60' }, /a finite number of milliseconds above 0/],
])('session(%o)', async (options, message) => {
  const [cluster] = await join(1)
  const call = () => session({ ...DEFAULTS, cluster: cluster!, ...options })
  expect(call).toThrow(expect.objectContaining({ name: 'SessionMeshError', code: 'SESSIONMESH_BAD_OPTION' }))
  expect(call).toThrow(message)
})

test.each<[unknown, RegExp]>([
  [undefined, /takes an object/],
  [null, /takes an object/],
  [{}, /await it first/],
  [{ cluster: Promise.resolve() }, /await it first/],
])('without a cluster: %o', (options, message) => {
  for (const call of [
    () => Reflect.apply(session, undefined, [options]),
    () => Reflect.construct(SessionStore, [options]),
  ]) {
    expect(call).toThrow(expect.objectContaining({ code: 'SESSIONMESH_BAD_OPTION' }))
    expect(call).toThrow(message)
  }
})

test.each([{ ttlMs: -4 }, { acks: 'two' }, { readYourWrites: true }])(
  'new SessionStore(%o)',
  async (options) => {
    const [cluster] = await join(1)
    expect(() => Reflect.construct(SessionStore, [{ cluster, ...options }])).toThrow(
      expect.objectContaining({ code: 'SESSIONMESH_BAD_OPTION' }),
    )
  },
)

test('new SessionStore(cluster) instead of { cluster }', async () => {
  const [cluster] = await join(1)
  expect(() => Reflect.construct(SessionStore, [cluster])).toThrow(/give \{ cluster \} instead/)
})

test('every option of express-session but the store is still taken', async () => {
  const [cluster] = await join(1)
  const app = appOn(cluster!, {
    cookie: { maxAge: 60_000, path: '/', httpOnly: true, secure: 'auto', sameSite: 'lax', priority: 'high' },
    genid: () => 'chosen',
    name: 'sid',
    proxy: true,
    rolling: true,
    unset: 'destroy',
    readYourWrites: false,
    token: {},
    acks: 'none',
    ttlMs: 1,
  })
  app.get('/', (req, res) => {
    req.session.count = 1
    res.send(req.sessionID)
  })
  const { text, set } = await new Client().get(await serve(app))
  expect([text, Object.keys(set)]).toEqual(['chosen', ['sid']])
})
