/** @fastify/session's options and methods, as its documentation has them, on a cluster's sessions. */

import type { FastifyRequest } from 'fastify'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type Handler, site } from './testing/harness.js'

const login: Handler = ({ session }) => {
  session.user = 'ada'
  return 'in'
}
const read: Handler = ({ session }) => ({ ...session, cookie: undefined })
const nothing: Handler = () => 'nothing'
const cookie: Handler = ({ session }) => session.cookie

test('saveUninitialized: false keeps no session of who changes nothing; true keeps it', async () => {
  const without = await site({ nothing })
  expect(await without.visit('nothing')).toMatchObject({ calls: [], reply: { set: {} } })
  expect(without.sessions.size).toBe(0)
  const kept = await site({ nothing }, { saveUninitialized: true })
  expect(await kept.visit('nothing')).toMatchObject({ calls: ['created'], cookie: expect.any(String) })
  expect(kept.sessions.size).toBe(1)
})

test('rolling, which is the default: a request that only reads sends the cookie and writes nothing', async () => {
  const { client, cluster, sessions, visit } = await site({ login, read }, { cookie: { maxAge: 60_000 } })
  await visit('login')
  const before = cluster.status().counters
  const lifetime = sessions.load(client.sid)?.ttlMs
  expect(lifetime).toBe(60_000)
  for (let i = 0; i < 20; i++) {
    const { calls, cookie } = await visit('read')
    expect(calls).toEqual(['unchanged'])
    expect(cookie).toMatch(/Expires=/)
  }
  const after = cluster.status().counters
  expect(after.writes).toBe(before.writes)
  expect(after.touches).toBe(before.touches + 20)
  expect(sessions.load(client.sid)?.ttlMs).toBe(lifetime)
})

test('rolling: false: a request that only reads sends no cookie, and keeps alive a session that has no maxAge', async () => {
  const idle = await site({ login, read }, { rolling: false })
  await idle.visit('login')
  expect(await idle.visit('read')).toMatchObject({ calls: ['touch'], reply: { set: {} } })
  // With maxAge the browser forgets the cookie so long after the last change, and the cluster the session.
  const dated = await site({ login, read }, { rolling: false, cookie: { maxAge: 60_000 } })
  await dated.visit('login')
  expect(await dated.visit('read')).toMatchObject({ calls: [], reply: { set: {} } })
})

test.each<[name: string, before: unknown, change: Handler]>([
  [
    'a Map changed in place',
    new Map([['a', 1]]),
    ({ session }) => (session.value as Map<string, number>).set('b', 2).size,
  ],
  [
    'a Set by a Set',
    new Set([1]),
    ({ session }) => {
      session.value = new Set([2])
      return ''
    },
  ],
  [
    'a BigInt by a BigInt',
    1n,
    ({ session }) => {
      session.value = 2n
      return ''
    },
  ],
])('rolling: false: %s is a change, and the cookie is sent', async (_name, before, change) => {
  const first: Handler = ({ session }) => {
    session.value = before
    return ''
  }
  const { visit } = await site({ first, change, nothing }, { rolling: false })
  // Alone in a new session it is enough to keep that.
  expect((await visit('first')).calls).toEqual(['created'])
  expect((await visit('nothing')).calls).toEqual(['touch'])
  const { calls, cookie } = await visit('change')
  expect([calls.at(-1), cookie]).toEqual(['changed', expect.any(String)])
})

test('regenerate: the old id is dead, and the new session has what it was told to keep', async () => {
  const renew: Handler = async ({ session }) => {
    await session.regenerate(['user'])
    return 'new'
  }
  const { client, sessions, visit } = await site({
    login,
    read,
    renew,
    'renew-by-callback': ({ session }) =>
      new Promise((resolve) => session.regenerate((error) => resolve(error ?? 'no error'))),
    'renew-first': async (request) => {
      await request.session.regenerate()
      request.session.user = 'grace'
      return ''
    },
  })
  await visit('login')
  const before = client.sid
  const { calls, cookie } = await visit('renew')
  expect(calls.slice(0, 2)).toEqual(['destroy', 'created'])
  expect(cookie).toEqual(expect.any(String))
  expect(client.sid).not.toBe(before)
  expect([...sessions.keys()]).toEqual([client.sid])
  expect(JSON.parse((await visit('read')).reply.text)).toEqual({ user: 'ada' })

  await visit('renew-first')
  expect([...sessions.keys()]).toEqual([client.sid])
  expect(JSON.parse((await visit('read')).reply.text)).toEqual({ user: 'grace' })
  expect((await visit('renew-by-callback')).reply.text).toBe('no error')
})

