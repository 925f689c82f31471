/** express-session's options and methods, as its documentation has them, on a cluster's sessions. */
import type { Request, Response } from 'express'
import { expect, test } from 'vitest'
import type { MeshSessionOptions } from './options.js'
import { appOn, Client, join, serve, until, withSessions } from './testing/harness.js'

type Handler = (req: Request, res: Response) => unknown

/** One member with one route per handler; records which of the sessions' methods were called. */
async function site(handlers: Record<string, Handler>, options: Partial<MeshSessionOptions> = {}) {
  const [cluster] = await join(1)
  const calls: string[] = []
  const watched = withSessions(cluster!, (sessions) => ({
    write: (sid, data, given) => {
      const result = sessions.write(sid, data, given)
      calls.push(result.outcome)
      return result
    },
    touch: (sid, given) => {
      calls.push(given?.ttlMs === undefined ? 'touch' : `touch ${given.ttlMs}`)
      return sessions.touch(sid, given)
    },
    destroy: (sid, given) => {
      calls.push('destroy')
      return sessions.destroy(sid, given)
    },
  }))
  const app = appOn(watched, options)
  for (const [path, handler] of Object.entries(handlers)) app.get(`/${path}`, handler)
  const origin = await serve(app)
  const client = new Client()
  /** Requests `path` and returns what it called, with the reply. */
  const visit = async (path: string, init?: RequestInit) => {
    calls.length = 0
    const reply = await client.get(`${origin}/${path}`, init)
    return { calls: [...calls], reply, cookie: reply.set['connect.sid'] }
  }
  return { client, cluster: cluster!, sessions: cluster!.sessions, visit }
}

const login: Handler = (req, res) => {
  req.session.user = 'ada'
  res.send('in')
}
const read: Handler = (req, res) => res.json({ ...req.session, cookie: undefined })
const nothing: Handler = (_req, res) => res.send('nothing')

test('saveUninitialized: false keeps no session of who changes nothing; true keeps it', async () => {
  const without = await site({ nothing })
  expect(await without.visit('nothing')).toMatchObject({ calls: [], reply: { set: {} } })
  expect(without.sessions.size).toBe(0)
  const kept = await site({ nothing }, { saveUninitialized: true })
  expect(await kept.visit('nothing')).toMatchObject({ calls: ['created'], cookie: expect.any(String) })
  expect(kept.sessions.size).toBe(1)
})

test('a request that only reads is a touch; with resave it writes, and nothing changes', async () => {
  const lazy = await site({ login, read })
  expect((await lazy.visit('login')).calls).toEqual(['created'])
  expect((await lazy.visit('read')).calls).toEqual(['touch'])
  const eager = await site({ login, read }, { resave: true })
  await eager.visit('login')
  expect((await eager.visit('read')).calls).toEqual(['unchanged'])
})

test('rolling sends the cookie again with each response', async () => {
  const options = { cookie: { maxAge: 60_000 } }
  const still = await site({ login, read }, options)
  await still.visit('login')
  expect((await still.visit('read')).cookie).toBeUndefined()
  const rolling = await site({ login, read }, { ...options, rolling: true })
  await rolling.visit('login')
  expect(await rolling.visit('read')).toMatchObject({
    calls: ['touch'],
    cookie: expect.stringMatching(/Expires=/),
  })
})

test("unset: 'destroy' ends a session that the handler set to null; the default keeps it", async () => {
  const drop: Handler = (req, res) => {
    Object.assign(req, { session: null })
    res.send('dropped')
  }
  const destroying = await site({ login, drop }, { unset: 'destroy' })
  await destroying.visit('login')
  expect((await destroying.visit('drop')).calls).toEqual(['destroy'])
  expect(destroying.sessions.size).toBe(0)
  const keeping = await site({ login, drop })
  await keeping.visit('login')
  expect((await keeping.visit('drop')).calls).toEqual([])
  expect(keeping.sessions.size).toBe(1)
})

test('regenerate destroys the old id and creates a new one with nothing in it', async () => {
  const { client, sessions, visit } = await site({
    login,
    read,
    renew: (req, res) => req.session.regenerate(() => res.send('new')),
  })
  await visit('login')
  const before = client.sid
  expect((await visit('renew')).calls).toEqual(['destroy', 'created'])
  expect(client.sid).not.toBe(before)
  expect([...sessions.keys()]).toEqual([client.sid])
  expect((await visit('read')).reply.text).toBe('{}')
})

