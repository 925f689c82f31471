/** koa-session's options and methods, as its documentation has them, on a cluster's sessions. */

import type { Sessions } from 'sessionmesh'
import { expect, expectTypeOf, test } from 'vitest'
import type { MeshSessionOptions } from './options.js'
import { Client, door, type Handler, join, serve, until, withSessions } from './testing/harness.js'
import type { Session } from './types.js'

/** One member with one route per handler; records what was done to the sessions. */
async function oneSite(
  handlers: Record<string, Handler>,
  options: Partial<MeshSessionOptions> = {},
  member: Parameters<typeof join>[1] = {},
) {
  const [cluster] = await join(1, member)
  const { sessions } = cluster!
  const calls: string[] = []
  const watched = withSessions(cluster!, {
    write(sid, data, given) {
      const result = sessions.write(sid, data, given)
      calls.push(`${result.outcome} for ${given?.ttlMs}`)
      return result
    },
    touch(sid, given) {
      calls.push('touch')
      return sessions.touch(sid, given)
    },
    destroy(sid, given) {
      calls.push('destroy')
      return sessions.destroy(sid, given)
    },
  })
  const site = await serve(watched, handlers, options)
  const client = new Client()
  const visit = async (path: string, visitor = client) => {
    calls.length = 0
    const reply = await visitor.get(site, path)
    return { ...reply, calls: [...calls], cookie: reply.set['koa.sess'] }
  }
  return { client, cluster: cluster!, sessions, site, visit }
}

const login: Handler = (ctx) => {
  ctx.session!.user = 'ada'
  ctx.body = 'in'
}
const count: Handler = (ctx) => {
  ctx.session!.count = (ctx.session!.count ?? 0) + 1
  ctx.body = String(ctx.session!.count)
}
const read: Handler = (ctx) => {
  ctx.body = { sid: ctx.session!.externalKey, ...ctx.session!.toJSON() }
}
const nothing: Handler = (ctx) => {
  ctx.body = 'nothing'
}
const logout: Handler = (ctx) => {
  ctx.session = null
  ctx.body = 'out'
}

const DAY_MS = 86_400_000

function lifeOf(sessions: Sessions, client: Client) {
  const { ttlMs, data } = sessions.load(client.sid)!
  return { ttlMs, data }
}

test('the session is typed as the application says', () => {
  expectTypeOf<Session['user']>().toEqualTypeOf<string | undefined>()
  expectTypeOf<Parameters<Handler>[0]['session']>().toEqualTypeOf<Session | null>()
  const typed: Handler = (ctx) => {
    // @ts-expect-error: it is a number
    ctx.session!.count = 'one'
    // @ts-expect-error: nobody has declared it
    ctx.session!.undeclared = 1
    ctx.session = { user: 'ada' }
  }
  expect(typed).toBeTypeOf('function')
})

test('who changes nothing gets no session, and an end of none is none', async () => {
  const { sessions, visit } = await oneSite({ nothing, logout })
  expect(await visit('nothing')).toMatchObject({ calls: [], set: {} })
  expect((await visit('logout')).calls).toEqual([])
  expect(sessions.size).toBe(0)
})

test('without maxAge the cookie ends with the browser, and a session lives as long as it is used', async () => {
  const { client, sessions, visit } = await oneSite({ login, read, count }, { ttlMs: 60_000 })
  const { calls, cookie } = await visit('login')
  expect(calls).toEqual(['created for 60000'])
  expect(cookie).toMatch(/^koa\.sess=[^;]+; path=\/; samesite=lax; httponly$/)
  expect(lifeOf(sessions, client)).toEqual({ ttlMs: 60_000, data: { user: 'ada' } })
  const second = await visit('read')
  expect([second.calls, second.cookie]).toEqual([['touch'], undefined])
  expect((await visit('count')).cookie).not.toMatch(/expires/i)
  expect(lifeOf(sessions, client)).toEqual({ ttlMs: 60_000, data: { user: 'ada', count: 1 } })
})

test("maxAge: 'session' is the same, and says so in the session", async () => {
  const { client, sessions, visit } = await oneSite({ login, read }, { maxAge: 'session' })
  expect((await visit('login')).cookie).not.toMatch(/expires/i)
  expect(lifeOf(sessions, client)).toEqual({ ttlMs: DAY_MS, data: { user: 'ada', _session: true } })
  expect((await visit('read')).calls).toEqual(['touch'])
})

