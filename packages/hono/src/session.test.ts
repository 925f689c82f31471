/** What a handler gets, what its client gets, and what is stored: with Hono, over HTTP. */

import { createHmac } from 'node:crypto'
import { Hono } from 'hono'
import type { Cluster } from 'sessionmesh'
import { expect, test } from 'vitest'
import { session } from './session.js'
import { appOn, Client, dam, forgotten, join, SECRET, serve, until, withSessions } from './testing/harness.js'

const count = (app: Hono): Hono =>
  app.get('/count', (c) => {
    const session = c.get('session')
    session.set('count', (session.get('count') ?? 0) + 1)
    return c.json({ count: session.data.count, id: session.id })
  })

/** A cookie as this middleware, and any of Hono, signs it. */
function signed(sid: string, secret = SECRET): string {
  return encodeURIComponent(`${sid}.${createHmac('sha256', secret).update(sid).digest('base64')}`)
}

/** What is done to sessions of `cluster`, and whether it renewed their idle time. */
function watch(cluster: Cluster) {
  const done: string[] = []
  const idleMs = (sid: string) => {
    const { ttlMs, remainingMs } = cluster.sessions.load(sid) ?? { ttlMs: 0, remainingMs: 0 }
    return ttlMs - remainingMs
  }
  const note = <T>(sid: string, act: () => T, outcomeOf: (result: T) => string): T => {
    const before = idleMs(sid)
    const result = act()
    done.push(`${outcomeOf(result)}${idleMs(sid) < before ? ', renewed' : ''}`)
    return result
  }
  const watched = withSessions(cluster, (sessions) => ({
    write: (sid, data, options) =>
      note(
        sid,
        () => sessions.write(sid, data, options),
        ({ outcome }) => outcome,
      ),
    touch: (sid, options) =>
      note(
        sid,
        () => sessions.touch(sid, options),
        () => 'touched',
      ),
  }))
  return { watched, done, idleMs }
}

test('who stores nothing gets no session and no cookie', async () => {
  const [cluster] = await join(1)
  const app = appOn(cluster!).get('/', async (c) => {
    const session = c.get('session')
    session.delete('user')
    await session.save()
    await session.destroy()
    return c.json({ isNew: session.isNew, user: session.get('user') ?? null, data: session.data })
  })
  const { text, set } = await new Client().get(await serve(app))
  expect(JSON.parse(text)).toEqual({ isNew: true, user: null, data: {} })
  expect(set).toEqual({})
  expect(cluster!.sessions.size).toBe(0)
})

test('changes in depth are stored, as are those of data itself', async () => {
  const [cluster] = await join(1)
  const app = appOn(cluster!)
    .get('/fill', (c) => {
      Object.assign(c.var.session.data, {
        cart: ['book'],
        user: 'ada',
        value: { deep: new Map([['a', [1]]]) },
      })
      return c.text('ok')
    })
    .get('/change', (c) => {
      const { data } = c.var.session
      data.cart?.push('pen')
      delete data.user
      ;(data.value as { deep: Map<string, number[]> }).deep.get('a')?.push(2)
      return c.text('ok')
    })
  const origin = await serve(app)
  const client = new Client()
  await client.get(`${origin}/fill`)
  await client.get(`${origin}/change`)
  expect(cluster!.sessions.load(client.sid)?.data).toEqual({
    cart: ['book', 'pen'],
    value: { deep: new Map([['a', [1, 2]]]) },
  })
})

test('what was not changed is not written, and what was not looked at is not even compared; both live on', async () => {
  const [cluster] = await join(1)
  const { watched, done, idleMs } = watch(cluster!)
  const app = count(appOn(watched))
    .get('/read', (c) => c.text(String(c.get('session').get('count'))))
    .get('/ignore', (c) => c.text('no session here'))
  const origin = await serve(app)
  const client = new Client()
  await client.get(`${origin}/count`)
  for (const path of ['/read', '/ignore']) {
    await until('time has passed', () => idleMs(client.sid) > 20)
    expect((await client.get(origin + path)).set).toEqual({})
  }
  expect(done).toEqual(['created', 'unchanged, renewed', 'touched, renewed'])
})

