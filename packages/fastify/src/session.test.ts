/** `session` on the members of a cluster, through real HTTP: what a user behind a load balancer gets. */

import { fastifyCookie } from '@fastify/cookie'
import { fastify } from 'fastify'
import type { Cluster } from 'sessionmesh'
import { expect, test } from 'vitest'
import { session } from './session.js'
import { appOn, Client, DEFAULTS, join, serve, until, withSessions } from './testing/harness.js'

async function shop(cluster: Cluster) {
  const app = await appOn(cluster)
  app.get<{ Querystring: { user: string } }>('/login', async (request) => {
    await request.session.regenerate()
    request.session.user = request.query.user
    return 'in'
  })
  app.get('/me', async ({ session }) => session.user ?? 'nobody')
  return app
}

test('what a request was served goes with it as a token, and the next member waits for it before it reads', async () => {
  const [a, b] = await join(2)
  const caughtUp: (string | undefined)[] = []
  const watched = withSessions(b!, (sessions) => ({
    catchUp: (sid, token) => {
      caughtUp.push(token)
      return sessions.catchUp(sid, token)
    },
  }))
  const app = await appOn(watched)
  app.get('/', async (request) => {
    // The token is for the client's own session, not for what a handler loads besides.
    await new Promise((resolve) => request.sessionStore.get('another session', resolve))
    return 'ok'
  })
  const [atA, atB] = [await serve(await shop(a!)), await serve(app)]
  const client = new Client()
  await client.get(`${atA}/login?user=ada`)
  const token = client.cookies.get('sessionmesh')
  expect(token).toBeTypeOf('string')
  await client.get(atB)
  // Nor is it when the client has no session at all.
  const stranger = new Client()
  stranger.cookies.set('sessionmesh', token!)
  await stranger.get(atB)
  expect(caughtUp).toEqual([token, undefined, undefined])
})

test('a member that has to wait serves when it has caught up, not before', async () => {
  const [a] = await join(1)
  const order: string[] = []
  let arrive = () => {}
  const late = withSessions(a!, (sessions) => ({
    catchUp: () => {
      order.push('wait')
      return new Promise<void>((resolve) => {
        arrive = resolve
      })
    },
    load: (sid) => {
      order.push('load')
      return sessions.load(sid)
    },
  }))
  const [atA, atLate] = [await serve(await shop(a!)), await serve(await shop(late))]
  const client = new Client()
  await client.get(`${atA}/login?user=ada`)
  const reply = client.get(`${atLate}/me`)
  await until('the request waits', () => order.length === 1)
  order.push('arrive')
  arrive()
  expect((await reply).text).toBe('ada')
  expect(order).toEqual(['wait', 'arrive', 'load'])
})

test('a session that is loaded again while another request waits is not taken for that of the other', async () => {
  const [a] = await join(1)
  const tokens: (string | undefined)[] = []
  const gates: (() => void)[] = []
  const pass = () => new Promise<void>((resolve) => gates.push(resolve))
  const late = withSessions(a!, () => ({
    catchUp: (_sid, token) => {
      tokens.push(token)
      return token === 'late' ? pass() : undefined
    },
  }))
  const app = await shop(late)
  app.get('/reload', async (request) => {
    await pass()
    await request.session.reload()
    return request.session.user
  })
  const origin = await serve(app)
  const client = new Client()
  await client.get(`${origin}/login?user=ada`)
  const reloaded = client.get(`${origin}/reload`)
  await until('one is in its handler', () => gates.length === 1)
  client.cookies.set('sessionmesh', 'late')
  const waiting = client.get(`${origin}/me`)
  await until('the other waits', () => gates.length === 2)
  gates[0]!()
  expect((await reloaded).text).toBe('ada')
  gates[1]!()
  expect((await waiting).text).toBe('ada')
  expect(tokens).toEqual([undefined, 'late', undefined])
})

test('the answer to a logout tells of it in its token', async () => {
  const [a] = await join(1)
  const app = await shop(withSessions(a!, () => ({ token: (sid) => `about-${sid}` })))
  app.get('/logout', async (request) => {
    await request.session.destroy()
    return 'bye'
  })
  const origin = await serve(app)
  const client = new Client()
  await client.get(`${origin}/login?user=ada`)
  client.cookies.delete('sessionmesh')
  const { set } = await client.get(`${origin}/logout`)
  expect(set.sessionmesh).toMatch(`sessionmesh=about-${client.sid};`)
})

test('without readYourWrites no token is sent or read', async () => {
  const [a] = await join(2)
  const tokens: (string | undefined)[] = []
  const watched = withSessions(a!, () => ({
    catchUp: (_sid, token) => {
      tokens.push(token)
      return undefined
    },
  }))
  const app = await appOn(watched, { readYourWrites: false })
  app.get('/', async ({ session }) => {
    session.count = (session.count ?? 0) + 1
    return session.count
  })
  const origin = await serve(app)
  const client = new Client()
  expect(Object.keys((await client.get(origin)).set)).toEqual(['sessionId'])
  client.cookies.set('sessionmesh', 'brought')
  expect((await client.get(origin)).text).toBe('2')
  expect(tokens).toEqual([undefined])
})

