/** What the contract of all frameworks does not say of React Router's sessions. */

import {
  createContext,
  createCookie,
  createSession,
  redirect,
  type Session,
  type SessionStorage,
} from 'react-router'
import type { Cluster } from 'sessionmesh'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createMeshSessionStorage, type MeshSessionStorageOptions } from './index.js'
import { Client, forgotten, join, serve, until, withSessions } from './testing/harness.js'

const COOKIE = { secrets: ['cookie secret'] }

function storageOn(cluster: Cluster | undefined, options: Partial<MeshSessionStorageOptions> = {}) {
  return createMeshSessionStorage({ cluster: cluster!, cookie: COOKIE, ...options })
}

/** A client whose session holds `data`, committed. */
async function clientWith(storage: SessionStorage, data: Record<string, unknown>): Promise<Client> {
  const client = new Client()
  const session = await storage.getSession()
  for (const [name, value] of Object.entries(data)) session.set(name, value)
  client.keep(await storage.commitSession(session))
  return client
}

/** One loader per path, which commits as an app does. */
function serveSite(
  storage: SessionStorage,
  site: Record<string, (session: Session) => unknown>,
  errors: unknown[] = [],
): Promise<string> {
  const routes = Object.entries(site).map(([path, handle]) => ({
    path,
    async loader({ request }: { request: Request }) {
      const session = await storage.getSession(request.headers.get('Cookie'))
      const body = JSON.stringify(handle(session) ?? null)
      return new Response(body, { headers: { 'Set-Cookie': await storage.commitSession(session) } })
    },
  }))
  return serve(routes, errors)
}

test('a flash is shown once, whichever member is asked', async () => {
  const [a, b] = await join(2)
  const site = {
    '/flash': (session: Session) => session.flash('notice', 'saved'),
    '/show': (session: Session) => session.get('notice') ?? 'nothing',
  }
  const atA = await serveSite(storageOn(a), site)
  const atB = await serveSite(storageOn(b), site)
  const client = new Client()
  await client.get(`${atA}/flash`)
  expect((await client.get(`${atB}/show`)).text).toBe('"saved"')
  expect((await client.get(`${atA}/show`)).text).toBe('"nothing"')
})

test('through middleware, a redirect that is thrown carries the session', async () => {
  const [a, b] = await join(2)
  const sessionContext = createContext<Session>()
  const at = (cluster: Cluster | undefined) => {
    const storage = storageOn(cluster)
    return serve([
      {
        path: '/',
        middleware: [
          async ({ request, context }, next) => {
            const session = await storage.getSession(request.headers.get('Cookie'))
            context.set(sessionContext, session)
            const response = (await next()) as Response
            response.headers.append('Set-Cookie', await storage.commitSession(session))
            return response
          },
        ],
        children: [
          {
            path: 'login',
            loader: ({ context }) => {
              context.get(sessionContext).set('user', 'ada')
              throw redirect('/me')
            },
          },
          {
            path: 'me',
            loader: ({ context }) => ({ user: context.get(sessionContext).get('user') ?? null }),
          },
        ],
      },
    ])
  }
  const [atA, atB] = [await at(a), await at(b)]
  const client = new Client()
  expect((await client.get(`${atA}/login`)).status).toBe(302)
  expect((await client.get(`${atB}/me`)).text).toBe('{"user":"ada"}')
  const { lines } = await new Client().get(`${atB}/me`)
  expect(lines.filter((line) => line !== '')).toEqual([])
})

test('an id that a client made up is not taken', async () => {
  const [cluster] = await join(1)
  // Not even where nothing signs the cookie.
  const storage = storageOn(cluster, { cookie: { name: 'shop' } })
  const planted = await createCookie('shop').serialize(['chosen'])
  const session = await storage.getSession(planted)
  expect(session.id).toBe('')
  session.set('user', 'ada')
  const line = await storage.commitSession(session)
  expect(cluster!.sessions.has('chosen')).toBe(false)
  const { id } = await storage.getSession(line)
  expect(id).toMatch(/^[\w-]{32}$/)
  expect([...cluster!.sessions.keys()]).toEqual([id])
})

test('a cookie that another has signed, or nobody, opens no session', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster)
  await clientWith(storage, { user: 'ada' })
  const [sid] = cluster!.sessions.keys()
  for (const forger of [createCookie('__session', { secrets: ['guessed'] }), createCookie('__session')]) {
    const forged = await forger.serialize([sid])
    expect((await storage.getSession(forged)).get('user')).toBeUndefined()
  }
})