test('with maxAge the session ends with its cookie: reading renews neither, and rolling both', async () => {
  const still = await oneSite({ login, read }, { maxAge: 60_000 })
  expect((await still.visit('login')).cookie).toMatch(/expires=/i)
  expect(lifeOf(still.sessions, still.client)).toEqual({
    ttlMs: 60_000,
    data: { user: 'ada', _maxAge: 60_000 },
  })
  expect(await still.visit('read')).toMatchObject({ calls: [], set: {} })
  const rolling = await oneSite({ login, read }, { maxAge: 60_000, rolling: true })
  await rolling.visit('login')
  const { calls, cookie } = await rolling.visit('read')
  expect([calls, cookie]).toEqual([['unchanged for 60000'], expect.stringMatching(/expires=/i)])
  expect(rolling.cluster.status().counters.writes).toBe(1)
})

test('renew renews a session of which half is over, and no other', async () => {
  const { client, sessions, visit } = await oneSite({ login, read }, { maxAge: 2_000, renew: true })
  await visit('login')
  expect((await visit('read')).calls).toEqual([])
  await until('half is over', () => sessions.load(client.sid)!.remainingMs < 1_000)
  const { calls, cookie } = await visit('read')
  expect([calls, cookie]).toEqual([['unchanged for 2000'], expect.stringMatching(/expires=/i)])
  expect(sessions.load(client.sid)!.remainingMs).toBeGreaterThan(1_000)
})

test('a session may have a maxAge of its own, on every member, and give it back', async () => {
  const members = await join(2)
  const remember: Handler = (ctx) => {
    ctx.session!.maxAge = 3_600_000
    ctx.body = 'remembered'
  }
  const forget: Handler = (ctx) => {
    ctx.session!.maxAge = 'session'
    ctx.body = 'forgotten'
  }
  const [a, b] = await Promise.all(
    members.map((member) => serve(member, { login, remember, forget, count }, { maxAge: 60_000 })),
  )
  const client = new Client()
  await client.get(a!, 'login')
  await client.get(b!, 'remember')
  const { set } = await client.get(a!, 'count')
  const leftMs = Date.parse(/expires=([^;]+)/i.exec(set['koa.sess']!)![1]!) - Date.now()
  expect(leftMs).toBeGreaterThan(3_500_000)
  expect(lifeOf(members[0]!.sessions, client).ttlMs).toBe(3_600_000)
  const { set: later } = await client.get(b!, 'forget')
  expect(later['koa.sess']).not.toMatch(/expires/i)
  expect(lifeOf(members[1]!.sessions, client)).toEqual({
    ttlMs: DAY_MS,
    data: { user: 'ada', count: 1, _session: true },
  })
})

test('a maxAge of 0 is none', async () => {
  const { client, sessions, visit } = await oneSite({
    login(ctx) {
      ctx.session!.maxAge = 0
      return login(ctx)
    },
  })
  expect((await visit('login')).cookie).not.toMatch(/expires/i)
  expect(lifeOf(sessions, client)).toEqual({ ttlMs: DAY_MS, data: { user: 'ada' } })
})

test('regenerate() keeps what is in the session, changes the id, and ends the old one', async () => {
  const { client, sessions, visit } = await oneSite({
    login,
    read,
    async elevate(ctx) {
      await ctx.session!.regenerate()
      ctx.session!.count = 1
      ctx.body = 'elevated'
    },
  })
  await visit('login')
  const old = client.copy()
  expect((await visit('elevate')).calls).toEqual([
    'touch',
    'destroy',
    `created for ${DAY_MS}`,
    `changed for ${DAY_MS}`,
  ])
  expect(client.sid).not.toBe(old.sid)
  expect([...sessions.keys()]).toEqual([client.sid])
  expect(JSON.parse((await visit('read')).text)).toEqual({ sid: client.sid, user: 'ada', count: 1 })
  expect(JSON.parse((await visit('read', old)).text)).not.toHaveProperty('user')
})

