/** What happens around the response: streamed ones, failed ones, and those that wait until their writes are handed over. */

import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { MeshSessionOptions } from './options.js'
import { Client, dam, door, type Handler, join, serve, until, withSessions } from './testing/harness.js'

const count: Handler = (ctx) => {
  ctx.session!.count = (ctx.session!.count ?? 0) + 1
  ctx.body = String(ctx.session!.count)
}
const read: Handler = (ctx) => {
  ctx.body = String(ctx.session!.count ?? 'none')
}

/** Enough turns of the loop for a response to come through on loopback, were it not held. */
async function someTurns() {
  for (let i = 0; i < 50; i++) await turn()
}

test('a response leaves when its writes are handed over, with a body or with a stream', async () => {
  const { dammed, waiting } = await dam(2)
  const site = await serve(dammed, {
    count,
    stream(ctx) {
      ctx.session!.count = 1
      ctx.body = new PassThrough().end('streamed')
    },
  })
  let answers = 0
  const replies = ['count', 'stream'].map((path) =>
    new Client().get(site, path).then(({ text }) => {
      answers++
      return text
    }),
  )
  await until('both wait', () => waiting.length === 2)
  await someTurns()
  expect(answers).toBe(0)
  for (const { pass } of waiting) pass()
  expect(await Promise.all(replies)).toEqual(['1', 'streamed'])
})

test('when what was written is gone, no response tells of it', async () => {
  const { dammed, waiting } = await dam(2)
  const site = await serve(dammed, { count })
  const reply = new Client().get(site, 'count')
  await until('it waits', () => waiting.length === 1)
  waiting[0]!.fail(Object.assign(new Error('gone'), { code: 'SESSIONMESH_FORGOTTEN_MEMBER' }))
  expect(await reply).toMatchObject({ status: 500, set: {} })
  expect(site.errors).toEqual(['SESSIONMESH_FORGOTTEN_MEMBER'])
})

async function twoSites(handlers: Record<string, Handler>, options: Partial<MeshSessionOptions> = {}) {
  const members = await join(2)
  const sites = await Promise.all(members.map((member) => serve(member, handlers, options)))
  return { members, a: sites[0]!, b: sites[1]! }
}

test('a streamed response: session and token go with its headers, before its first byte; later is too late', async () => {
  const body = new PassThrough()
  const { members, a, b } = await twoSites({
    stream(ctx) {
      ctx.session!.count = 7
      ctx.body = body
      body.once('end', () => {
        ctx.session!.count = 8
      })
    },
    read,
  })
  const client = new Client()
  const asked = fetch(`${a.origin}/stream`)
  await until('it is saved', () => members[0]!.sessions.size === 1)
  body.write('first')
  const response = await asked
  const lines = response.headers.getSetCookie()
  client.keep(...lines)
  expect([lines.length, ...client.cookies.keys()]).toEqual([3, 'koa.sess', 'koa.sess.sig', 'sessionmesh'])
  expect((await client.get(b, 'read')).text).toBe('7')
  body.end(' and last')
  expect(await response.text()).toBe('first and last')
  expect((await client.get(a, 'read')).text).toBe('7')
})

test('a response that the handler sends by itself: it commits first, and the token goes along', async () => {
  const { a, b } = await twoSites(
    {
      async raw(ctx) {
        ctx.session!.count = 7
        await ctx.session!.manuallyCommit()
        ctx.respond = false
        ctx.res.writeHead(200)
        ctx.res.end('raw')
      },
      read,
    },
    { autoCommit: false },
  )
  const client = new Client()
  const { text, set } = await client.get(a, 'raw')
  expect([text, Object.keys(set)]).toEqual(['raw', ['koa.sess', 'koa.sess.sig', 'sessionmesh']])
  expect((await client.get(b, 'read')).text).toBe('7')
  expect(a.errors).toEqual([])
})

test('a handler that fails: what it changed is saved, and its client finds it on the other member', async () => {
  const { a, b } = await twoSites({
    count,
    read,
    attempt(ctx) {
      ctx.session!.count = (ctx.session!.count ?? 0) + 1
      ctx.throw(401, 'wrong')
    },
  })
  const client = new Client()
  await client.get(a, 'count')
  for (let attempt = 2; attempt < 20; attempt++) {
    const [here, there] = attempt % 2 === 0 ? [a, b] : [b, a]
    const { status, set } = await client.get(here, 'attempt')
    expect([status, Object.keys(set)]).toEqual([401, ['koa.sess', 'koa.sess.sig', 'sessionmesh']])
    expect((await client.get(there, 'read')).text).toBe(String(attempt))
  }
})

test('a handler that fails does not leave its client behind: the session that it makes is the client’s', async () => {
  const [cluster] = await join(1)
  const site = await serve(cluster!, {
    attempt(ctx) {
      ctx.cookies.set('theme', 'dark')
      count(ctx)
      ctx.throw(401, 'wrong')
    },
    async elevate(ctx) {
      await ctx.session!.regenerate()
      ctx.throw(500, 'later')
    },
    read,
  })
  const client = new Client()
  for (let attempt = 1; attempt <= 5; attempt++) {
    const { status, set } = await client.get(site, 'attempt')
    // (What else there was Koa has dropped.)
    expect([status, Object.keys(set)]).toEqual([401, ['koa.sess', 'koa.sess.sig']])
  }
  const before = client.sid
  expect([...cluster!.sessions.keys()]).toEqual([before])
  expect((await client.get(site, 'elevate')).status).toBe(500)
  expect(client.sid).not.toBe(before)
  expect([...cluster!.sessions.keys()]).toEqual([client.sid])
  expect((await client.get(site, 'read')).text).toBe('5')
})