test.each([
  '__session=',
  '__session=%%%',
  '__session=garbage',
  '__session=WzFd',
  '__session=e30',
  '__session=WyIiLDFd', // ["",1]
  '__session=WyJhIiw1XQ', // ["a",5]
  'other=1; __session',
  ';;;',
  '',
  null,
  undefined,
])('a cookie that is none of ours is no session: %s', async (header) => {
  const [cluster] = await join(1)
  for (const cookie of [COOKIE, {}]) {
    const session = await storageOn(cluster, { cookie }).getSession(header)
    expect([session.id, session.data]).toEqual(['', {}])
  }
})

test('a session id of another storage of React Router is no session', async () => {
  const [cluster] = await join(1)
  const cookie = createCookie('__session', COOKIE)
  expect((await storageOn(cluster).getSession(await cookie.serialize('sid-of-before'))).id).toBe('')
})

test('what nobody puts anything into is not stored, and leaves the cookies of the client alone', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster)
  expect(await storage.commitSession(await storage.getSession())).toBe('')
  const origin = await serveSite(storage, { '/': () => 'hello' })
  const client = new Client()
  client.cookies.set('__session', 'kept')
  expect((await client.get(origin)).status).toBe(200)
  expect(client.cookies.get('__session')).toBe('kept')
  expect(cluster!.sessions.size).toBe(0)
})

test('a new session that is committed twice is one session', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster)
  const session = await storage.getSession()
  session.set('user', 'ada')
  await storage.commitSession(session)
  session.set('city', 'paris')
  const line = await storage.commitSession(session)
  expect(cluster!.sessions.size).toBe(1)
  expect((await storage.getSession(line)).data).toEqual({ user: 'ada', city: 'paris' })
})

test('a second commit writes what has changed since the first', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster)
  const session = await storage.getSession()
  session.set('user', 'ada')
  const line = await storage.commitSession(session)
  const other = await storage.getSession(line)
  other.set('user', 'grace')
  other.set('city', 'paris')
  await storage.commitSession(other)
  session.set('views', 1)
  await storage.commitSession(session)
  expect((await storage.getSession(line)).data).toEqual({ user: 'grace', city: 'paris', views: 1 })
})

test('two commits at once of a new session make one session', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster)
  const session = await storage.getSession()
  session.set('user', 'ada')
  await Promise.all([storage.commitSession(session), storage.commitSession(session)])
  expect(cluster!.sessions.size).toBe(1)
})

test('loaders of one request that change different things keep each other’s', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster)
  const client = await clientWith(storage, { user: 'ada', old: 1 })
  const [left, right] = [await storage.getSession(client.header), await storage.getSession(client.header)]
  left.set('left', 1)
  left.unset('old')
  right.set('right', 2)
  await storage.commitSession(left)
  await storage.commitSession(right)
  expect((await storage.getSession(client.header)).data).toEqual({ user: 'ada', left: 1, right: 2 })
})

test('a Map that is changed in place is saved with the commit', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster)
  const client = await clientWith(storage, { cart: new Map([['book', 1]]) })
  const session = await storage.getSession(client.header)
  session.get('cart').set('pen', 2)
  await storage.commitSession(session)
  expect([...(await storage.getSession(client.header)).get('cart')]).toEqual([
    ['book', 1],
    ['pen', 2],
  ])
})

test('what was loaded is a copy: without a commit nothing changes', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster)
  const client = await clientWith(storage, { cart: new Map([['book', 1]]) })
  const session = await storage.getSession(client.header)
  session.get('cart').set('pen', 2)
  expect((await storage.getSession(client.header)).get('cart')).toEqual(new Map([['book', 1]]))
})

test('a session that was destroyed comes back by no commit, also not of the one that destroyed it', async () => {
  const [cluster] = await join(1, { logger: quiet })
  const storage = storageOn(cluster)
  const client = await clientWith(storage, { user: 'ada' })
  const late = await storage.getSession(client.header)
  const session = await storage.getSession(client.header)
  expect(await storage.destroySession(session)).toMatch(/^__session=; Max-Age=0/)
  for (const gone of [session, late]) {
    gone.set('user', 'mallory')
    // A line would take away the cookie of a login that came in between.
    expect(await storage.commitSession(gone)).toBe('')
    expect(await storage.commitSession(gone)).toBe('')
  }
  expect(cluster!.sessions.size).toBe(0)
  expect((await storage.getSession(client.header)).get('user')).toBeUndefined()
})