test.each<[string, (request: FastifyRequest, logout: () => void) => Promise<void>]>([
  [
    'with a promise',
    async (request, logout) => {
      logout()
      await request.session.regenerate(['user'])
    },
  ],
  [
    'with a callback',
    async (request, logout) => {
      logout()
      await new Promise<void>((resolve) => request.session.regenerate(['user'], () => resolve()))
    },
  ],
  [
    'after a reload',
    async (request, logout) => {
      await request.session.reload()
      logout()
      await request.session.regenerate(['user'])
    },
  ],
])('regenerate keeps nothing of a session that was logged out meanwhile: %s', async (_name, regenerate) => {
  const { client, sessions, visit } = await site({
    login,
    read,
    late: async (request) => {
      const { sessionId } = request.session
      await regenerate(request, () => sessions.destroy(sessionId))
      request.session.count = 1
      return sessionId
    },
  })
  await visit('login')
  const before = client.sid
  expect((await visit('late')).reply.text).toBe(before)
  expect([...sessions.keys()]).toEqual([client.sid])
  expect(client.sid).not.toBe(before)
  expect(JSON.parse((await visit('read')).reply.text)).toEqual({ count: 1 })
})

test('regenerate keeps what it is told of a session that was never saved', async () => {
  const { visit } = await site({
    read,
    first: async (request) => {
      request.session.user = 'ada'
      await request.session.regenerate(['user'])
      return ''
    },
  })
  await visit('first')
  expect(JSON.parse((await visit('read')).reply.text)).toEqual({ user: 'ada' })
})

test('destroy ends the session, and the next request has another one', async () => {
  const { client, sessions, visit } = await site({
    login,
    read,
    logout: async (request) => {
      await request.session.destroy()
      return { session: request.session }
    },
  })
  await visit('login')
  const before = client.sid
  expect(await visit('logout')).toMatchObject({ calls: ['destroy'], reply: { text: '{"session":null}' } })
  expect(sessions.size).toBe(0)
  expect((await visit('read')).reply.text).toBe('{}')
  await visit('login')
  expect(client.sid).not.toBe(before)
})

test('reload takes back what was changed and brings what others wrote; a save after it is a difference still', async () => {
  const { sessions, visit } = await site({
    login,
    read,
    reload: async (request) => {
      const { sessionId: sid } = request.session
      const write = (name: string, value: unknown) => {
        const other = sessions.load(sid)
        sessions.write(sid, { ...other?.data, [name]: value }, { base: other?.base })
      }
      write('count', 7)
      request.session.user = 'not saved'
      await request.session.reload()
      const reloaded = { ...request.session, cookie: undefined }
      write('value', 'of others')
      request.session.cart = ['tea']
      return reloaded
    },
  })
  await visit('login')
  expect(JSON.parse((await visit('reload')).reply.text)).toEqual({ user: 'ada', count: 7 })
  const all = { user: 'ada', count: 7, cart: ['tea'], value: 'of others' }
  expect(JSON.parse((await visit('read')).reply.text)).toEqual(all)
})

test('a session that was destroyed elsewhere is empty after a reload, and never comes back', async () => {
  const { sessions, visit } = await site({
    login,
    gone: async (request) => {
      sessions.destroy(request.session.sessionId)
      await request.session.reload()
      const user = request.session.user ?? null
      request.session.user = 'mallory'
      await request.session.save()
      return { user }
    },
  })
  await visit('login')
  expect((await visit('gone')).reply.text).toBe('{"user":null}')
  expect(sessions.size).toBe(0)
})

test('what is saved in mid-request is there at once, and what is changed after it is saved at the end', async () => {
  const { client, sessions, visit } = await site({
    login,
    save: async ({ session }) => {
      session.count = 1
      await session.save()
      const saved = sessions.load(session.sessionId)?.data.count
      session.cart = ['tea']
      return { saved, isSaved: session.isSaved() }
    },
    'save-by-callback': ({ session }) =>
      new Promise((resolve) => session.save((error) => resolve({ error: error ?? null }))),
  })
  await visit('login')
  const { calls, reply } = await visit('save')
  expect(JSON.parse(reply.text)).toEqual({ saved: 1, isSaved: true })
  expect(calls).toEqual(['changed', 'changed'])
  expect(sessions.load(client.sid)?.data).toMatchObject({ user: 'ada', count: 1, cart: ['tea'] })
  expect((await visit('save-by-callback')).reply.text).toBe('{"error":null}')
})

