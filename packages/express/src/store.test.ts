/** SessionStore as others use it: by hand, with plain data, outside of requests. */
import expressSession, { type SessionData } from 'express-session'
import { expect, test } from 'vitest'
import type { SessionStoreOptions } from './options.js'
import { SessionStore } from './store.js'
import { appOn, Client, DEFAULTS, join, serve, until, withSessions } from './testing/harness.js'

const plain = (data: object = {}): SessionData => ({ cookie: { originalMaxAge: null }, ...data })

async function storeOn(options: Partial<SessionStoreOptions> = {}) {
  const [cluster] = await join(1)
  const store = new SessionStore({ cluster: cluster!, ...options })
  /** What a callback got, which must have been called before the method returned. */
  const now = <T>(call: (callback: (error?: unknown, value?: T) => void) => void): T | undefined => {
    let got: { error: unknown; value: T | undefined } | undefined
    call((error, value) => {
      got = { error, value }
    })
    if (!got) throw new Error('not called back yet')
    if (got.error) throw got.error
    return got.value
  }
  return { cluster: cluster!, store, now }
}

test('every method calls back before it returns', async () => {
  const { store, now } = await storeOn()
  now((done) => store.set('s1', plain({ user: 'ada' }), done))
  expect(now<SessionData | null>((done) => store.get('s1', done))).toMatchObject({
    user: 'ada',
    cookie: { originalMaxAge: null, expires: null, path: '/', httpOnly: true },
  })
  now((done) => store.touch('s1', plain(), done))
  expect(now<number>((done) => store.length(done))).toBe(1)
  now((done) => store.destroy('s1', done))
  expect(now((done) => store.get('s1', done))).toBeUndefined()
})

test('callbacks may be left out', async () => {
  const { store, cluster } = await storeOn()
  store.set('s1', plain())
  store.touch('s1', plain())
  store.set('s2', plain({ value: () => 1 }))
  expect([...cluster.sessions.keys()]).toEqual(['s1'])
  store.destroy('s1')
  store.clear()
  expect(cluster.sessions.size).toBe(0)
})

test('all, ids, length and clear speak of the living sessions', async () => {
  const { store, now, cluster } = await storeOn()
  for (const user of ['ada', 'bob', 'cy']) store.set(`id-${user}`, plain({ user }))
  store.destroy('id-bob')
  store.set('short', { cookie: { originalMaxAge: 50 } })
  await until('it has expired', () => !cluster.sessions.has('short'))
  expect(now((done) => store.all(done))).toEqual({
    'id-ada': expect.objectContaining({ user: 'ada' }),
    'id-cy': expect.objectContaining({ user: 'cy' }),
  })
  expect(now<string[]>((done) => store.ids(done))?.sort()).toEqual(['id-ada', 'id-cy'])
  expect(now((done) => store.length(done))).toBe(2)
  now((done) => store.clear(done))
  expect(now((done) => store.ids(done))).toEqual([])
})

test('all calls back with the error when a session cannot be read', async () => {
  const { cluster, store } = await storeOn()
  store.set('s1', plain())
  const error = Object.assign(new Error('unreadable'), { code: 'SESSIONMESH_UNREADABLE_ATTRIBUTE' })
  const broken = withSessions(cluster, () => ({
    load: () => {
      throw error
    },
  }))
  const answers: unknown[][] = []
  new SessionStore({ cluster: broken }).all((...answer) => answers.push(answer))
  expect(answers).toEqual([[error]])
})

test('what get returned is written back as a difference; other data replaces the whole', async () => {
  const { store, now, cluster } = await storeOn()
  store.set('s1', plain({ user: 'ada', count: 1 }))
  const mine = now<SessionData | null>((done) => store.get('s1', done))!
  const other = now<SessionData | null>((done) => store.get('s1', done))!
  mine.count = 2
  store.set('s1', mine)
  other.cart = ['tea']
  store.set('s1', other)
  mine.value = 'once more'
  store.set('s1', mine)
  const all = { user: 'ada', count: 2, cart: ['tea'], value: 'once more' }
  expect(cluster.sessions.load('s1')?.data).toMatchObject(all)
  store.set('s1', plain({ user: 'eve' }))
  expect(Object.keys(cluster.sessions.load('s1')!.data).sort()).toEqual(['cookie', 'user'])
})

test('what was loaded before a destroy cannot bring the session back, however often it is saved', async () => {
  const { store, now, cluster } = await storeOn()
  store.set('s1', plain({ user: 'ada' }))
  const loaded = now<SessionData | null>((done) => store.get('s1', done))!
  store.destroy('s1')
  for (const user of ['bob', 'cy']) {
    loaded.user = user
    now((done) => store.set('s1', loaded, done))
    expect(cluster.sessions.has('s1')).toBe(false)
  }
})

test('what was loaded before its expiry cannot bring the session back either', async () => {
  const { store, now, cluster } = await storeOn()
  store.set('s1', { ...plain({ user: 'ada' }), cookie: { originalMaxAge: 50 } })
  const loaded = now<SessionData | null>((done) => store.get('s1', done))!
  await until('it has expired', () => !cluster.sessions.has('s1'))
  for (const user of ['bob', 'cy']) {
    loaded.user = user
    now((done) => store.set('s1', loaded, done))
    expect(cluster.sessions.has('s1')).toBe(false)
  }
})

