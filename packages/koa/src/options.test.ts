/** Mistakes in options are told when the app starts, with what to do about them. */

import Koa from 'koa'
import koaSession from 'koa-session'
import { expect, test } from 'vitest'
import type { MeshSessionOptions } from './options.js'
import { session } from './session.js'
import { Client, join, serve } from './testing/harness.js'

function newApp(): Koa {
  const app = new Koa()
  app.keys = ['cookie secret']
  return app
}

const isBadOption = expect.objectContaining({ name: 'SessionMeshError', code: 'SESSIONMESH_BAD_OPTION' })

test.each<[object, RegExp]>([
  [{ cluster: undefined }, /await it first/],
  [{ store: {} }, /leave `store` out/],
  [{ ContextStore: class {} }, /ContextStore is not an option/],
  [{ maxage: 1 }, /maxage is not an option of session\(\)\. Known are: cluster, acks, /],
  [{ encode: () => '' }, /encode is not an option/],
  [{ maxAge: '1h' }, /maxAge is 1h; give a number of milliseconds above 0, or 'session'/],
  [{ maxAge: 0 }, /maxAge is 0/],
  [{ maxAge: Number.NaN }, /maxAge is NaN/],
  [{ sameSite: true }, /sameSite is true; give 'lax', 'strict' or 'none'/],
  [{ sameSite: false }, /sameSite is false; give/],
  [{ sameSite: 'bogus' }, /sameSite is "bogus"; give/],
  [{ priority: 'urgent' }, /priority is "urgent"; give 'low', 'medium' or 'high'/],
  [{ path: 'shop' }, /path is "shop"; give a path, as in '\/shop'/],
  [{ domain: 'https://shop.test' }, /domain is "https:\/\/shop\.test"; give a domain/],
  [{ partitioned: 'no' }, /partitioned is "no"; give true or false/],
  [{ secure: 'false' }, /secure: Expected boolean/],
  [{ genid: 'uuid' }, /genid: Expected function/],
  [{ externalKey: { get: () => '' } }, /externalKey\.set: Required/],
  [{ key: 7 }, /key is 7; give letters, digits/],
  [{ key: 'a b' }, /key is "a b"; give letters, digits/],
  [{ key: 'sessionmesh' }, /is the name of two cookies/],
  [{ token: { cookieName: 'koa.sess' } }, /is the name of two cookies/],
  [{ token: { cookieName: 'a b' } }, /no cookie name/],
  [{ route: 'node' }, /route must be true, or an object/],
  [{ readYourWrites: 'no' }, /readYourWrites is "no"/],
  [{ acks: 'two' }, /acks is "two"/],
  [{ ttlMs: -4 }, /ttlMs is -4/],
])('session(%o)', async (options, message) => {
  const [cluster] = await join(1)
  const call = () => session({ cluster: cluster!, ...options }, newApp())
  expect(call).toThrow(isBadOption)
  expect(call).toThrow(message)
})

test.each<[string, (app: Koa) => unknown, RegExp]>([
  ['without keys', (app) => Object.assign(app, { keys: undefined }), /app\.keys are missing: they sign/],
  ['with no key', (app) => Object.assign(app, { keys: [] }), /app\.keys are missing/],
  ['with a key from an empty environment', (app) => Object.assign(app, { keys: [undefined] }), /app\.keys/],
  [
    'with a key that is missing',
    (app) => Object.assign(app, { keys: ['k', undefined] }),
    /app\.keys\[1\] is missing/,
  ],
  ['with a key that is empty', (app) => Object.assign(app, { keys: [''] }), /app\.keys\[0\] is missing/],
  [
    'with a number for a key',
    (app) => Object.assign(app, { keys: [5] }),
    /app\.keys\[0\] is no text: they sign/,
  ],
  [
    'with a text for keys',
    (app) => Object.assign(app, { keys: 'abc' }),
    /app\.keys are no list of texts: they sign/,
  ],
  [
    'with a Set of keys',
    (app) => Object.assign(app, { keys: new Set(['k']) }),
    /app\.keys are no list of texts/,
  ],
  ['with sessions', (app) => app.use(koaSession(app)), /this app has a ctx\.session already/],
  ['that is none', () => ({}), /takes the app as well/],
  ['not given', () => undefined, /takes the app as well/],
])('an app %s', async (_name, appOf, message) => {
  const [cluster] = await join(1)
  const app = newApp()
  const prepared = appOf(app)
  const call = () => Reflect.apply(session, undefined, [{ cluster }, prepared])
  expect(call).toThrow(isBadOption)
  expect(call).toThrow(message)
})