test('a new session that is destroyed is not stored', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster)
  const session = await storage.getSession()
  session.set('user', 'ada')
  await storage.destroySession(session)
  expect(await storage.commitSession(session)).toBe('')
  expect(cluster!.sessions.size).toBe(0)
})

test('renewed, a session keeps what is in it and has another id; the old one is dead', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster)
  const planted = await clientWith(storage, { cart: ['book'] })
  const client = new Client()
  const session = await storage.getSession(planted.header)
  storage.renewSession(session)
  session.set('user', 'ada')
  client.keep(await storage.commitSession(session))
  expect((await storage.getSession(planted.header)).data).toEqual({})
  const renewed = await storage.getSession(client.header)
  expect(renewed.data).toEqual({ cart: ['book'], user: 'ada' })
  expect(renewed.id).not.toBe(session.id)
  // Once asked, once done.
  session.set('city', 'paris')
  client.keep(await storage.commitSession(session))
  expect((await storage.getSession(client.header)).id).toBe(renewed.id)
  expect([...cluster!.sessions.keys()]).toEqual([renewed.id])
})

test('renewed, a session keeps its lifetime', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster)
  const session = await storage.getSession()
  session.set('user', 'ada')
  await storage.commitSession(session, { maxAge: 90 })
  // The one that was made here, and the one that is loaded.
  storage.renewSession(session)
  const loaded = await storage.getSession(await storage.commitSession(session))
  expect(cluster!.sessions.load(loaded.id)?.ttlMs).toBe(90_000)
  storage.renewSession(loaded)
  const renewed = await storage.getSession(await storage.commitSession(loaded))
  expect(renewed.id).not.toBe(loaded.id)
  expect(cluster!.sessions.load(renewed.id)?.ttlMs).toBe(90_000)
})

test('renewing does not bring back what was destroyed meanwhile', async () => {
  const [cluster] = await join(1, { logger: quiet })
  const storage = storageOn(cluster)
  const client = await clientWith(storage, { user: 'ada' })
  const late = await storage.getSession(client.header)
  storage.renewSession(late)
  await storage.destroySession(await storage.getSession(client.header))
  expect(await storage.commitSession(late)).toBe('')
  expect([...cluster!.sessions.keys()]).toEqual([])
})

test('a renewal that cannot be stored leaves nothing under the old id; the next commit makes it good', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster)
  const client = await clientWith(storage, { cart: ['book'] })
  const session = await storage.getSession(client.header)
  storage.renewSession(session)
  session.set('callback', () => {})
  await expect(storage.commitSession(session)).rejects.toMatchObject({
    code: 'SESSIONMESH_UNSERIALISABLE_ATTRIBUTE',
  })
  expect((await storage.getSession(client.header)).data).toEqual({})
  session.unset('callback')
  const renewed = await storage.getSession(await storage.commitSession(session))
  expect(renewed.data).toEqual({ cart: ['book'] })
  expect(renewed.id).not.toBe(session.id)
})

test('what is no header, and what is no session, is told', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster)
  const bad = (message: RegExp) =>
    expect.objectContaining({ code: 'SESSIONMESH_BAD_OPTION', message: expect.stringMatching(message) })
  for (const header of [new Request('http://shop/'), new Headers(), {}])
    await expect(Reflect.apply(storage.getSession, undefined, [header])).rejects.toEqual(
      bad(/takes the Cookie header: request\.headers\.get\('Cookie'\)/),
    )
  for (const session of [{}, undefined, storage.getSession()]) {
    const call = (method: (...args: never[]) => unknown) => Reflect.apply(method, undefined, [session])
    expect(() => call(storage.renewSession)).toThrow(bad(/give what getSession\(\) resolves with/))
    for (const method of [storage.commitSession, storage.destroySession])
      await expect(call(method)).rejects.toEqual(bad(/is no session/))
  }
})

