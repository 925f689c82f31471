/** Mistakes in options are told when the app starts, with what to do about them. */

import { expect, test } from 'vitest'
import { session } from './session.js'
import { appOn, Client, join, SECRET, serve, withSessions } from './testing/harness.js'

test.each<[object, RegExp]>([
  [{ cluster: undefined }, /await it first/],
  [{ secret: undefined }, /secret is missing: it signs the session cookie/],
  [{ secret: '' }, /secret is missing/],
  [{ secret: [] }, /secret is missing/],
  [{ secret: ['new', undefined] }, /secret is missing/],
  [{ secret: ['new', 7] }, /secret must be a text, or a list of texts/],
  [{ name: 'a b' }, /name or cookie: Invalid cookie name/],
  [{ name: 7 }, /name is 7/],
  [{ name: '__Host-sid' }, /name or cookie: .*Secure/],
  [{ name: 'sessionmesh' }, /is the name of two cookies/],
  [{ cookie: 'seen' }, /cookie must be an object/],
  [{ cookie: { maxage: 1 } }, /cookie\.maxage is not an option\. Known are: domain, /],
  [{ cookie: { expires: new Date() } }, /cookie\.expires is not an option/],
  [{ cookie: { maxAge: '1h' } }, /cookie\.maxAge is "1h"; give whole seconds/],
  [{ cookie: { maxAge: 0.4 } }, /cookie\.maxAge is 0\.4/],
  [{ cookie: { maxAge: 0 } }, /cookie\.maxAge is 0/],
  [{ cookie: { maxAge: 86_400_000 } }, /400 days/],
  [{ cookie: { secure: 'auto' } }, /cookie\.secure is "auto"; give true or false/],
  [{ cookie: { sameSite: true } }, /cookie\.sameSite is true; give one of strict, lax, none/],
  [{ cookie: { priority: 'urgent' } }, /cookie\.priority is "urgent"; give one of low/],
  [{ cookie: { path: 7 } }, /cookie\.path is 7; give a text/],
  [{ cookie: { domain: 'a;b' } }, /name or cookie: domain must not contain/],
  [{ cookie: { partitioned: true } }, /name or cookie: Partitioned/],
  [{ rolling: true }, /rolling renews cookie\.maxAge, and there is none/],
  [{ rolling: 'yes', cookie: { maxAge: 60 } }, /rolling is "yes"/],
  [{ token: { cookieName: 'sid' } }, /is the name of two cookies/],
  [{ route: 'node' }, /route must be true, or an object/],
  [{ readYourWrites: 'no' }, /readYourWrites is "no"/],
  [{ acks: 'two' }, /acks is "two"/],
  [{ ackz: 'one' }, /ackz is not an option of session\(\)\. Known are: cluster, acks, /],
  [{ ttlMs: 0 }, /ttlMs is 0/],
])('session(%o)', async (options, message) => {
  const [cluster] = await join(1)
  const call = () => Reflect.apply(session, undefined, [{ cluster: cluster!, secret: SECRET, ...options }])
  expect(call).toThrow(expect.objectContaining({ name: 'SessionMeshError', code: 'SESSIONMESH_BAD_OPTION' }))
  expect(call).toThrow(message)
})

test.each([[undefined], [null], [{}], [{ cluster: Promise.resolve() }]])(
  'without a cluster: %o',
  (options) => {
    expect(() => Reflect.apply(session, undefined, [options])).toThrow(
      expect.objectContaining({ code: 'SESSIONMESH_BAD_OPTION' }),
    )
  },
)

test('the cookies are set as the options say, and those of the cluster go where the session cookie goes', async () => {
  const [cluster] = await join(1)
  const app = appOn(
    withSessions(cluster!, () => ({ token: () => 'seen-until-here' })),
    {
      name: '__Secure-shop',
      cookie: {
        ...{ domain: '127.0.0.1', path: '/shop', maxAge: 60, secure: true },
        sameSite: 'Strict',
        priority: 'High',
      },
      token: { cookieName: 'seen' },
      route: { cookieName: 'node' },
    },
  )
  app.get('/shop', (c) => {
    c.get('session').set('count', 1)
    return c.text('ok')
  })
  const { set } = await new Client().get(`${await serve(app)}/shop`)
  expect(Object.keys(set)).toEqual(['__Secure-shop', 'seen', 'node'])
  expect(set['__Secure-shop']).toMatch(/^__Secure-shop=[\w-]{32}\.[^;]+; Max-Age=60; /)
  expect(set['__Secure-shop']).toMatch(/; Priority=High$/)
  for (const line of Object.values(set))
    expect(line.split('; ')).toEqual(
      expect.arrayContaining(['Domain=127.0.0.1', 'Path=/shop', 'HttpOnly', 'Secure', 'SameSite=Strict']),
    )
})

test('by default the cookie is HttpOnly, SameSite=Lax, for all paths, and ends with the browser', async () => {
  const [cluster] = await join(1)
  const app = appOn(cluster!).get('/', (c) => {
    c.get('session').set('count', 1)
    return c.text('ok')
  })
  const { set } = await new Client().get(await serve(app))
  expect(Object.keys(set)).toEqual(['sid'])
  expect(set.sid).toMatch(/^sid=[\w-]{32}\.[^;]+; Path=\/; HttpOnly; SameSite=Lax$/)
})