test('a handler that ends the session and fails: the client drops its cookie', async () => {
  const [cluster] = await join(1)
  const site = await serve(cluster!, {
    count,
    logout(ctx) {
      ctx.session = null
      ctx.throw(500, 'later')
    },
  })
  const client = new Client()
  await client.get(site, 'count')
  expect((await client.get(site, 'logout')).set['koa.sess']).toMatch(/expires=Thu, 01 Jan 1970/)
  expect([client.sid, cluster!.sessions.size]).toEqual(['', 0])
})

test('a late answer does not give the cookie of a session that has ended meanwhile, and keeps all others', async () => {
  const [cluster] = await join(1)
  const late: Handler = (ctx) => {
    cluster!.sessions.destroy(ctx.session!.externalKey!)
    ctx.cookies.set('theme', 'dark', { signed: false })
    count(ctx)
  }
  const site = await serve(cluster!, {
    count,
    late,
    'late-error'(ctx) {
      late(ctx)
      ctx.throw(500)
    },
    'late-new': async (ctx) => {
      ctx.session!.count = 1
      await ctx.session!.save()
      late(ctx)
    },
  })
  const client = new Client()
  for (const [path, lines] of [
    ['late', ['theme']],
    ['late-error', []],
  ] as const) {
    await client.get(site, 'count')
    expect(Object.keys((await client.get(site, path)).set)).toEqual(lines)
  }
  expect(Object.keys((await new Client().get(site, 'late-new')).set)).toEqual(['theme'])
})

test('acks that are missing are an error of the request; what it did stays done', async () => {
  const [a, b] = await join(2)
  const logout: Handler = (ctx) => {
    ctx.session = null
    ctx.body = 'out'
  }
  const site = await serve(a!, { count, logout }, { acks: 'one' })
  const client = new Client()
  expect((await client.get(site, 'count')).text).toBe('1')
  expect(b!.sessions.load(client.sid)!.data).toEqual({ count: 1 })
  await b!.close()
  expect((await client.get(site, 'count')).status).toBe(500)
  expect(a!.sessions.load(client.sid)!.data).toEqual({ count: 2 })
  expect((await client.get(site, 'logout')).status).toBe(500)
  expect(a!.sessions.size).toBe(0)
  expect(site.errors).toEqual(['SESSIONMESH_NO_PEER', 'SESSIONMESH_NO_PEER'])
})

test('a session is loaded when this member has what its client has seen', async () => {
  const [cluster] = await join(1)
  const { open, opened } = door()
  const asked: unknown[] = []
  const site = await serve(
    withSessions(cluster!, {
      catchUp(...given) {
        asked.push(given)
        return opened
      },
    }),
    { read },
  )
  const client = new Client()
  const elsewhere = await serve(cluster!, { count })
  await client.get(elsewhere, 'count')
  client.cookies.set('sessionmesh', 'seen')
  const reply = client.get(site, 'read')
  await until('it waits', () => asked.length === 1)
  expect(asked).toEqual([[client.sid, 'seen']])
  const { data } = cluster!.sessions.load(client.sid)!
  cluster!.sessions.write(client.sid, { ...data, count: 2 })
  open()
  expect((await reply).text).toBe('2')
})

test('the cookies of token and route go where the session cookie goes, and no script sees them', async () => {
  const [cluster] = await join(2, { memberName: 'shop-1' })
  const site = await serve(
    cluster!,
    { count },
    {
      path: '/count',
      domain: 'shop.test',
      sameSite: 'strict',
      httpOnly: false,
      token: { cookieName: 'seen' },
      route: true,
    },
  )
  const { set } = await new Client().get(site, 'count')
  const reach = /; Domain=shop\.test; Path=\/count; HttpOnly; SameSite=Strict$/
  expect(set['koa.sess']).toMatch(/; path=\/count; domain=shop\.test; samesite=strict$/)
  expect(set.seen).toMatch(reach)
  expect(set.route).toMatch(reach)
  expect(set.route).toMatch(/^route=shop-1;/)
})

test('over HTTPS they are Secure, as the session cookie is', async () => {
  const [cluster] = await join(2)
  const site = await serve(cluster!, { count })
  site.app.proxy = true
  const { set } = await new Client().get(site, 'count', { 'x-forwarded-proto': 'https' })
  expect(set['koa.sess']).toMatch(/; secure/i)
  expect(set.sessionmesh).toMatch(/; Secure/)
})

test('secure: true behind a proxy that ends TLS needs app.proxy', async () => {
  const [cluster] = await join(1)
  const site = await serve(cluster!, { count }, { secure: true })
  const proxied = { 'x-forwarded-proto': 'https' }
  expect((await new Client().get(site, 'count', proxied)).status).toBe(500)
  site.app.proxy = true
  expect((await new Client().get(site, 'count', proxied)).set['koa.sess']).toMatch(/; secure/)
})

test('without readYourWrites there is no token', async () => {
  const [cluster] = await join(2)
  const site = await serve(cluster!, { count }, { readYourWrites: false })
  expect(Object.keys((await new Client().get(site, 'count')).set)).toEqual(['koa.sess', 'koa.sess.sig'])
})