test('local attributes may be anything; they are there in the next request, and not in JSON', async () => {
  const [cluster] = await join(1, { sessions: { localAttributes: ['value'] } })
  const storage = storageOn(cluster)
  const values = [
    new Proxy(() => {}, { get: forbid, has: forbid, ownKeys: forbid, getPrototypeOf: forbid }),
    's',
  ]
  const json: string[] = []
  let value: unknown
  const found: unknown[] = []
  const origin = await serveSite(storage, {
    '/put': (session) => {
      session.set('value', value)
      json.push(JSON.stringify(session))
    },
    '/get': (session) => {
      found.push(session.get('value'))
      json.push(JSON.stringify(session))
    },
    '/renew': (session) => storage.renewSession(session),
  })
  const fresh = await storage.getSession()
  fresh.set('user', 'ada')
  fresh.set('value', values[0])
  expect(JSON.stringify(fresh)).toBe('{"id":"","data":{"user":"ada"}}')
  const client = await clientWith(storage, { user: 'ada' })
  for (value of values)
    for (const path of ['put', 'get', 'renew', 'get']) await client.get(`${origin}/${path}`)
  const expected = values.flatMap((each) => [each, each])
  expect(found.map((each, i) => each === expected[i])).toEqual([true, true, true, true])
  for (const text of json) expect(JSON.parse(text)).toEqual({ id: expect.any(String), data: { user: 'ada' } })
})

test('a new session is renewed by being made', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster)
  const session = await storage.getSession()
  storage.renewSession(session)
  session.set('user', 'ada')
  const line = await storage.commitSession(session)
  expect((await storage.getSession(line)).get('user')).toBe('ada')
})

test('a session that something has wrapped is saved as a whole', async () => {
  const [cluster] = await join(1, { logger: quiet })
  const storage = storageOn(cluster)
  const client = await clientWith(storage, { user: 'ada', old: 1 })
  const wrapped = async () => {
    const { data, id } = await storage.getSession(client.header)
    return createSession(data, id)
  }
  const session = await wrapped()
  session.unset('old')
  session.set('city', 'paris')
  await storage.commitSession(session)
  expect((await storage.getSession(client.header)).data).toEqual({ user: 'ada', city: 'paris' })

  const [late, later] = [await wrapped(), await wrapped()]
  storage.renewSession(later)
  await storage.destroySession(await wrapped())
  for (const gone of [late, later, createSession({ user: 'mallory' }, 'made-up')])
    expect(await storage.commitSession(gone)).toBe('')
  expect([...cluster!.sessions.keys()]).toEqual([])
})

test('a commit brings nothing back that has expired meanwhile', async () => {
  const [cluster] = await join(1, { logger: quiet })
  const storage = storageOn(cluster, { ttlMs: 500 })
  const client = await clientWith(storage, { user: 'ada' })
  const session = await storage.getSession(client.header)
  const wrapped = createSession(session.data, session.id)
  storage.renewSession(wrapped)
  await until('it has expired', () => !cluster!.sessions.has(session.id))
  for (const gone of [session, wrapped]) {
    gone.set('city', 'paris')
    expect(await storage.commitSession(gone)).toBe('')
  }
  expect([...cluster!.sessions.keys()]).toEqual([])
})

test.each([
  [{ ttlMs: 5_000 }, undefined, 5_000],
  [{}, undefined, 86_400_000],
  [{ ttlMs: 5_000, cookie: { ...COOKIE, maxAge: 60 } }, undefined, 60_000],
  [{ cookie: { ...COOKIE, maxAge: 60 } }, { maxAge: 90 }, 90_000],
  [{ cookie: createCookie('__session', { maxAge: 60 }) }, undefined, 60_000],
])('a session of %o, committed with %o, lives for %i ms unused', async (options, ofCommit, expected) => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster, options)
  const session = await storage.getSession()
  session.set('user', 'ada')
  const line = await storage.commitSession(session, ofCommit)
  const { id } = await storage.getSession(line)
  expect(cluster!.sessions.load(id)?.ttlMs).toBe(expected)
})

test('a commit that says nothing of the lifetime leaves it', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster, { ttlMs: 5_000 })
  const session = await storage.getSession()
  session.set('user', 'ada')
  const line = await storage.commitSession(session, { maxAge: 90 })
  const [again, meanwhile] = [await storage.getSession(line), await storage.getSession(line)]
  again.set('city', 'paris')
  await storage.commitSession(again)
  expect(cluster!.sessions.load(again.id)?.ttlMs).toBe(90_000)
  await storage.commitSession(again, { maxAge: 80 })
  meanwhile.set('country', 'france')
  await storage.commitSession(meanwhile)
  expect(cluster!.sessions.load(again.id)?.ttlMs).toBe(80_000)
})