test('the lifetime is what is left of cookie.expires, whoever wrote it', async () => {
  const { store, cluster } = await storeOn({ ttlMs: 5_000 })
  const soon = new Date(Date.now() + 60_000)
  store.set('date', { cookie: { originalMaxAge: null, expires: soon } })
  store.set('json', JSON.parse(JSON.stringify({ cookie: { originalMaxAge: null, expires: soon } })))
  store.set('none', plain())
  store.set('over', { cookie: { originalMaxAge: null, expires: new Date(Date.now() - 1) } })
  const ttl = (sid: string) => cluster.sessions.load(sid)?.ttlMs
  for (const sid of ['date', 'json']) {
    expect(ttl(sid)).toBeGreaterThan(50_000)
    expect(ttl(sid)).toBeLessThanOrEqual(60_000)
  }
  expect(ttl('none')).toBe(5_000)
  expect(ttl('over')).toBeUndefined()
})

test('a save that says nothing about the expiry leaves the lifetime as it is, however much of it is left', async () => {
  const { cluster } = await storeOn()
  const later = withSessions(cluster, (sessions) => ({
    load: (sid) => {
      const loaded = sessions.load(sid)
      return loaded && { ...loaded, remainingMs: 1_000 }
    },
  }))
  const store = new SessionStore({ cluster: later })
  store.set('s1', { cookie: { originalMaxAge: 60_000 } })
  store.get('s1', (_error, loaded) => {
    expect(loaded!.cookie.expires!.getTime()).toBeLessThanOrEqual(Date.now() + 1_000)
    store.set('s1', { ...plain(), ...loaded!, user: 'not a difference' })
    expect(cluster.sessions.load('s1')?.ttlMs).toBeLessThanOrEqual(1_000)
  })
  store.set('s2', { cookie: { originalMaxAge: 60_000 } })
  store.get('s2', (_error, loaded) => {
    loaded!.user = 'ada'
    store.set('s2', loaded!)
    expect(cluster.sessions.load('s2')).toMatchObject({ data: { user: 'ada' }, ttlMs: 60_000 })
  })
})

test('a session that was written past this package, without a cookie, can be used', async () => {
  const [cluster] = await join(1)
  const app = appOn(cluster!)
  app.get('/', (req, res) => {
    res.json(req.session)
  })
  app.get('/in', (req, res) => {
    req.session.user = 'ada'
    res.send('in')
  })
  const origin = await serve(app)
  const client = new Client()
  await client.get(`${origin}/in`)
  cluster!.sessions.write(client.sid, { user: 'bob', cookie: 'not ours' })
  const cookie = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }
  expect(JSON.parse((await client.get(origin)).text)).toEqual({ user: 'bob', cookie })
})

test('with acks, set and destroy call back when peers hold the write, or with the error', async () => {
  const [a, b] = await join(2)
  const store = new SessionStore({ cluster: a!, acks: 'all' })
  await new Promise<void>((resolve, reject) => {
    store.set('s1', plain({ user: 'ada' }), (error) => (error ? reject(error) : resolve()))
  })
  expect(b!.sessions.load('s1')?.data).toMatchObject({ user: 'ada' })
  await new Promise<void>((resolve, reject) => {
    store.destroy('s1', (error) => (error ? reject(error) : resolve()))
  })
  expect(b!.sessions.has('s1')).toBe(false)
  await b!.close()
  await until('the peer is gone', () => a!.members().every(({ self, state }) => self || state !== 'alive'))
  const alone = new SessionStore({ cluster: a!, acks: 'one' })
  const error = await new Promise((resolve) => alone.set('s2', plain(), resolve))
  expect(error).toMatchObject({ code: 'SESSIONMESH_NO_PEER' })
  expect(a!.sessions.has('s2')).toBe(true)
})

test('touch reports no error; set and destroy do', async () => {
  const { store, cluster } = await storeOn()
  store.set('s1', plain())
  await cluster.close()
  const errors: unknown[] = []
  store.touch('s1', plain(), () => errors.push('touched'))
  store.touch('never seen', plain(), () => errors.push('touched'))
  store.set('s1', plain({ user: 'ada' }), (error) => errors.push(error))
  store.destroy('s1', (error) => errors.push(error))
  store.clear((error) => errors.push(error))
  const closed = expect.objectContaining({ code: 'SESSIONMESH_CLOSED' })
  expect(errors).toEqual(['touched', 'touched', closed, closed, closed])
})

test("by hand with express-session's own middleware it serves as any store does", async () => {
  const [cluster] = await join(1)
  const tokens: unknown[] = []
  const watched = withSessions(cluster!, () => ({
    catchUp: (_sid, token) => {
      tokens.push(token)
      return undefined
    },
  }))
  const { default: express } = await import('express')
  const app = express()
  app.use(expressSession({ ...DEFAULTS, store: new SessionStore({ cluster: watched }) }))
  app.get('/', (req, res) => {
    req.session.count = (req.session.count ?? 0) + 1
    req.session.value = new Map([[1n, req.session.count]])
    res.send(`${req.session.count}`)
  })
  const origin = await serve(app)
  const client = new Client()
  client.cookies.set('sessionmesh', 'not for a store alone')
  for (const count of ['1', '2', '3']) expect((await client.get(origin)).text).toBe(count)
  expect(tokens).toEqual([undefined, undefined])
})

test('load() gives a Session that can be saved, as express-session says', async () => {
  const { store, cluster } = await storeOn()
  store.set('s1', plain({ user: 'ada' }))
  store.load('s1', (_error, loaded) => {
    loaded!.count = 1
    store.set('s1', loaded!)
  })
  expect(cluster.sessions.load('s1')?.data).toMatchObject({ user: 'ada', count: 1 })
})