test('local attributes may be anything; they are there in the next request, and not in JSON', async () => {
  const [cluster] = await join(1, { sessions: { localAttributes: ['value'] } })
  const forbid = () => {
    throw new Error('looked into')
  }
  const values = [
    new Proxy(() => {}, { get: forbid, has: forbid, ownKeys: forbid, getPrototypeOf: forbid }),
    's',
  ]
  const { watched, done } = watch(cluster!)
  let value: unknown
  const app = appOn(watched)
    .get('/put', (c) => {
      c.get('session').set('user', 'ada')
      c.get('session').set('value', value)
      return c.json(c.get('session').data)
    })
    .get('/regenerate', async (c) => {
      await c.get('session').regenerate(['user', 'value'])
      return c.json(c.get('session').data)
    })
    .get('/get', (c) => {
      const session = c.get('session')
      return c.json({ isSame: session.get('value') === value, json: [session, session.data] })
    })
  const origin = await serve(app)
  for (value of values) {
    const client = new Client()
    for (const path of ['/put', '/regenerate'])
      expect((await client.get(origin + path)).text).toBe('{"user":"ada"}')
    done.splice(0)
    const { text } = await client.get(`${origin}/get`)
    expect(JSON.parse(text)).toEqual({ isSame: true, json: [{}, { user: 'ada' }] })
    expect(done).toEqual([expect.stringMatching(/^unchanged/)])
  }
})

test('nobody gets in with an id of their own making', async () => {
  const [cluster] = await join(1)
  cluster!.sessions.write('chosen', { count: 41 })
  const origin = await serve(count(appOn(cluster!)))
  for (const cookie of [
    'chosen',
    'chosen.',
    `chosen.${'A'.repeat(43)}=`,
    signed('chosen', 'another secret'),
    '%',
    '',
    // Signed here, and ended since: that id is not used again either.
    signed('ended'),
  ]) {
    const client = new Client()
    client.cookies.set('sid', cookie)
    const { text } = await client.get(`${origin}/count`)
    expect(JSON.parse(text).count, cookie).toBe(1)
    expect(client.sid).toMatch(/^[\w-]{32}$/)
  }
  const client = new Client()
  client.cookies.set('sid', signed('chosen'))
  expect(JSON.parse((await client.get(`${origin}/count`)).text)).toEqual({ count: 42, id: 'chosen' })
})

test('a secret on its way out is still accepted, and its cookies are signed anew', async () => {
  const [cluster] = await join(1)
  const [before, between, after] = await Promise.all(
    ['old', ['new', 'old'], ['new']].map((secret) => serve(count(appOn(cluster!, { secret })))),
  )
  const [client, late] = [new Client(), new Client()]
  await client.get(`${before}/count`)
  await late.get(`${before}/count`)
  expect(JSON.parse((await client.get(`${between}/count`)).text).count).toBe(2)
  expect((await client.get(`${between}/count`)).set).toEqual({})
  expect(JSON.parse((await client.get(`${after}/count`)).text).count).toBe(4)
  expect(JSON.parse((await late.get(`${after}/count`)).text).count).toBe(1)
})

test('a session that is destroyed takes its cookie along; what is set then begins another', async () => {
  const [cluster] = await join(1)
  const app = count(appOn(cluster!, { cookie: { path: '/', secure: false } }))
    .get('/logout', async (c) => {
      await c.get('session').destroy()
      return c.json(c.get('session').data)
    })
    .get('/restart', async (c) => {
      await c.get('session').destroy()
      c.get('session').set('user', 'ada')
      return c.text('ok')
    })
  const origin = await serve(app)
  const client = new Client()
  await client.get(`${origin}/count`)
  const first = client.sid
  await client.get(`${origin}/restart`)
  const second = client.sid
  expect(second).not.toBe(first)
  expect([...cluster!.sessions.keys()]).toEqual([second])
  expect(cluster!.sessions.load(second)?.data).toEqual({ user: 'ada' })
  const { text, set } = await client.get(`${origin}/logout`)
  expect([text, set.sid]).toEqual(['{}', 'sid=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax'])
  expect(cluster!.sessions.has(second)).toBe(false)
})