test('regenerate() keeps nothing of a session that was logged out meanwhile', async () => {
  const { client, sessions, visit } = await oneSite({
    login,
    read,
    async late(ctx) {
      ctx.session!.value = 'of this request'
      sessions.destroy(ctx.session!.externalKey!)
      await ctx.session!.regenerate()
      ctx.body = ctx.session!.toJSON()
      ctx.session!.count = 1
    },
  })
  await visit('login')
  const before = client.sid
  expect((await visit('late')).text).toBe('{}')
  expect(client.sid).not.toBe(before)
  expect([...sessions.keys()]).toEqual([client.sid])
  expect(JSON.parse((await visit('read')).text)).toEqual({ sid: client.sid, count: 1 })
})

test('regenerate() keeps what is in a session that was never saved', async () => {
  const { visit, client, sessions } = await oneSite({
    async first(ctx) {
      ctx.session!.user = 'ada'
      await ctx.session!.regenerate()
      ctx.body = ''
    },
  })
  await visit('first')
  expect(sessions.load(client.sid)!.data).toEqual({ user: 'ada' })
})

test('after regenerate() the session says its new id at once: to log out everywhere but here', async () => {
  const { client, sessions, visit } = await oneSite(
    {
      login,
      read,
      async elevate(ctx) {
        await ctx.session!.regenerate()
        const { externalKey } = ctx.session!
        sessions.destroyBy('user', 'ada', { where: ({ sid }) => sid !== externalKey })
        ctx.body = { externalKey, names: Object.keys(ctx.session!.toJSON()) }
      },
      async replace(ctx) {
        await ctx.session!.regenerate()
        ctx.session = { count: 1 }
        ctx.body = ctx.session!.externalKey
      },
    },
    {},
    { sessions: { indexBy: ['user'] } },
  )
  await visit('login', new Client())
  await visit('login')
  const { text } = await visit('elevate')
  expect(JSON.parse(text)).toEqual({ externalKey: client.sid, names: ['user'] })
  expect([...sessions.keys()]).toEqual([client.sid])
  expect(JSON.parse((await visit('read')).text)).toEqual({ sid: client.sid, user: 'ada' })
  expect((await visit('replace')).text).toBe(client.sid)
})

test('null ends the session and its cookie', async () => {
  const { client, sessions, visit } = await oneSite({ login, logout })
  await visit('login')
  const { calls, cookie } = await visit('logout')
  expect([calls, cookie]).toEqual([
    ['touch', 'destroy'],
    expect.stringMatching(/^koa\.sess=; .*expires=Thu, 01 Jan 1970/),
  ])
  expect([sessions.size, client.sid]).toEqual([0, ''])
})

test('an object in its place replaces what is in it, under the same id', async () => {
  const { client, sessions, visit } = await oneSite({
    login,
    replace(ctx) {
      ctx.session = { count: 7 }
      ctx.body = 'replaced'
    },
  })
  await visit('login')
  const { sid } = client
  await visit('replace')
  expect([...sessions.keys()]).toEqual([sid])
  expect(sessions.load(sid)!.data).toEqual({ count: 7 })
})

/** A handler that stops where the test says, at each of `doors`. */
function pausing(run: (pause: () => Promise<void>, ctx: Parameters<Handler>[0]) => Promise<void>) {
  const doors = [0, 1].map(() => ({ reached: door(), leave: door() }))
  const handler: Handler = async (ctx) => {
    let next = 0
    const pause = async () => {
      const { reached, leave } = doors[next++]!
      reached.open()
      await leave.opened
    }
    await run(pause, ctx)
    ctx.body = 'done'
  }
  return { doors, handler }
}

test('what a request did not touch stays as another one has made it meanwhile, from save to save', async () => {
  const { doors, handler } = pausing(async (pause, ctx) => {
    await pause()
    ctx.session!.user = 'grace'
    await ctx.session!.save()
    await pause()
    ctx.session!.value = 1
  })
  const { client, sessions, visit } = await oneSite({ login, count, slow: handler })
  await visit('login')
  const slow = visit('slow')
  await doors[0]!.reached.opened
  await visit('count')
  doors[0]!.leave.open()
  await doors[1]!.reached.opened
  expect(sessions.load(client.sid)!.data).toEqual({ user: 'grace', count: 1 })
  await visit('login')
  doors[1]!.leave.open()
  await slow
  expect(sessions.load(client.sid)!.data).toEqual({ user: 'ada', count: 1, value: 1 })
})