test('without a cluster, or with app and options the other way round', async () => {
  const [cluster] = await join(1)
  const call = (...given: unknown[]) => Reflect.apply(session, undefined, given)
  expect(() => call(undefined, newApp())).toThrow(/takes an object/)
  expect(() => call(Promise.resolve(cluster), newApp())).toThrow(/await it first/)
  expect(() => call(cluster, newApp())).toThrow(/give \{ cluster \} instead/)
  expect(() => call(newApp(), { cluster })).toThrow(/the app comes last/)
})

test('a cookie that is not signed needs no keys, and every other option is taken', async () => {
  const [cluster] = await join(1)
  const app = new Koa()
  session({ cluster: cluster!, signed: false }, app)
  const site = await serve(
    cluster!,
    {
      set(ctx) {
        ctx.session!.count = 1
        ctx.body = ctx.session!.externalKey
      },
    },
    {
      key: 'sid',
      maxAge: 60_000,
      rolling: true,
      renew: true,
      autoCommit: true,
      httpOnly: true,
      secure: false,
      sameSite: 'strict',
      path: '/',
      domain: 'shop.test',
      partitioned: false,
      priority: 'high',
      overwrite: true,
      genid: () => 'chosen',
      prefix: 'unused',
      valid: () => true,
      beforeSave: () => {},
      externalKey: undefined,
      readYourWrites: false,
      token: {},
      acks: 'none',
      ttlMs: 1,
    },
  )
  const { text, set } = await new Client().get(site, 'set')
  expect([text, Object.keys(set)]).toEqual(['chosen', ['sid', 'sid.sig']])
  expect(set.sid).toMatch(/domain=shop\.test; priority=high; samesite=strict; httponly/i)
})

test.each<[string, () => unknown, RegExp]>([
  ['5', () => 5, /genid returned a number; it must return the id of a new session, a text, at once/],
  ['nothing', () => undefined, /genid returned nothing/],
  ['an empty text', () => '', /genid returned nothing/],
  ['a Promise', async () => 'later', /genid returned a Promise/],
])(
  'a genid that returns %s fails the request that needs it, with the mend',
  async (_name, genid, message) => {
    const [cluster] = await join(1)
    const given = { genid } as unknown as Partial<MeshSessionOptions>
    const site = await serve(cluster!, {}, given)
    const messages: string[] = []
    site.app.on('error', (error: Error) => messages.push(error.message))
    expect((await new Client().get(site, 'any')).status).toBe(500)
    expect(site.errors).toEqual(['SESSIONMESH_BAD_OPTION'])
    expect(messages).toEqual([expect.stringMatching(message)])
  },
)

test('keys may be what signs by itself, or bytes', async () => {
  const [cluster] = await join(1)
  const keys = [Buffer.from('cookie secret')]
  for (const given of [keys, { sign: () => 'signed', verify: () => true }]) {
    const app = Object.assign(newApp(), { keys: given })
    expect(session({ cluster: cluster! }, app)).toBeTypeOf('function')
  }
})

test('an option that is undefined is not given', async () => {
  const [cluster] = await join(1)
  const nothing = {
    key: undefined,
    sameSite: undefined,
    autoCommit: undefined,
    genid: undefined,
    ttlMs: undefined,
  }
  const site = await serve(
    cluster!,
    {
      set(ctx) {
        ctx.session!.count = 1
        ctx.body = 'set'
      },
    },
    nothing,
  )
  expect((await new Client().get(site, 'set')).set['koa.sess']).toMatch(/samesite=lax; httponly/)
})