test('regenerate takes what is named to another id, and nothing else', async () => {
  const [cluster] = await join(1)
  const app = count(appOn(cluster!))
    .get('/keep', async (c) => {
      const session = c.get('session')
      session.set('user', 'ada')
      await session.regenerate(['user', 'cart'])
      return c.json({ isNew: session.isNew, data: session.data })
    })
    .get('/drop', async (c) => {
      await c.get('session').regenerate()
      return c.text('ok')
    })
  const origin = await serve(app)
  const client = new Client()
  await client.get(`${origin}/count`)
  const before = client.sid
  const { text } = await client.get(`${origin}/keep`)
  expect(JSON.parse(text)).toEqual({ isNew: true, data: { user: 'ada' } })
  expect([...cluster!.sessions.keys()]).toEqual([client.sid])
  expect(client.sid).not.toBe(before)
  expect(cluster!.sessions.load(client.sid)?.data).toEqual({ user: 'ada' })
  // Nothing is in it then, so there is nothing to store.
  expect((await client.get(`${origin}/drop`)).set.sid).toMatch(/Max-Age=0/)
  expect(cluster!.sessions.size).toBe(0)
})

test.each(['destroyed', 'expired'])(
  'of a session that is %s meanwhile regenerate keeps nothing, and leaves the cookie alone; what is set then is new',
  async (how) => {
    const [cluster] = await join(1)
    const { ttlMs } = cluster!.sessions
    const app = appOn(cluster!).get('/:after', async (c) => {
      const session = c.get('session')
      const { id } = session
      if (how === 'destroyed') cluster!.sessions.destroy(id)
      else cluster!.sessions.touch(id, { ttlMs: 1 })
      await until('it is gone', () => !cluster!.sessions.has(id))
      await session.regenerate(['user'])
      if (c.req.param('after') === 'login') session.set('count', 1)
      return c.json({ isNew: session.isNew, data: session.data })
    })
    const origin = await serve(app)
    for (const [after, data] of [
      ['nothing', {}],
      ['login', { count: 1 }],
    ] as const) {
      cluster!.sessions.write(`old ${after}`, { user: 'ada' }, { ttlMs })
      const client = new Client()
      client.cookies.set('sid', signed(`old ${after}`))
      const { text, set } = await client.get(`${origin}/${after}`)
      expect(JSON.parse(text)).toEqual({ isNew: true, data })
      expect(Object.keys(set)).toEqual(after === 'login' ? ['sid'] : [])
      expect([...cluster!.sessions.keys()]).toEqual(after === 'login' ? [client.sid] : [])
    }
    const [sid = ''] = cluster!.sessions.keys()
    expect(cluster!.sessions.load(sid)?.data).toEqual({ count: 1 })
  },
)

test('what JavaScript would lose silently is an error: a name in place of a list, an attribute on the session itself', async () => {
  const [cluster] = await join(1)
  const errors: unknown[] = []
  const app = count(appOn(cluster!, {}, errors))
    .get('/regenerate', async (c) => {
      await Reflect.apply(c.get('session').regenerate, c.get('session'), ['count'])
      return c.text('ok')
    })
    .get('/assign', (c) => {
      Object.assign(c.get('session'), { user: 'ada' })
      return c.text('ok')
    })
  const origin = await serve(app)
  const client = new Client()
  await client.get(`${origin}/count`)
  const { sid } = client
  expect((await client.get(`${origin}/regenerate`)).status).toBe(500)
  expect(String(errors[0])).toContain("takes a list of the attributes to keep, as in regenerate(['user'])")
  expect((await client.get(`${origin}/assign`)).status).toBe(500)
  expect(errors[1]).toBeInstanceOf(TypeError)
  expect(client.sid).toBe(sid)
  expect(cluster!.sessions.load(sid)?.data).toEqual({ count: 1 })
})

test.each(['destroyed', 'expired'])(
  'a session that is %s meanwhile stays so, however often it is saved',
  async (how) => {
    const [cluster] = await join(1)
    const warnings: string[] = []
    cluster!.on('warning', ({ code }) => warnings.push(code))
    const app = appOn(cluster!, { ttlMs: how === 'expired' ? 20 : 60_000 }).get('/', async (c) => {
      const session = c.get('session')
      session.set('user', 'ada')
      await session.save()
      if (how === 'destroyed') cluster!.sessions.destroy(session.id)
      await until('it is gone', () => !cluster!.sessions.has(session.id))
      for (const user of ['grace', 'mallory']) {
        session.set('user', user)
        await session.save()
      }
      return c.text(`as usual, new: ${session.isNew}`)
    })
    const { text, set } = await new Client().get(await serve(app))
    expect([text, set]).toEqual(['as usual, new: false', {}])
    expect([...cluster!.sessions.keys()]).toEqual([])
    expect(warnings).toEqual(['SESSIONMESH_WRITE_DROPPED'])
  },
)

