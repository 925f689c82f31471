/** session() on two members of one cluster, through real HTTP: what a user behind a load balancer gets. */
import type { Express } from 'express'
import type { Cluster } from 'sessionmesh'
import { expect, test } from 'vitest'
import { appOn, Client, join, meeting, serve, until, withSessions } from './testing/harness.js'

/** A shop on each member: `/login?user=`, `/add?item=`, `/cart`, `/logout`. */
function shop(cluster: Cluster): Express {
  const app = appOn(cluster)
  app.get('/login', (req, res, next) => {
    req.session.regenerate((error) => {
      if (error) return next(error)
      req.session.user = String(req.query.user)
      res.redirect('/cart')
    })
  })
  app.get('/add', (req, res) => {
    req.session.cart = [...(req.session.cart ?? []), String(req.query.item)]
    res.send('added')
  })
  app.get('/cart', (req, res) => {
    res.json({ user: req.session.user, cart: req.session.cart })
  })
  app.get('/logout', (req, res, next) => {
    req.session.destroy((error) => (error ? next(error) : res.send('bye')))
  })
  return app
}

async function twoShops() {
  const [a, b] = await join(2)
  return { a: a!, b: b!, atA: await serve(shop(a!)), atB: await serve(shop(b!)) }
}

test('a login and a cart made on one member are there on the other, at once', async () => {
  const { atA, atB } = await twoShops()
  const client = new Client()
  const login = await client.get(`${atA}/login?user=ada`)
  expect(login).toMatchObject({ status: 302, set: { sessionmesh: expect.any(String) } })
  expect(JSON.parse((await client.get(`${atB}/cart`)).text)).toEqual({ user: 'ada' })
  const items: string[] = []
  for (let i = 0; i < 100; i++) {
    const [write, read] = i % 2 ? [atA, atB] : [atB, atA]
    items.push(`item ${i}`)
    await client.get(`${write}/add?item=item ${i}`)
    const cart = JSON.parse((await client.get(`${read}/cart`)).text)
    expect(cart, `after ${i}`).toEqual({ user: 'ada', cart: items })
  }
})

test('a logout on one member is a logout on the other, at once', async () => {
  const { atA, atB } = await twoShops()
  for (let i = 0; i < 20; i++) {
    const client = new Client()
    await client.get(`${atA}/login?user=ada`)
    await client.get(`${i % 2 ? atA : atB}/logout`)
    expect(JSON.parse((await client.get(`${i % 2 ? atB : atA}/cart`)).text), `round ${i}`).toEqual({})
  }
})

test('requests at once on two members that change different attributes: both changes survive', async () => {
  const [a, b] = await join(2)
  const loaded = meeting(2)
  const origins = await Promise.all(
    [a!, b!].map((cluster) => {
      const app = appOn(cluster)
      app.get('/login', (req, res) => {
        req.session.user = 'ada'
        res.send('in')
      })
      // Each has loaded the session before the other saves it.
      app.get('/count', async (req, res) => {
        await loaded()
        req.session.count = 1
        res.send('counted')
      })
      app.get('/add', async (req, res) => {
        await loaded()
        req.session.cart = ['tea']
        res.send('added')
      })
      return serve(app)
    }),
  )
  const client = new Client()
  await client.get(`${origins[0]}/login`)
  await Promise.all([client.get(`${origins[0]}/count`), client.get(`${origins[1]}/add`)])
  const whole = { user: 'ada', count: 1, cart: ['tea'] }
  for (const { sessions } of [a!, b!]) {
    await until('both changes are there', () => {
      const data = sessions.load(client.sid)?.data
      return data?.count === 1 && Array.isArray(data.cart)
    })
    expect(sessions.load(client.sid)?.data).toMatchObject(whole)
  }
})

test('a request that saves after the session was destroyed on the other member: it stays destroyed', async () => {
  const { a, b, atA } = await twoShops()
  const [loaded, destroyed] = [meeting(2), meeting(2)]
  const warnings: string[] = []
  b.on('warning', ({ code }) => warnings.push(code))
  const app = shop(b)
  app.get('/slow', async (req, res) => {
    await loaded()
    await destroyed()
    req.session.cart = ['late']
    res.send('done')
  })
  const atB = await serve(app)
  const client = new Client()
  await client.get(`${atA}/login?user=ada`)
  const { sid } = client
  const slow = client.get(`${atB}/slow`)
  await loaded()
  await new Client().get(`${atA}/cart`)
  a.sessions.destroy(sid)
  await until('the destroy is merged', () => !b.sessions.has(sid))
  await destroyed()
  expect(await slow).toMatchObject({ status: 200, text: 'done' })
  expect(warnings).toEqual(['SESSIONMESH_WRITE_DROPPED'])
  expect(a.sessions.has(sid) || b.sessions.has(sid)).toBe(false)
  expect(JSON.parse((await client.get(`${atB}/cart`)).text)).toEqual({})
})