test('the cookies are HttpOnly and SameSite=Lax unless told otherwise', async () => {
  const [a] = await join(2)
  const { set } = await new Client().get(`${await serve(await shop(a!))}/login?user=ada`)
  expect(set.sessionId?.replace(/^[^;]+/, '')).toBe('; Path=/; HttpOnly; SameSite=Lax')
  expect(set.sessionmesh?.replace(/^[^;]+/, '')).toBe('; Path=/; HttpOnly; SameSite=Lax')
})

test("the token's and the route's cookie go where the session's goes", async () => {
  const [a] = await join(2)
  const cookie = { secure: 'auto', sameSite: 'none', path: '/app', domain: 'shop.example' } as const
  const options = { cookie, token: { cookieName: 'seen' }, route: { cookieName: 'node' } }
  const app = await appOn(a!, options, { trustProxy: true })
  app.get('/app', async ({ session }) => {
    session.user = 'ada'
    return 'in'
  })
  app.get('/elsewhere', async ({ session }) => Object.keys(session))
  const origin = await serve(app)
  const { set } = await new Client().get(`${origin}/app`, { headers: { 'x-forwarded-proto': 'https' } })
  expect(Object.keys(set).sort()).toEqual(['node', 'seen', 'sessionId'])
  for (const line of Object.values(set))
    expect(line.replace(/^[^;]+/, '')).toBe(
      '; Domain=shop.example; Path=/app; HttpOnly; Secure; SameSite=None',
    )
  expect(await new Client().get(`${origin}/elsewhere`)).toMatchObject({ text: '[]', set: {} })
})

test('with cookie.secure, the default, a plain request has no session, and no cookie of ours either', async () => {
  const [a] = await join(2)
  const app = fastify({ trustProxy: true })
  await app.register(session, { ...DEFAULTS, cluster: a!, route: true })
  app.get('/', async ({ session }) => {
    session.user = 'ada'
    return 'in'
  })
  const origin = await serve(app)
  expect((await new Client().get(origin)).set).toEqual({})
  expect(a!.sessions.size).toBe(0)
  const { set } = await new Client().get(origin, { headers: { 'x-forwarded-proto': 'https' } })
  for (const name of ['sessionId', 'sessionmesh', 'route']) expect(set[name]).toMatch(/; Secure/)
})

test('a client cannot choose its id: not one that is unsigned, or signed and of nobody', async () => {
  const [a] = await join(1)
  const app = await appOn(a!)
  app.get('/', async (request) => {
    request.session.count = (request.session.count ?? 0) + 1
    return request.session.sessionId
  })
  const origin = await serve(app)
  const first = new Client()
  const { text: sid } = await first.get(origin)
  a!.sessions.destroy(sid)
  const signed = first.cookies.get('sessionId')!
  for (const cookie of [signed, 'chosen', `chosen.${signed.split('.')[1]}`, sid, '%', '']) {
    const client = new Client()
    client.cookies.set('sessionId', cookie)
    const { status, text } = await client.get(origin)
    expect(status).toBe(200)
    expect(['chosen', sid]).not.toContain(text)
    expect(client.sid).toBe(text)
  }
  expect(a!.sessions.has(sid) || a!.sessions.has('chosen')).toBe(false)
})

test('a token that the client made up is ignored', async () => {
  const [a, b] = await join(2)
  const [atA, atB] = [await serve(await shop(a!)), await serve(await shop(b!))]
  const client = new Client()
  await client.get(`${atA}/login?user=ada`)
  await until('the other has it', () => b!.sessions.has(client.sid))
  for (const forged of ['', 'x', '%', '"; drop', 'a'.repeat(5000)]) {
    client.cookies.set('sessionmesh', forged)
    expect(await client.get(`${atB}/me`)).toMatchObject({ status: 200, text: 'ada' })
  }
})

test('@fastify/cookie is registered, unless the app has done it', async () => {
  const [a] = await join(1)
  const origins: string[] = []
  for (const isThere of [false, true]) {
    const app = fastify()
    if (isThere) app.register(fastifyCookie, { secret: 'of the app' })
    app.register(session, { ...DEFAULTS, cluster: a!, cookie: { secure: false } })
    // In a plugin of its own, as apps are written: its routes have the session too.
    app.register(async (inner) => {
      inner.get('/', async (request, reply) => {
        request.session.user = 'ada'
        return reply.setCookie('theme', 'dark', { signed: isThere }).send('ok')
      })
    })
    origins.push(await serve(app))
  }
  for (const origin of origins) {
    const { set } = await new Client().get(origin)
    expect([set.sessionId, set.theme]).toEqual([expect.any(String), expect.stringMatching(/^theme=dark/)])
  }
})

test('request.session is typed by what the app has declared', async () => {
  const [a] = await join(1)
  const app = await appOn(a!)
  app.get('/', async ({ session }) => {
    const user: string | undefined = session.user
    session.set('cart', ['tea'])
    // @ts-expect-error A cart is a list of strings.
    session.cart = [1]
    // @ts-expect-error Nobody has declared it.
    session.colour = 'red'
    // @ts-expect-error The store is ours.
    const withStore: Parameters<typeof session>[1] = { ...DEFAULTS, cluster: a!, store: undefined }
    return [user ?? null, withStore]
  })
  expect((await new Client().get(await serve(app))).status).toBe(200)
})