test('a cookie that names nothing is left alone: another answer may just have replaced it', async () => {
  const [cluster] = await join(1)
  const app = appOn(cluster!).get('/', (c) => c.text(String(c.get('session').isNew)))
  const client = new Client()
  client.cookies.set('sid', signed('gone'))
  const { text, set } = await client.get(await serve(app))
  expect([text, set]).toEqual(['true', {}])
})

test('maxAge is the idle lifetime too, and the cookie is renewed with each change, or with each answer', async () => {
  const [cluster] = await join(1)
  const options = { cookie: { maxAge: 60 } }
  const sites = [options, { ...options, rolling: true }, { ...options, ttlMs: 5_000 }, {}].map((each) => {
    const app = count(appOn(cluster!, each)).get('/read', (c) =>
      c.text(String(c.get('session').get('count'))),
    )
    return serve(app)
  })
  const [plain, rolling, other, none] = await Promise.all(sites)
  const client = new Client()
  const renewed = async (url: string) => /Max-Age=60;/.test((await client.get(url)).set.sid ?? '')
  expect(await renewed(`${plain}/count`)).toBe(true)
  expect(cluster!.sessions.load(client.sid)?.ttlMs).toBe(60_000)
  expect(await renewed(`${plain}/read`)).toBe(false)
  expect(await renewed(`${plain}/count`)).toBe(true)
  expect(await renewed(`${rolling}/read`)).toBe(true)
  for (const [origin, ttlMs] of [
    [other, 5_000],
    [none, cluster!.sessions.ttlMs],
  ] as const) {
    const client = new Client()
    await client.get(`${origin}/count`)
    expect(cluster!.sessions.load(client.sid)?.ttlMs).toBe(ttlMs)
  }
})

test('what cannot be stored fails in onError, by its name, and changes nothing', async () => {
  const [cluster] = await join(1)
  const errors: unknown[] = []
  const app = count(appOn(cluster!, {}, errors)).get('/bad', (c) => {
    const { data } = c.get('session')
    Object.assign(data, { count: 99, value: () => 1 })
    // What it says of its body must not stand in the answer that takes its place.
    return c.body('a long and happy answer', 200, { 'Content-Length': '23', 'Content-Encoding': 'identity' })
  })
  app.get('/proto', (c) => {
    c.get('session').set('__proto__' as 'value', { isAdmin: true })
    return c.text('ok')
  })
  const origin = await serve(app)
  const client = new Client()
  await client.get(`${origin}/count`)
  const reply = await client.get(`${origin}/bad`)
  expect(reply).toMatchObject({ status: 500, text: 'failed' })
  expect(reply.headers['content-encoding']).toBe(undefined)
  expect(errors).toEqual([expect.objectContaining({ code: 'SESSIONMESH_UNSERIALISABLE_ATTRIBUTE' })])
  expect(String(errors[0])).toContain('"value"')
  expect(await client.get(`${origin}/proto`)).toMatchObject({ status: 500 })
  expect(errors[1]).toMatchObject({ code: 'SESSIONMESH_FORBIDDEN_ATTRIBUTE' })
  expect(JSON.parse((await client.get(`${origin}/count`)).text).count).toBe(2)
})

test('an error that save() throws is the handlers to mend', async () => {
  const [cluster] = await join(1)
  const app = appOn(cluster!).get('/', async (c) => {
    const session = c.get('session')
    session.set('value', Promise.resolve())
    const code = await session.save().catch((error) => error.code)
    session.set('value', 'mended')
    return c.text(code)
  })
  const client = new Client()
  expect((await client.get(await serve(app))).text).toBe('SESSIONMESH_UNSERIALISABLE_ATTRIBUTE')
  expect(cluster!.sessions.load(client.sid)?.data).toEqual({ value: 'mended' })
})