test('who copies over a regenerate can see before it that the session has ended meanwhile', async () => {
  let isEnded = false
  const { sessions, visit } = await site({
    login,
    read,
    rotate: (req, res) => {
      if (isEnded) sessions.destroy(req.sessionID)
      const { user } = req.session
      const isThere = sessions.has(req.sessionID)
      req.session.regenerate(() => {
        if (isThere) Object.assign(req.session, { user })
        res.send('rotated')
      })
    },
  })
  await visit('login')
  await visit('rotate')
  expect((await visit('read')).reply.text).toBe('{"user":"ada"}')
  isEnded = true
  await visit('rotate')
  expect((await visit('read')).reply.text).toBe('{}')
})

test('reload takes back what was changed and brings what others wrote; a save after it is a difference still', async () => {
  const { sessions, visit } = await site({
    login,
    read,
    reload: (req, res) => {
      const { id } = req.session
      const other = sessions.load(id)
      sessions.write(id, { ...other?.data, count: 7 }, { base: other?.base })
      req.session.user = 'not saved'
      req.session.reload(() => {
        const reloaded = { ...req.session, cookie: undefined }
        req.session.cart = ['tea']
        res.json(reloaded)
      })
    },
    gone: (req, res) => {
      sessions.destroy(req.session.id)
      req.session.reload((error) => res.send(String(error)))
    },
  })
  await visit('login')
  expect(JSON.parse((await visit('reload')).reply.text)).toEqual({ user: 'ada', count: 7 })
  expect(JSON.parse((await visit('read')).reply.text)).toEqual({ user: 'ada', count: 7, cart: ['tea'] })
  expect((await visit('gone')).reply.text).toMatch(/failed to load/)
})

test('what is saved in mid-request is there at once, and what is changed after it is saved at the end', async () => {
  const { client, sessions, visit } = await site({
    login,
    save: (req, res) => {
      req.session.count = 1
      req.session.save((error) => {
        const saved = sessions.load(req.session.id)?.data.count
        req.session.cart = ['tea']
        res.json({ error, saved })
      })
    },
  })
  await visit('login')
  const { calls, reply } = await visit('save')
  expect(JSON.parse(reply.text)).toEqual({ saved: 1 })
  expect(calls).toEqual(['changed', 'changed'])
  expect(sessions.load(client.sid)?.data).toMatchObject({ user: 'ada', count: 1, cart: ['tea'] })
})

test('a removed attribute is gone', async () => {
  const { client, sessions, visit } = await site({
    login,
    forget: (req, res) => {
      delete req.session.user
      res.send('forgotten')
    },
  })
  await visit('login')
  expect((await visit('forget')).calls).toEqual(['changed'])
  expect(Object.keys(sessions.load(client.sid)?.data ?? {})).toEqual(['cookie'])
})

test('a session lives for maxAge without use, and each use renews it', async () => {
  const { client, sessions, visit } = await site(
    { login, read, cookie: (req, res) => res.json(req.session.cookie) },
    { cookie: { maxAge: 60_000 } },
  )
  await visit('login')
  const loaded = sessions.load(client.sid)
  expect(loaded?.ttlMs).toBeGreaterThan(59_000)
  for (let i = 0; i < 20; i++) expect((await visit('read')).calls).toEqual(['touch'])
  expect(sessions.load(client.sid)?.ttlMs).toBe(loaded?.ttlMs)
  const cookie = JSON.parse((await visit('cookie')).reply.text)
  expect(cookie).toMatchObject({ originalMaxAge: loaded?.ttlMs, path: '/', httpOnly: true })
  expect(Date.parse(cookie.expires)).toBeGreaterThan(Date.now() + 59_000)
  expect(Date.parse(cookie.expires)).toBeLessThanOrEqual(Date.now() + 60_000)
})

