/** What happens around the response: errors of the save, streamed ones, and those that wait for their writes. */

import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { type FastifyInstance, fastify } from 'fastify'
import type { Cluster, SessionMeshError } from 'sessionmesh'
import { expect, onTestFinished, test } from 'vitest'
import { session } from './session.js'
import { appOn, Client, DEFAULTS, dam, join, serve, site, until, withSessions } from './testing/harness.js'

/** Enough turns of the loop for a response to come through on loopback, were it not held. */
async function someTurns() {
  for (let i = 0; i < 50; i++) await turn()
}

function countAt(app: FastifyInstance): FastifyInstance {
  app.get('/write', async ({ session }) => {
    session.count = (session.count ?? 0) + 1
    return `count is ${session.count}`
  })
  app.get('/read', async ({ session }) => `read ${session.count}`)
  app.get('/destroy', async ({ session }) => {
    await session.destroy()
    return 'gone'
  })
  return app
}

test('a response leaves when its writes are handed over, and not before', async () => {
  const { dammed, waiting } = await dam()
  const app = countAt(await appOn(dammed, { rolling: false }))
  app.get('/kick', async () => {
    dammed.sessions.destroy('of somebody else')
    return 'out'
  })
  const origin = await serve(app)
  const client = new Client()
  for (const [path, text] of [
    ['write', 'count is 1'],
    ['kick', 'out'],
    ['destroy', 'gone'],
  ]) {
    let hasCome = false
    const reply = client.get(`${origin}/${path}`).finally(() => {
      hasCome = true
    })
    await until('the response waits', () => waiting.length === 1)
    await someTurns()
    expect(hasCome).toBe(false)
    waiting.pop()!.pass()
    expect((await reply).text).toBe(text)
  }
  expect((await client.get(`${origin}/read`)).text).toBe('read undefined')
  expect(waiting).toHaveLength(0)
})

test('over HTTP/2 as well', async () => {
  const { dammed, waiting } = await dam()
  const app = fastify({ http2: true })
  await app.register(session, { ...DEFAULTS, cluster: dammed, cookie: { secure: false } })
  app.get('/', async ({ session }) => {
    session.user = 'ada'
    return 'in'
  })
  onTestFinished(() => app.close())
  const line = connectHttp2(await app.listen({ host: '127.0.0.1', port: 0 }))
  onTestFinished(() => line.destroy())
  const stream = line.request({ ':path': '/' })
  let hasCome = false
  const response = once(stream, 'response').finally(() => {
    hasCome = true
  })
  await until('the response waits', () => waiting.length === 1)
  await someTurns()
  expect(hasCome).toBe(false)
  waiting[0]!.pass()
  const [headers] = await response
  expect(String(headers['set-cookie'])).toMatch(/sessionId=/)
})

test('when what was written is gone with a member that was forgotten, the answer is an error', async () => {
  const { dammed, waiting } = await dam()
  const origin = await serve(countAt(await appOn(dammed)))
  const reply = new Client().get(`${origin}/write`)
  await until('the response waits', () => waiting.length === 1)
  waiting[0]!.fail(Object.assign(new Error('forgotten'), { code: 'SESSIONMESH_FORGOTTEN_MEMBER' }))
  const { status, text } = await reply
  expect([status, JSON.parse(text).code]).toEqual([500, 'SESSIONMESH_FORGOTTEN_MEMBER'])
})

test('streamed: what was changed before the headers is saved before them, and the token tells of it', async () => {
  const [a, b] = await join(2)
  const seen: unknown[] = []
  const streaming = async (cluster: Cluster) => {
    const app = await appOn(cluster)
    app.get('/', async (request, reply) => {
      request.session.count = (request.session.count ?? 0) + 1
      const { sessionId } = request.session
      async function* body() {
        yield 'headers are out; '
        seen.push(cluster.sessions.load(sessionId)?.data.count)
        yield 'done'
      }
      return reply.send(Readable.from(body()))
    })
    return serve(app)
  }
  const [atA, atB] = await Promise.all([a!, b!].map(streaming))
  const client = new Client()
  for (let i = 1; i <= 20; i++) {
    expect((await client.get(i % 2 ? atA! : atB!)).text).toBe('headers are out; done')
    expect(seen).toEqual(Array.from({ length: i }, (_, index) => index + 1))
  }
})