test('where acks are asked for and do not come, the answer is the error; the write stays made', async () => {
  const [cluster] = await join(1)
  const errors: unknown[] = []
  const app = count(appOn(cluster!, { acks: 'one' }, errors))
  app.get('/read', (c) => c.text(String(c.get('session').get('count'))))
  for (const end of ['destroy', 'regenerate'] as const)
    app.get(`/${end}`, async (c) => {
      const code = await c
        .get('session')
        [end]()
        .catch((error) => error.code)
      return c.text(code)
    })
  const origin = await serve(app)
  const client = new Client()
  expect(await client.get(`${origin}/count`)).toMatchObject({ status: 500, text: 'failed' })
  expect(errors).toEqual([expect.objectContaining({ code: 'SESSIONMESH_NO_PEER' })])
  expect(cluster!.sessions.load(client.sid)?.data).toEqual({ count: 1 })
  // Nothing is changed, and nobody has to hold it.
  expect(await client.get(`${origin}/read`)).toMatchObject({ status: 200, text: '1' })
  expect((await client.get(`${origin}/destroy`)).text).toBe('SESSIONMESH_NO_PEER')
  await client.get(`${origin}/count`)
  expect((await client.get(`${origin}/regenerate`)).text).toBe('SESSIONMESH_NO_PEER')
})

test('save() shows missing acks to the handler, each time, and the answer is then its own', async () => {
  const [cluster] = await join(1)
  const errors: unknown[] = []
  const app = appOn(cluster!, { acks: 'one' }, errors).get('/', async (c) => {
    const session = c.get('session')
    session.set('user', 'ada')
    const codes = []
    for (let i = 0; i < 2; i++) codes.push(await session.save().catch((error) => error.code))
    return c.json(codes, 503)
  })
  const { status, text } = await new Client().get(await serve(app))
  expect([status, text]).toEqual([503, '["SESSIONMESH_NO_PEER","SESSIONMESH_NO_PEER"]'])
  expect(errors).toEqual([])
})

test('where acks come, the answer comes after them', async () => {
  const [a, b] = await join(2)
  const client = new Client()
  expect(await client.get(`${await serve(count(appOn(a!, { acks: 'all' })))}/count`)).toMatchObject({
    status: 200,
  })
  expect(b!.sessions.load(client.sid)?.data).toEqual({ count: 1 })
})

test('a handler that fails keeps what it had set, and its error goes to onError', async () => {
  const [cluster] = await join(1)
  const errors: unknown[] = []
  const app = appOn(cluster!, {}, errors).get('/', (c) => {
    c.get('session').set('user', 'ada')
    throw new Error('out of order')
  })
  const client = new Client()
  expect(await client.get(await serve(app))).toMatchObject({ status: 500, text: 'failed' })
  expect(errors).toEqual([new Error('out of order')])
  expect(cluster!.sessions.load(client.sid)?.data).toEqual({ user: 'ada' })
})

test('no answer leaves before what was written is handed over, to whatever session', async () => {
  const { cluster, dammed, waiting } = await dam()
  cluster.sessions.write('of somebody else', { user: 'eve' })
  const app = count(appOn(dammed)).get('/kick', (c) => {
    dammed.sessions.destroy('of somebody else')
    return c.text('out')
  })
  const origin = await serve(app)
  const client = new Client()
  for (const path of ['/count', '/kick']) {
    let isAnswered = false
    const reply = client.get(origin + path).then((reply) => {
      isAnswered = true
      return reply
    })
    await until('the answer waits', () => waiting.length === 1)
    // A request of another server's is slower than this answer would have been.
    await new Client().get(await serve(new Hono().get('/', (c) => c.text('ok'))))
    expect(isAnswered).toBe(false)
    waiting.shift()!.pass()
    expect((await reply).status).toBe(200)
  }
})

test('when what was written is gone with a member that was forgotten, the answer is an error without cookies', async () => {
  const { dammed, waiting } = await dam()
  const errors: unknown[] = []
  const app = count(appOn(dammed, {}, errors))
  const reply = new Client().get(`${await serve(app)}/count`)
  await until('the answer waits', () => waiting.length === 1)
  waiting[0]!.fail(new Error('forgotten'))
  const { status, set } = await reply
  expect([status, set]).toEqual([500, {}])
  expect(errors).toEqual([new Error('forgotten')])
})