test('a session expires by itself', async () => {
  const { client, sessions, visit } = await site({ login, read }, { cookie: { maxAge: 60_000 } })
  await visit('login')
  const { sid } = client
  expect(sessions.has(sid)).toBe(true)
  // Shortened here: a lifetime that is short from the beginning may be over before the first look.
  sessions.touch(sid, { ttlMs: 1 })
  await until('it has expired', () => !sessions.has(sid))
  // A browser drops the cookie too; this client still sends it, and gets nothing for it.
  expect((await visit('read')).reply.text).toBe('{}')
})

test('without maxAge the session lives as long as the cluster says, or the option ttlMs', async () => {
  const plain = await site({ login })
  await plain.visit('login')
  expect(plain.sessions.load(plain.client.sid)?.ttlMs).toBe(86_400_000)
  const short = await site({ login }, { ttlMs: 5_000 })
  expect((await short.visit('login')).cookie).not.toMatch(/Expires/)
  expect(short.sessions.load(short.client.sid)?.ttlMs).toBe(5_000)
})

test('changing nothing but the expiry is a touch, and the next request knows of it', async () => {
  const { client, sessions, visit } = await site(
    {
      login,
      read,
      longer: (req, res) => {
        req.session.cookie.maxAge = 7_200_000
        res.send('longer')
      },
      cookie: (req, res) => res.json(req.session.cookie),
    },
    { cookie: { maxAge: 60_000 } },
  )
  await visit('login')
  const { calls } = await visit('longer')
  expect(calls).toEqual([expect.stringMatching(/^touch 7(200000|1999\d\d)$/)])
  await visit('read')
  expect(sessions.load(client.sid)?.remainingMs).toBeGreaterThan(7_100_000)
  expect(JSON.parse((await visit('cookie')).reply.text).originalMaxAge).toBeGreaterThan(7_199_000)
})

test('a cookie that ends with the browser can be made one that lasts, and back', async () => {
  const { client, sessions, visit } = await site({
    login,
    remember: (req, res) => {
      req.session.cookie.maxAge = 60_000
      res.send('remembered')
    },
    forget: (req, res) => {
      Object.assign(req.session.cookie, { maxAge: null })
      req.session.count = 1
      res.send('until the browser closes')
    },
    cookie: (req, res) => res.json(req.session.cookie),
  })
  const cookie = async () => JSON.parse((await visit('cookie')).reply.text)
  await visit('login')
  expect(await cookie()).toMatchObject({ originalMaxAge: null, expires: null })
  await visit('remember')
  expect(await cookie()).toMatchObject({ originalMaxAge: expect.any(Number), expires: expect.any(String) })
  expect(sessions.load(client.sid)?.ttlMs).toBeLessThanOrEqual(60_000)
  await visit('forget')
  expect(await cookie()).toMatchObject({ originalMaxAge: null, expires: null })
  expect(sessions.load(client.sid)?.ttlMs).toBe(86_400_000)
})

test('an expiry in the past ends the session', async () => {
  const end = (set: (req: Request) => void) => (req: Request, res: Response) => {
    set(req)
    res.send('over')
  }
  const { sessions, visit } = await site({
    login,
    zero: end((req) => {
      req.session.cookie.maxAge = 0
    }),
    past: end((req) => {
      req.session.cookie.expires = new Date(0)
      req.session.user = 'nobody'
    }),
  })
  for (const path of ['zero', 'past']) {
    await visit('login')
    expect(sessions.size).toBe(1)
    expect((await visit(path)).calls).toEqual(['destroy'])
    expect(sessions.size).toBe(0)
  }
})

test('HEAD, 304, redirects and errors thrown by a handler end as they do without us', async () => {
  const { client, visit, sessions } = await site({
    login,
    etag: (_req, res) => res.set('ETag', '"1"').status(304).end(),
    move: (req, res) => {
      req.session.count = 4
      res.redirect('/login')
    },
    boom: (req) => {
      req.session.count = 5
      throw new Error('boom')
    },
  })
  const count = () => sessions.load(client.sid)?.data.count
  expect((await visit('login', { method: 'HEAD' })).reply).toMatchObject({ status: 200, text: '' })
  expect((await visit('etag')).reply.status).toBe(304)
  expect((await visit('move')).reply).toMatchObject({ status: 302, text: 'Found. Redirecting to /login' })
  expect(count()).toBe(4)
  expect((await visit('boom')).reply.status).toBe(500)
  expect(count()).toBe(5)
})