test('a session has the attributes of the app, and nothing of ours', async () => {
  const { client, sessions, visit } = await site({
    login,
    names: ({ session }) => [Object.keys(session), session.isModified()],
    forget: ({ session }) => {
      delete session.user
      return ''
    },
  })
  await visit('login')
  expect(JSON.parse((await visit('names')).reply.text)).toEqual([['cookie', 'user'], false])
  expect(Object.keys(sessions.load(client.sid)?.data ?? {}).sort()).toEqual(['cookie', 'user'])
  expect((await visit('forget')).calls).toEqual(['changed'])
  expect(Object.keys(sessions.load(client.sid)?.data ?? {})).toEqual(['cookie'])
})

test('a session that a handler opened by decryptSession saves a difference as well, and does not come back', async () => {
  const { app, client, sessions, visit } = await site({ login })
  await visit('login')
  const { sid } = client
  const other: Record<string, unknown> = {}
  await new Promise<void>((resolve, reject) => {
    const cookieValue = decodeURIComponent(client.cookies.get('sessionId') ?? '')
    app.decryptSession(cookieValue, other, (error) => (error ? reject(error) : resolve()))
  })
  const session = other.session as { count: number; user: string; save(): Promise<void> }
  expect(session.user).toBe('ada')
  const loaded = sessions.load(sid)
  sessions.write(sid, { ...loaded?.data, cart: ['tea'] }, { base: loaded?.base })
  session.count = 1
  await session.save()
  expect(sessions.load(sid)?.data).toMatchObject({ user: 'ada', count: 1, cart: ['tea'] })
  sessions.destroy(sid)
  session.count = 2
  await session.save()
  expect(sessions.has(sid)).toBe(false)
})

test('the lifetime is maxAge, however long a handler takes', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => {
    vi.useRealTimers()
  })
  const pass = (ms: number) => vi.setSystemTime(Date.now() + ms)
  const { client, sessions, visit } = await site(
    {
      login: ({ session }) => {
        session.user = 'ada'
        pass(5_000)
        return 'in'
      },
      read: (request) => {
        pass(5_000)
        return read(request)
      },
      reload: async (request) => {
        await request.session.reload()
        pass(5_000)
        return ''
      },
      longer: ({ session }) => {
        session.cookie.maxAge = 120_000
        pass(5_000)
        return ''
      },
      until: ({ session }) => {
        session.cookie.expires = new Date(Date.now() + 30_000)
        return ''
      },
    },
    { cookie: { maxAge: 60_000 } },
  )
  const expiresIn = (line = '') => Date.parse(/Expires=([^;]+)/.exec(line)?.[1] ?? '') - Date.now()
  for (const path of ['login', 'read', 'reload', 'read']) {
    const { cookie } = await visit(path)
    expect(sessions.load(client.sid)?.ttlMs, path).toBe(60_000)
    // (A cookie's date has whole seconds.)
    expect(expiresIn(cookie), path).toBeGreaterThan(58_999)
  }
  await visit('longer')
  expect(sessions.load(client.sid)?.ttlMs).toBe(120_000)
  const { cookie } = await visit('until')
  expect(sessions.load(client.sid)?.ttlMs).toBeLessThanOrEqual(30_000)
  expect(expiresIn(cookie)).toBeLessThanOrEqual(30_000)
})

test('changing nothing but the expiry is no write of an attribute, and the next request knows of it', async () => {
  const { client, sessions, visit } = await site(
    {
      login,
      cookie,
      longer: ({ session }) => {
        session.cookie.maxAge = 7_200_000
        return 'longer'
      },
    },
    { cookie: { maxAge: 60_000 } },
  )
  await visit('login')
  expect((await visit('longer')).calls).toEqual(['unchanged'])
  expect(sessions.load(client.sid)?.ttlMs).toBe(7_200_000)
  expect(JSON.parse((await visit('cookie')).reply.text)).toMatchObject({ originalMaxAge: 7_200_000 })
})