test('what is changed when the session is saved already is not kept: in a later hook, or while streaming', async () => {
  const [cluster] = await join(1)
  const app = await appOn(cluster!)
  app.addHook('onSend', async ({ session }) => {
    session.cart = ['too late']
  })
  app.get('/', async ({ session }, reply) => {
    session.user = 'ada'
    async function* body() {
      yield 'headers are out; '
      session.count = 1
      yield 'done'
    }
    return reply.send(Readable.from(body()))
  })
  const client = new Client()
  expect((await client.get(await serve(app))).text).toBe('headers are out; done')
  expect(Object.keys(cluster!.sessions.load(client.sid)?.data ?? {}).sort()).toEqual(['cookie', 'user'])
})

test('with acks, a missed one is the answer, through the error handler of the app', async () => {
  const [alone] = await join(1)
  const app = countAt(await appOn(alone!, { acks: 'one' }))
  const errors: SessionMeshError[] = []
  app.setErrorHandler((error: SessionMeshError, _request, reply) => {
    errors.push(error)
    return reply.code(503).send('try again')
  })
  const { status, text, set } = await new Client().get(`${await serve(app)}/write`)
  expect([status, text, set.sessionId]).toEqual([503, 'try again', undefined])
  expect(errors.map(({ code }) => code)).toEqual(['SESSIONMESH_NO_PEER'])
})

test('with acks, the answer comes when a peer holds the write', async () => {
  const [a, b] = await join(2)
  const origin = await serve(countAt(await appOn(a!, { acks: 'one' })))
  const client = new Client()
  expect(await client.get(`${origin}/write`)).toMatchObject({ status: 200 })
  expect(b!.sessions.load(client.sid)?.data.count).toBe(1)
})

test.each([
  ['a function', () => 1],
  ['a function deep inside', { list: [{ run: () => 1 }] }],
  ['a symbol', Symbol('s')],
  ['a forgotten await', Promise.resolve()],
])('%s is refused by the name of its attribute, and harms nobody else', async (_name, value) => {
  const { app, client, sessions, visit } = await site({
    login: ({ session }) => {
      session.user = 'ada'
      return 'in'
    },
    bad: ({ session }) => {
      session.value = value
      return 'never seen'
    },
    count: ({ session }) => {
      session.count = 1
      return session.user
    },
  })
  await visit('login')
  const { status, text } = (await visit('bad')).reply
  expect(status).toBe(500)
  expect(JSON.parse(text)).toMatchObject({
    code: 'SESSIONMESH_UNSERIALISABLE_ATTRIBUTE',
    message: expect.stringMatching(/"value"/),
  })
  expect(sessions.load(client.sid)?.data).not.toHaveProperty('value')
  expect((await visit('count')).reply.text).toBe('ada')
  expect(app.server.listening).toBe(true)
})

test('the error handler of the app is called once, and its answer arrives', async () => {
  const [cluster] = await join(1)
  const app = await appOn(cluster!)
  const codes: unknown[] = []
  app.setErrorHandler((error: SessionMeshError, _request, reply) => {
    codes.push(error.code)
    return reply.code(422).send('cannot be kept')
  })
  app.get('/', async ({ session }) => {
    session.value = () => 1
    return 'never seen'
  })
  const after: unknown[] = []
  app.addHook('onResponse', async ({ session }) => after.push(typeof session?.value))
  expect(await new Client().get(await serve(app))).toMatchObject({
    status: 422,
    text: 'cannot be kept',
    set: {},
  })
  expect(codes).toEqual(['SESSIONMESH_UNSERIALISABLE_ATTRIBUTE'])
  await until('all is over', () => after.length === 1)
  expect(after).toEqual(['function'])
})