test.each<[string, Partial<MeshSessionOptions>, boolean]>([
  ['was ended', {}, true],
  ['has expired', { ttlMs: 200 }, false],
])(
  'a session that %s meanwhile stays so, however often a late request saves',
  async (_name, options, isEnded) => {
    const { doors, handler } = pausing(async (pause, ctx) => {
      await pause()
      await ctx.session!.save()
      ctx.session!.count = 1
    })
    const { client, cluster, sessions, visit } = await oneSite({ login, logout, slow: handler }, options)
    const warnings: string[] = []
    cluster.on('warning', ({ code }) => warnings.push(code))
    await visit('login')
    const late = client.copy()
    const slow = visit('slow', late)
    await doors[0]!.reached.opened
    if (isEnded) await visit('logout')
    await until('it is gone', () => !sessions.has(late.sid))
    doors[0]!.leave.open()
    expect((await slow).status).toBe(200)
    expect([...sessions.keys()]).toEqual([])
    expect(warnings).toContain('SESSIONMESH_WRITE_DROPPED')
  },
)

test('with autoCommit: false nothing is saved but by manuallyCommit()', async () => {
  const { sessions, visit } = await oneSite(
    {
      login,
      async commit(ctx) {
        ctx.session!.user = 'ada'
        await ctx.session!.manuallyCommit()
        ctx.body = 'committed'
      },
    },
    { autoCommit: false },
  )
  expect((await visit('login')).calls).toEqual([])
  const { calls, set } = await visit('commit')
  expect([calls, Object.keys(set)]).toEqual([[`created for ${DAY_MS}`], ['koa.sess', 'koa.sess.sig']])
  expect(sessions.size).toBe(1)
})

test('valid and beforeSave see the session as they do without us', async () => {
  const seen: unknown[] = []
  const { client, sessions, visit } = await oneSite(
    { login, read },
    {
      maxAge: 60_000,
      valid(_ctx, session) {
        seen.push(session)
        return session.user !== 'ada'
      },
      beforeSave(_ctx, session) {
        session.value = new Set([1])
      },
    },
  )
  await visit('login')
  expect(sessions.load(client.sid)!.data).toMatchObject({ user: 'ada', value: new Set([1]) })
  const { sid } = client
  const reply = JSON.parse((await visit('read')).text)
  expect(reply).not.toHaveProperty('user')
  expect(reply.sid).not.toBe(sid)
  expect(seen).toEqual([{ user: 'ada', value: new Set([1]), _maxAge: 60_000, _expire: expect.any(Number) }])
})

test('ids: prefix, genid, and an external key', async () => {
  const prefixed = await oneSite({ login }, { prefix: 'shop:' })
  await prefixed.visit('login')
  expect([...prefixed.sessions.keys()]).toEqual([expect.stringMatching(/^shop:[\da-f-]{36}$/)])
  const made = await oneSite({ login }, { genid: () => 'made' })
  await made.visit('login')
  expect([...made.sessions.keys()]).toEqual(['made'])
  const external = await oneSite(
    { login, read },
    { externalKey: { get: (ctx) => ctx.get('x-session'), set: (ctx, sid) => ctx.set('x-session', sid) } },
  )
  const { set } = await external.visit('login')
  expect(set['koa.sess']).toBeUndefined()
  const [sid = ''] = [...external.sessions.keys()]
  const { text } = await external.client.get(external.site, 'read', { 'x-session': sid })
  expect(JSON.parse(text)).toEqual({ sid, user: 'ada' })
})

test('no client chooses its own id, with a signature that is none or without signatures', async () => {
  for (const signed of [true, false]) {
    const { client, sessions, visit } = await oneSite({ login }, { signed })
    client.cookies.set('koa.sess', 'planted').set('koa.sess.sig', 'planted')
    await visit('login')
    expect(sessions.has('planted')).toBe(false)
    expect([...sessions.keys()]).toEqual([client.sid])
  }
})

test('an id that somebody has stolen without its signature opens nothing', async () => {
  const { client, visit } = await oneSite({ login, read })
  await visit('login')
  const thief = client.copy()
  thief.cookies.delete('koa.sess.sig')
  expect(JSON.parse((await visit('read', thief)).text)).not.toHaveProperty('user')
})

test('a member that has left its cluster still answers who only reads', async () => {
  const { cluster, visit } = await oneSite({ login, read, count })
  await visit('login')
  await cluster.close()
  expect(JSON.parse((await visit('read')).text)).toMatchObject({ user: 'ada' })
  expect((await visit('count')).status).toBe(500)
})
