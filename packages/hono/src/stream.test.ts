/** Responses whose bodies come after their headers: what is stored when, and who hears of it. */

import { stream } from 'hono/streaming'
import { expect, test } from 'vitest'
import { appOn, Client, dam, door, join, serve, until } from './testing/harness.js'

test('what is set before the response is returned is stored before its headers leave', async () => {
  const [cluster] = await join(1)
  const headers = door()
  const app = appOn(cluster!).get('/', (c) => {
    c.get('session').set('count', 1)
    return stream(c, async () => headers.opened)
  })
  const response = await fetch(await serve(app))
  const [sid = ''] = cluster!.sessions.keys()
  expect(cluster!.sessions.load(sid)?.data).toEqual({ count: 1 })
  expect(response.headers.getSetCookie()).toEqual([expect.stringContaining(`sid=${sid}.`)])
  headers.open()
  await response.text()
})

test('and is there on the next request, wherever that goes', async () => {
  const sites = (await join(2)).map((member) => {
    const app = appOn(member).get('/', (c) => {
      const session = c.get('session')
      session.set('count', (session.get('count') ?? 0) + 1)
      return stream(c, async (body) => {
        await body.write(String(session.get('count')))
      })
    })
    return serve(app)
  })
  const origins = await Promise.all(sites)
  const client = new Client()
  for (let count = 1; count <= 20; count++)
    expect((await client.get(origins[count % 2]!)).text).toBe(String(count))
})

test('what is set later is stored at once, and what was changed in depth when save() is called', async () => {
  const [cluster] = await join(1)
  const headers = door()
  const app = appOn(cluster!).get('/', (c) => {
    const session = c.get('session')
    const stored = () => cluster!.sessions.load(session.id)?.data
    session.set('cart', [])
    session.set('user', 'ada')
    return stream(c, async (body) => {
      await headers.opened
      session.set('count', 1)
      await body.writeln(JSON.stringify(stored()))
      session.data.cart?.push('book')
      await body.writeln(JSON.stringify(stored()))
      await session.save()
      session.delete('user')
      await body.writeln(JSON.stringify(stored()))
    })
  })
  const response = await fetch(await serve(app))
  headers.open()
  expect(
    (await response.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual([
    { cart: [], user: 'ada', count: 1 },
    { cart: [], user: 'ada', count: 1 },
    { cart: ['book'], count: 1 },
  ])
})

test('what is changed in depth after the headers, without save(), is not stored', async () => {
  const [cluster] = await join(1)
  const headers = door()
  const app = appOn(cluster!).get('/', (c) => {
    const { data } = c.get('session')
    data.cart = ['book']
    return c.body(
      new ReadableStream({
        async start(controller) {
          await headers.opened
          data.cart?.push('pen')
          controller.close()
        },
      }),
    )
  })
  const response = await fetch(await serve(app))
  headers.open()
  await response.text()
  const [sid = ''] = cluster!.sessions.keys()
  expect(cluster!.sessions.load(sid)?.data).toEqual({ cart: ['book'] })
})

test('save() resolves when the change is handed over: the stream may tell of it then', async () => {
  const { dammed, waiting } = await dam()
  const headers = door()
  const app = appOn(dammed).get('/', (c) => {
    c.get('session').set('count', 1)
    return stream(c, async (body) => {
      await headers.opened
      c.get('session').set('count', 2)
      await c.get('session').save()
      await body.write('saved')
    })
  })
  const asked = fetch(await serve(app))
  await until('the headers wait', () => waiting.length === 1)
  waiting[0]!.pass()
  const response = await asked
  let text: string | undefined
  response.text().then((received) => (text = received))
  headers.open()
  await until('save() waits', () => waiting.length === 2)
  expect(text).toBe(undefined)
  waiting[1]!.pass()
  await until('it came', () => text === 'saved')
})

test('what needs a cookie comes too late then: a new session, another id', async () => {
  const [cluster] = await join(1)
  const headers = door()
  const failures: string[] = []
  const app = appOn(cluster!)
    .get('/new', (c) =>
      stream(c, async () => {
        await headers.opened
        expect(() => c.get('session').set('count', 1)).toThrow(/set something in it before you answer/)
        failures.push('new')
      }),
    )
    .get('/other', (c) => {
      c.get('session').set('count', 1)
      return stream(c, async () => {
        await headers.opened
        await expect(c.get('session').regenerate()).rejects.toThrow(/too late/)
        failures.push('other')
      })
    })
  const origin = await serve(app)
  const responses = await Promise.all(['new', 'other'].map((path) => fetch(`${origin}/${path}`)))
  headers.open()
  for (const response of responses) await response.text()
  expect(failures.sort()).toEqual(['new', 'other'])
  expect(cluster!.sessions.size).toBe(1)
})

test('a session can be destroyed from within a stream', async () => {
  const [cluster] = await join(1)
  const headers = door()
  const app = appOn(cluster!)
    .get('/', (c) => {
      c.get('session').set('count', 1)
      return stream(c, async () => {
        await headers.opened
        await c.get('session').destroy()
      })
    })
    .get('/read', (c) => c.text(String(c.get('session').get('count'))))
  const origin = await serve(app)
  const client = new Client()
  const reply = client.get(origin)
  await until('it is stored', () => cluster!.sessions.size === 1)
  headers.open()
  await reply
  expect(cluster!.sessions.size).toBe(0)
  expect(client.sid).not.toBe('')
  expect((await client.get(`${origin}/read`)).text).toBe('undefined')
})

test('a session that was ended meanwhile is not revived by what is set late', async () => {
  const [a, b] = await join(2)
  const headers = door()
  const warnings: string[] = []
  a!.on('warning', ({ code }) => warnings.push(code))
  const app = appOn(a!).get('/', (c) => {
    c.get('session').set('user', 'ada')
    return stream(c, async () => {
      await headers.opened
      c.get('session').set('user', 'mallory')
      await c.get('session').save()
    })
  })
  const response = await fetch(await serve(app))
  const [sid = ''] = a!.sessions.keys()
  await until('both have it', () => b!.sessions.has(sid))
  b!.sessions.destroy(sid)
  await until('both know', () => !a!.sessions.has(sid))
  headers.open()
  await response.text()
  expect(a!.sessions.has(sid) || b!.sessions.has(sid)).toBe(false)
  expect(warnings).toEqual(['SESSIONMESH_WRITE_DROPPED'])
})

test('a response that an error replaces is told so, and does not go on for nobody', async () => {
  const [cluster] = await join(1)
  const aborted = door()
  const app = appOn(cluster!).get('/', (c) => {
    c.get('session').set('value', () => 1)
    return stream(c, async (body) => {
      body.onAbort(aborted.open)
      await body.write('never read')
    })
  })
  expect(await new Client().get(await serve(app))).toMatchObject({ status: 500, text: 'failed' })
  await aborted.opened
})