test('an expiry in the past ends the session', async () => {
  const { sessions, visit } = await site(
    {
      login,
      zero: ({ session }) => {
        session.cookie.maxAge = 0
        return 'over'
      },
      past: ({ session }) => {
        session.cookie.expires = new Date(0)
        session.user = 'nobody'
        return 'over'
      },
    },
    { cookie: { maxAge: 60_000 } },
  )
  for (const path of ['zero', 'past']) {
    await visit('login')
    expect(sessions.size).toBe(1)
    expect((await visit(path)).calls).toEqual(['destroy'])
    expect(sessions.size).toBe(0)
  }
})

test('without maxAge the session lives as long as the cluster says, or the option ttlMs', async () => {
  const plain = await site({ login })
  expect((await plain.visit('login')).cookie).not.toMatch(/Expires/)
  expect(plain.sessions.load(plain.client.sid)?.ttlMs).toBe(86_400_000)
  const short = await site({ login }, { ttlMs: 5_000 })
  await short.visit('login')
  expect(short.sessions.load(short.client.sid)?.ttlMs).toBe(5_000)
})

test('who logs out everywhere but here stays, and who logs out here as well is gone', async () => {
  const { client, cluster, sessions, visit } = await site(
    {
      login,
      read,
      'everywhere-but-here': ({ session }) => {
        const { destroyed } = cluster.sessions.destroyBy('user', 'ada', {
          where: ({ sid }) => sid !== session.sessionId,
        })
        return destroyed.length
      },
      everywhere: ({ session }) => {
        session.count = 1
        return cluster.sessions.destroyBy('user', 'ada').destroyed.length
      },
    },
    {},
    { sessions: { indexBy: ['user'] } },
  )
  await visit('login')
  client.cookies.clear()
  await visit('login')
  expect((await visit('everywhere-but-here')).reply.text).toBe('1')
  expect([...sessions.keys()]).toEqual([client.sid])
  expect(await visit('everywhere')).toMatchObject({ cookie: undefined, reply: { text: '1' } })
  expect(sessions.size).toBe(0)
  expect((await visit('read')).reply.text).toBe('{}')
})

/** May be kept on its server, and nobody may look into it. */
function untouchable(): object {
  const forbid = () => {
    throw new Error('looked into')
  }
  return new Proxy({}, { get: forbid, ownKeys: forbid, getPrototypeOf: forbid, has: forbid })
}

test.each([true, false])(
  'a local attribute may be anything, and is in no JSON (rolling: %s)',
  async (rolling) => {
    const connection = untouchable()
    const other = untouchable()
    const { client, sessions, visit } = await site(
      {
        connect: ({ session }) => {
          session.value = connection
          session.user = 'ada'
          return session
        },
        nothing,
        json: ({ session }) => JSON.stringify([session, session.value === connection]),
        reload: async (request) => {
          await request.session.reload()
          return [request.session, request.session.value === connection, request.session.isModified()]
        },
        replace: ({ session }) => {
          const before = session.isModified()
          session.value = other
          return [before, session.isModified()]
        },
        regenerate: async (request) => {
          await request.session.regenerate(['value'])
          return [request.session, request.session.value === other]
        },
      },
      { rolling },
      { sessions: { localAttributes: ['value'] } },
    )
    const text = async (path: string) => {
      const { reply } = await visit(path)
      return [reply.status, JSON.parse(reply.text)]
    }
    expect(await text('connect')).toEqual([200, { user: 'ada' }])
    expect(sessions.load(client.sid)?.data.value).toBe(connection)
    const { calls } = await visit('nothing')
    expect(calls).toEqual([rolling ? 'unchanged' : 'touch'])
    expect(await text('json')).toEqual([200, [{ user: 'ada' }, true]])
    expect(await text('reload')).toEqual([200, [{ user: 'ada' }, true, false]])
    expect(await text('replace')).toEqual([200, [false, true]])
    expect(sessions.load(client.sid)?.data.value).toBe(other)
    expect(await text('regenerate')).toEqual([200, [{}, true]])
  },
)

test('an attribute of the name toJSON is one like any other', async () => {
  const { client, sessions, visit } = await site({
    set: ({ session }) => {
      Object.assign(session, { toJSON: 'text' })
      return ''
    },
    count: ({ session }) => {
      session.count = 1
      return 'toJSON' in session && session.toJSON
    },
  })
  await visit('set')
  expect((await visit('count')).reply.text).toBe('text')
  expect(sessions.load(client.sid)?.data).toMatchObject({ toJSON: 'text', count: 1 })
})