test('a commit whose cookie is over ends the session', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster)
  for (const over of [{ maxAge: 0 }, { expires: new Date(1_000) }]) {
    const client = await clientWith(storage, { user: 'ada' })
    client.keep(await storage.commitSession(await storage.getSession(client.header), over))
    expect(client.header).toBe('')
    expect([...cluster!.sessions.keys()]).toEqual([])
  }
})

test('a session that is read, and not committed, lives on', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster, { ttlMs: 60_000 })
  const client = await clientWith(storage, { user: 'ada' })
  const [sid = ''] = cluster!.sessions.keys()
  const remainingMs = () => cluster!.sessions.load(sid)?.remainingMs ?? 0
  await until('time has passed', () => remainingMs() <= 60_000 - 50)
  const before = remainingMs()
  await storage.getSession(client.header)
  expect(remainingMs()).toBeGreaterThan(before)
})

test('a cookie with maxAge is renewed with each commit, and that is no write', async () => {
  const [cluster] = await join(1)
  // A clock that never stands still between two looks at it.
  let now = Date.now()
  vi.spyOn(Date, 'now').mockImplementation(() => now++)
  onTestFinished(() => void vi.restoreAllMocks())
  for (const cookie of [{ maxAge: 60 }, createCookie('__session', { maxAge: 60 })]) {
    const storage = storageOn(cluster, { cookie })
    const client = await clientWith(storage, { user: 'ada' })
    const digest = JSON.stringify(cluster!.status().digest)
    for (let i = 0; i < 20; i++) {
      const line = await storage.commitSession(await storage.getSession(client.header))
      expect(line).toMatch(/Max-Age=60/)
    }
    expect(JSON.stringify(cluster!.status().digest)).toBe(digest)
    const { id } = await storage.getSession(client.header)
    expect(cluster!.sessions.load(id)?.ttlMs).toBe(60_000)
  }
})

test('the token travels in the session cookie, until all have what the client has seen', async () => {
  const [a] = await join(2)
  const bare = createCookie('__session', COOKIE)
  const tokenOf = async (client: Client) => {
    const [sid, token] = await bare.parse(client.header)
    expect(a!.sessions.has(sid)).toBe(true)
    return token
  }
  // Nobody has answered that it has it when the line is made.
  const storage = storageOn(a)
  const client = await clientWith(storage, { user: 'ada' })
  expect(await tokenOf(client)).toMatch(/^[\w.-]{20,}$/)
  expect(
    await tokenOf(await clientWith(storageOn(a, { readYourWrites: false }), { user: 'ada' })),
  ).toBeUndefined()
  await until('the token is gone', async () => {
    client.keep(await storage.commitSession(await storage.getSession(client.header)))
    return (await tokenOf(client)) === undefined
  })
})

test('what the client brought is what is waited for, and goes into what it gets', async () => {
  const [cluster] = await join(1)
  const asked: unknown[] = []
  const brought: unknown[] = []
  const watched = withSessions(cluster!, (sessions) => ({
    token: (_sid, token) => {
      brought.push(token)
      return 'seen'
    },
    catchUp: (sid, token) => {
      asked.push(token)
      return sessions.catchUp(sid, token)
    },
  }))
  const client = await clientWith(storageOn(watched), { user: 'ada' })
  const storage = storageOn(watched)
  await storage.commitSession(await storage.getSession(client.header))
  await storageOn(watched, { readYourWrites: false }).getSession(client.header)
  expect(asked).toEqual(['seen', undefined])
  expect(brought).toEqual([undefined, 'seen'])
})

test('a token that would make the cookie too long for browsers is left out, and the session stays', async () => {
  const [cluster] = await join(1)
  const longToken = withSessions(cluster!, () => ({ token: () => 'x'.repeat(4_000) }))
  const storage = storageOn(longToken)
  const session = await storage.getSession()
  session.set('user', 'ada')
  const line = await storage.commitSession(session)
  expect(line.length).toBeLessThan(4_096)
  expect((await storage.getSession(line)).get('user')).toBe('ada')
})