test('what a request was served goes with it as a token, and the next member waits for it before it reads', async () => {
  const [a, b] = await join(2)
  const caughtUp: (string | undefined)[] = []
  const watched = withSessions(b!, (sessions) => ({
    catchUp: (sid, token) => {
      caughtUp.push(token)
      return sessions.catchUp(sid, token)
    },
  }))
  const app = appOn(watched).get('/', (req, res) => {
    // The token is for the client's own session, not for what a handler loads besides.
    req.sessionStore.get('another session', () => res.send('ok'))
  })
  const [atA, atB] = [await serve(shop(a!)), await serve(app)]
  const client = new Client()
  await client.get(`${atA}/login?user=ada`)
  const token = client.cookies.get('sessionmesh')
  expect(token).toBeTypeOf('string')
  await client.get(atB)
  expect(caughtUp).toEqual([decodeURIComponent(token!), undefined])
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
  const [atA, atLate] = [await serve(shop(a!)), await serve(shop(late))]
  const client = new Client()
  await client.get(`${atA}/login?user=ada`)
  const reply = client.get(`${atLate}/cart`)
  await until('the request waits', () => order.length === 1)
  order.push('arrive')
  arrive()
  expect(JSON.parse((await reply).text)).toEqual({ user: 'ada' })
  expect(order).toEqual(['wait', 'arrive', 'load'])
})

test('a token that nobody needs any more is taken back, and one that did not change is not sent again', async () => {
  const [a] = await join(1)
  const tokens = ['t1', 't1', undefined, undefined]
  const scripted = withSessions(a!, () => ({ catchUp: () => undefined, token: () => tokens.shift() }))
  const app = appOn(scripted)
  app.get('/', (_req, res) => {
    res.cookie('theme', 'dark').send('ok')
  })
  const origin = await serve(app)
  const client = new Client()
  const sets: (string | undefined)[] = []
  for (let i = 0; i < 4; i++) {
    const { set } = await client.get(origin)
    expect(set.theme).toMatch(/dark/)
    sets.push(set.sessionmesh)
  }
  expect(sets).toEqual([
    'sessionmesh=t1; Path=/; HttpOnly; SameSite=Lax',
    undefined,
    expect.stringMatching(/^sessionmesh=; Max-Age=0; .*Expires=Thu, 01 Jan 1970/),
    undefined,
  ])
})

test('a token that the client made up is ignored', async () => {
  const { atA, atB } = await twoShops()
  const client = new Client()
  await client.get(`${atA}/login?user=ada`)
  for (const forged of ['', 'x', '%', '"; drop', 'a'.repeat(5000)]) {
    client.cookies.set('sessionmesh', forged)
    expect(await client.get(`${atB}/cart`)).toMatchObject({ status: 200 })
  }
})

test('without readYourWrites no token is sent or read', async () => {
  const [a] = await join(1)
  const tokens: (string | undefined)[] = []
  const watched = withSessions(a!, () => ({
    catchUp: (_sid, token) => {
      tokens.push(token)
      return undefined
    },
  }))
  const app = appOn(watched, { readYourWrites: false })
  app.get('/', (req, res) => {
    req.session.count = (req.session.count ?? 0) + 1
    res.send(`${req.session.count}`)
  })
  const origin = await serve(app)
  const client = new Client()
  expect(Object.keys((await client.get(origin)).set)).toEqual(['connect.sid'])
  client.cookies.set('sessionmesh', 'brought')
  expect(await client.get(origin)).toMatchObject({ text: '2', set: {} })
  expect(tokens).toEqual([undefined])
})

test("the token's cookie goes where the session's goes", async () => {
  const [a] = await join(2)
  const cookie = { secure: 'auto', sameSite: 'none', path: '/app', domain: 'shop.example' } as const
  const app = appOn(a!, { cookie, proxy: true, token: { cookieName: 'seen' } })
  app.get('/app', (req, res) => {
    req.session.user = 'ada'
    res.send('in')
  })
  app.get('/elsewhere', (_req, res) => {
    res.send('no session here')
  })
  const origin = await serve(app)
  const flags = '; Domain=shop.example; Path=/app; HttpOnly; SameSite=None'
  const plain = await new Client().get(`${origin}/app`)
  expect(plain.set.seen?.replace(/^[^;]+/, '')).toBe(flags)
  const secured = await new Client().get(`${origin}/app`, { headers: { 'x-forwarded-proto': 'https' } })
  expect(secured.set.seen?.replace(/^[^;]+/, '')).toBe(
    '; Domain=shop.example; Path=/app; HttpOnly; Secure; SameSite=None',
  )
  expect((await new Client().get(`${origin}/elsewhere`)).set).toEqual({})
})