test.each(['/count', '/save', '/regenerate', '/logout'])(
  'nor does %s tell of a write that is gone when nobody says so but in the turn of that write',
  async (path) => {
    const [cluster] = await join(1)
    cluster!.sessions.write('known', { count: 1 })
    const errors: unknown[] = []
    const app = count(appOn(forgotten(cluster!), {}, errors))
      .get('/save', async (c) => {
        c.get('session').set('user', 'ada')
        await c.get('session').save()
        return c.text('saved')
      })
      .get('/regenerate', async (c) => {
        await c.get('session').regenerate()
        await new Promise(setImmediate)
        return c.text('another')
      })
      .get('/logout', async (c) => {
        await c.get('session').destroy()
        await new Promise(setImmediate)
        return c.text('out')
      })
    const client = new Client()
    client.cookies.set('sid', signed('known'))
    const { status, set } = await client.get((await serve(app)) + path)
    expect([status, set]).toEqual([500, {}])
    expect(errors[0]).toEqual(new Error('forgotten'))
  },
)

test('a member that has to wait loads when it has caught up, not before', async () => {
  const [cluster] = await join(1)
  const order: string[] = []
  let arrive = () => {}
  const late = withSessions(cluster!, (sessions) => ({
    catchUp: (sid, token) => {
      order.push(`wait for ${sid} as of ${token}`)
      return new Promise<void>((resolve) => {
        arrive = resolve
      })
    },
    load: (sid) => {
      order.push('load')
      return sessions.load(sid)
    },
  }))
  cluster!.sessions.write('known', { count: 1 })
  const client = new Client()
  client.cookies.set('sid', signed('known'))
  client.cookies.set('sessionmesh', 'what-it-saw')
  const reply = client.get(`${await serve(count(appOn(late)))}/count`)
  await until('the request waits', () => order.length === 1)
  arrive()
  expect(JSON.parse((await reply).text).count).toBe(2)
  expect(order).toEqual(['wait for known as of what-it-saw', 'load'])
})

test('a token that nobody needs any more is taken back; without readYourWrites there is none', async () => {
  const [cluster] = await join(1)
  const tokens = ['t1', 't1', undefined]
  const scripted = withSessions(cluster!, () => ({ catchUp: () => undefined, token: () => tokens.shift() }))
  const [yes, no] = await Promise.all(
    [true, false].map((readYourWrites) => serve(count(appOn(scripted, { readYourWrites })))),
  )
  const client = new Client()
  const sets: (string | undefined)[] = []
  for (let i = 0; i < 3; i++) sets.push((await client.get(`${yes}/count`)).set.sessionmesh)
  expect(sets).toEqual([
    'sessionmesh=t1; Path=/; HttpOnly; SameSite=Lax',
    undefined,
    expect.stringMatching(/^sessionmesh=; Max-Age=0; /),
  ])
  tokens.push('t2')
  expect(Object.keys((await new Client().get(`${no}/count`)).set)).toEqual(['sid'])
})

test('mounted twice, the first one serves', async () => {
  const [cluster] = await join(1)
  const app = appOn(cluster!)
  app.use(session({ cluster: cluster!, secret: SECRET, name: 'other' }))
  expect(Object.keys((await new Client().get(`${await serve(count(app))}/count`)).set)).toEqual(['sid'])
})

test('it serves redirects, apps in apps, HEAD, what is not found, and what another server has answered', async () => {
  const [cluster] = await join(1)
  const upstream = await serve(
    new Hono().get('/', (c) => c.text('from upstream', 200, { 'Set-Cookie': 'theme=dark' })),
  )
  const app = appOn(cluster!)
  const set = (c: { var: { session: { set(name: 'user', value: string): void } } }) =>
    c.var.session.set('user', 'ada')
  app.get('/redirect', (c) => {
    set(c)
    return c.redirect('/elsewhere')
  })
  app.get('/proxy', (c) => {
    set(c)
    return fetch(upstream)
  })
  app.route(
    '/sub',
    new Hono().get('/', (c) => {
      set(c)
      return c.text('sub')
    }),
  )
  app.notFound((c) => {
    set(c)
    return c.text('nowhere', 404)
  })
  const origin = await serve(app)
  const sids = async (path: string, init?: RequestInit) => {
    const client = new Client()
    const reply = await client.get(origin + path, init)
    expect(cluster!.sessions.load(client.sid)?.data).toEqual({ user: 'ada' })
    return reply
  }
  expect(await sids('/redirect')).toMatchObject({ status: 302 })
  expect((await sids('/proxy')).text).toBe('from upstream')
  expect((await sids('/proxy')).set.theme).toBe('theme=dark')
  expect((await sids('/sub')).text).toBe('sub')
  expect(await sids('/sub', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' })
  expect(await sids('/nowhere')).toMatchObject({ status: 404, text: 'nowhere' })
})
