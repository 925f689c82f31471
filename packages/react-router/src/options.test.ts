/** Mistakes in options are told when the app starts, with what to do about them. */

import { createCookie } from 'react-router'
import { expect, test } from 'vitest'
import { createMeshSessionStorage, type MeshSessionStorageOptions } from './index.js'
import { join } from './testing/harness.js'

test.each<[object, RegExp]>([
  [{ cluster: undefined }, /await it first/],
  [{ cluster: Promise.resolve() }, /await it first/],
  [{ cookie: 'seen' }, /cookie must be what createCookie\(\) gives, or its options/],
  [{ cookie: null }, /cookie must be/],
  [{ cookie: { maxage: 1 } }, /cookie\.maxage is not an option\. Known are: name, secrets, /],
  [{ cookie: { maxAge: '1h' } }, /cookie\.maxAge is "1h"; give a whole number of seconds/],
  [{ cookie: { maxAge: 0 } }, /cookie\.maxAge is 0/],
  [{ cookie: { maxAge: 1.5 } }, /cookie\.maxAge is 1\.5/],
  [{ cookie: { expires: 'tomorrow' } }, /cookie\.expires must be a valid Date/],
  [{ cookie: { expires: new Date(Number.NaN) } }, /cookie\.expires must be a valid Date/],
  [{ cookie: { secrets: 'secret' } }, /cookie\.secrets must be a list of texts/],
  [{ cookie: { secrets: [undefined] } }, /is a variable not set\?/],
  [{ cookie: { secrets: [''] } }, /is a variable not set\?/],
  [{ cookie: { name: '' } }, /cookie\.name is ""/],
  [{ cookie: { name: 7 } }, /cookie\.name is 7/],
  [{ readYourWrites: 'no' }, /readYourWrites is "no"/],
  [{ token: {} }, /token is not an option of createMeshSessionStorage\(\)\. Known are: cluster, /],
  [{ route: true }, /route is not an option of createMeshSessionStorage\(\)/],
  [{ secrets: ['secret'] }, /secrets is not an option/],
  [{ acks: 'two' }, /acks is "two"/],
  [{ ttlMs: 0 }, /ttlMs is 0/],
])('createMeshSessionStorage(%o)', async (options, message) => {
  const [cluster] = await join(1)
  const call = () => createMeshSessionStorage({ cluster: cluster!, ...options })
  expect(call).toThrow(expect.objectContaining({ name: 'SessionMeshError', code: 'SESSIONMESH_BAD_OPTION' }))
  expect(call).toThrow(message)
})

test.each([undefined, null, {}])('without a cluster: %o', (options) => {
  const call = () => Reflect.apply(createMeshSessionStorage, undefined, [options])
  expect(call).toThrow(expect.objectContaining({ code: 'SESSIONMESH_BAD_OPTION' }))
})

test('the cluster alone is enough', async () => {
  const [cluster] = await join(1)
  const storage = createMeshSessionStorage({ cluster: cluster! })
  const session = await storage.getSession()
  session.set('user', 'ada')
  expect(await storage.commitSession(session)).toMatch(/^__session=[^;]+; Path=\/; HttpOnly; SameSite=Lax$/)
})

test('the cookie is where and how its options say', async () => {
  const [cluster] = await join(1)
  const cookie = {
    name: 'shop',
    secrets: ['secret'],
    path: '/shop',
    domain: 'example.org',
    secure: true,
    sameSite: 'strict',
    maxAge: 60,
  } satisfies MeshSessionStorageOptions['cookie']
  const storage = createMeshSessionStorage({ cluster: cluster!, cookie })
  const session = await storage.getSession()
  session.set('user', 'ada')
  expect(await storage.commitSession(session)).toMatch(
    /^shop=[^;]+; Max-Age=60; Domain=example\.org; Path=\/shop; HttpOnly; Secure; SameSite=Strict$/,
  )
  expect(await storage.destroySession(session)).toMatch(
    /^shop=; Max-Age=0; Domain=example\.org; Path=\/shop; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Strict$/,
  )
})

test('a cookie that createCookie() has made is taken as it is', async () => {
  const [cluster] = await join(1)
  const cookie = createCookie('shop', { secrets: ['secret'], maxAge: 60 })
  const storage = createMeshSessionStorage({ cluster: cluster!, cookie })
  const session = await storage.getSession()
  session.set('user', 'ada')
  const line = await storage.commitSession(session)
  expect(line).toMatch(/^shop=[^;]+; Max-Age=60; Path=\/; SameSite=Lax$/)
  expect((await storage.getSession(line)).get('user')).toBe('ada')
})