test('nobody is told of a write before it is on its way', async () => {
  const [cluster] = await join(1)
  const order: string[] = []
  let release = () => {}
  const held = withSessions(cluster!, (sessions) => ({
    write(...args) {
      order.push('write')
      return sessions.write(...args)
    },
    destroy(...args) {
      order.push('destroy')
      return sessions.destroy(...args)
    },
    flushed() {
      order.push('flush')
      return new Promise<void>((resolve) => (release = resolve))
    },
  }))
  const storage = storageOn(held)

  /** Resolves when `action` has, which it must not do before the flush. */
  async function seen<T>(action: Promise<T>, expected: string[]): Promise<T> {
    let isDone = false
    action.then(() => (isDone = true))
    await until('it asks for the flush', () => order.includes('flush'))
    expect(order.splice(0)).toEqual(expected)
    expect(isDone).toBe(false)
    release()
    return action
  }

  const session = await storage.getSession()
  session.set('user', 'ada')
  const line = await seen(storage.commitSession(session), ['write', 'flush'])
  // What it read may have been written by a request that waits for its own flush.
  const loaded = await seen(storage.getSession(line), ['flush'])
  await seen(storage.destroySession(loaded), ['destroy', 'flush'])
})

test('a write that is gone with a member that was forgotten is the error of its commit, said in its turn or never', async () => {
  const [cluster] = await join(1)
  const client = await clientWith(storageOn(cluster), { user: 'ada' })
  const storage = storageOn(forgotten(cluster!))
  const session = await storage.getSession(client.header)
  await expect(storage.destroySession(session)).rejects.toThrow('forgotten')
  const other = await storage.getSession()
  other.set('user', 'ada')
  await expect(storage.commitSession(other)).rejects.toThrow('forgotten')
})

test('with acks, a commit waits for a peer, and fails without one', async () => {
  const [a, b] = await join(2)
  const client = await clientWith(storageOn(a, { acks: 'one' }), { user: 'ada' })
  const [sid = ''] = a!.sessions.keys()
  expect(b!.sessions.load(sid)?.data).toEqual({ user: 'ada' })
  expect(client.header).not.toBe('')

  const [alone] = await join(1)
  const errors: unknown[] = []
  const storage = storageOn(alone, { acks: 'one' })
  const origin = await serveSite(storage, { '/': (session) => session.set('user', 'ada') }, errors)
  expect((await new Client().get(origin)).status).toBe(500)
  expect(errors).toEqual([expect.objectContaining({ code: 'SESSIONMESH_NO_PEER' })])
  const missed = await storage.getSession()
  missed.set('user', 'ada')
  await expect(storage.commitSession(missed)).rejects.toMatchObject({ code: 'SESSIONMESH_NO_PEER' })
  await expect(storage.destroySession(missed)).rejects.toMatchObject({ code: 'SESSIONMESH_NO_PEER' })
})

test('what cannot be stored is the error of its request, and changes nothing', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster)
  const errors: unknown[] = []
  const site = {
    '/bad': (session: Session) => {
      session.set('user', 'mallory')
      session.set('callback', () => {})
    },
    '/user': (session: Session) => session.get('user'),
  }
  const origin = await serveSite(storage, site, errors)
  const client = await clientWith(storage, { user: 'ada' })
  expect((await client.get(`${origin}/bad`)).status).toBe(500)
  expect(errors).toEqual([expect.objectContaining({ code: 'SESSIONMESH_UNSERIALISABLE_ATTRIBUTE' })])
  expect((await client.get(`${origin}/user`)).text).toBe('"ada"')
})

test('a member that has left reads on, and says that it writes no more', async () => {
  const [cluster] = await join(1)
  const storage = storageOn(cluster)
  const client = await clientWith(storage, { user: 'ada' })
  await cluster!.close()
  const session = await storage.getSession(client.header)
  expect(session.get('user')).toBe('ada')
  expect(await storage.commitSession(session)).toMatch(/^__session=/)
  session.set('user', 'bob')
  await expect(storage.commitSession(session)).rejects.toMatchObject({ code: 'SESSIONMESH_CLOSED' })
})

const forbid = () => {
  throw new Error('looked into')
}

/** For warnings that a test provokes. */
const quiet = { debug() {}, info() {}, warn() {}, error() {} }