test('what an error handler changes is saved', async () => {
  const [cluster] = await join(1)
  const app = countAt(await appOn(cluster!))
  app.addHook('onSend', async (_request, _reply, payload) => {
    if (payload !== 'sorry') throw new Error('of another hook')
  })
  app.setErrorHandler((_error, { session }, reply) => {
    session.user = 'told'
    return reply.code(500).send('sorry')
  })
  const client = new Client()
  expect((await client.get(`${await serve(app)}/write`)).text).toBe('sorry')
  expect(cluster!.sessions.load(client.sid)?.data).toMatchObject({ count: 1, user: 'told' })
})

test('a handler that saves by itself gets the error, and can mend it and answer', async () => {
  const { visit, sessions, client } = await site({
    mend: async ({ session }) => {
      session.user = 'ada'
      session.value = () => 1
      const error: SessionMeshError = await session.save().then(
        () => new Error('saved'),
        (reason) => reason,
      )
      delete session.value
      return error.code
    },
  })
  expect((await visit('mend')).reply).toMatchObject({
    status: 200,
    text: 'SESSIONMESH_UNSERIALISABLE_ATTRIBUTE',
  })
  expect(sessions.load(client.sid)?.data).toMatchObject({ user: 'ada' })
})

test('what a handler changed before it threw is saved, as with any store', async () => {
  const { visit, sessions, client } = await site({
    boom: ({ session }) => {
      session.count = 5
      throw new Error('boom')
    },
  })
  expect((await visit('boom')).reply.status).toBe(500)
  expect(sessions.load(client.sid)?.data).toMatchObject({ count: 5 })
})

test('a session that cannot be read fails its own request', async () => {
  const [cluster] = await join(1)
  let isBroken = false
  const broken = withSessions(cluster!, (sessions) => ({
    load(sid) {
      if (isBroken) throw Object.assign(new Error('unreadable'), { code: 'SESSIONMESH_UNREADABLE_ATTRIBUTE' })
      return sessions.load(sid)
    },
  }))
  const origin = await serve(countAt(await appOn(broken)))
  const client = new Client()
  await client.get(`${origin}/write`)
  isBroken = true
  const { status, text } = await client.get(`${origin}/read`)
  expect([status, JSON.parse(text).code]).toEqual([500, 'SESSIONMESH_UNREADABLE_ATTRIBUTE'])
  expect(await new Client().get(`${origin}/read`)).toMatchObject({ status: 200 })
})

test('a hijacked reply is the handler’s own: it saves by itself, and nothing is sent with it', async () => {
  const [cluster] = await join(1)
  const app = await appOn(cluster!)
  app.get('/', async (request, reply) => {
    request.session.user = 'ada'
    await request.session.save()
    reply.hijack()
    reply.raw.end('mine')
  })
  expect(await new Client().get(await serve(app))).toMatchObject({ text: 'mine', set: {} })
  expect(cluster!.sessions.size).toBe(1)
})

test('a late answer does not give the cookie of a session that has ended meanwhile, and keeps all others', async () => {
  const [cluster] = await join(1)
  const app = await appOn(cluster!)
  app.get('/login', async ({ session }) => {
    session.user = 'ada'
    return 'in'
  })
  app.get('/late', async ({ session }, reply) => {
    cluster!.sessions.destroy(session.sessionId)
    session.count = 1
    return reply.setCookie('theme', 'dark').send('late')
  })
  app.get('/expire', async ({ session }) => {
    session.cookie.expires = new Date(0)
    return 'over'
  })
  const origin = await serve(app)
  const client = new Client()
  expect(Object.keys((await client.get(`${origin}/login`)).set)).toContain('sessionId')
  const { status, text, lines } = await client.get(`${origin}/late`)
  expect([status, text, lines]).toEqual([200, 'late', [expect.stringMatching(/^theme=dark;/)]])
  // What ends a session may well tell its client.
  await client.get(`${origin}/login`)
  expect((await client.get(`${origin}/expire`)).set.sessionId).toMatch(/Expires=Thu, 01 Jan 1970/)
})
