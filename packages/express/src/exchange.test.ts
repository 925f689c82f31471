/** What happens around the response: streamed ones, and those that wait until their writes are handed over. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { ErrorRequestHandler, Request, Response } from 'express'
import type { Cluster } from 'sessionmesh'
import { expect, onTestFinished, test, vi } from 'vitest'
import { session } from './session.js'
import {
  appOn,
  Client,
  collectErrors,
  DEFAULTS,
  dam,
  door,
  join,
  meeting,
  serve,
  until,
  withSessions,
} from './testing/harness.js'

/** A connection that speaks HTTP by hand, to see when bytes come. */
async function dial(origin: string) {
  const { hostname, port } = new URL(origin)
  const socket: Socket = connect(Number(port), hostname).setEncoding('utf8')
  let received = ''
  socket.on('data', (text: string) => {
    received += text
  })
  onTestFinished(() => {
    socket.destroy()
  })
  await once(socket, 'connect')
  return {
    socket,
    get received() {
      return received
    },
    send: (path: string, ...headers: string[]) =>
      socket.write([`GET ${path} HTTP/1.1`, 'Host: shop', ...headers, '', ''].join('\r\n')),
  }
}

/** Enough turns of the loop for a response to come through on loopback, were it not held. */
async function someTurns() {
  for (let i = 0; i < 50; i++) await turn()
}

/** What becomes of the writes that are made through it. */
function watch(cluster: Cluster) {
  const outcomes: string[] = []
  const watched = withSessions(cluster, (sessions) => ({
    write: (sid, data, options) => {
      const result = sessions.write(sid, data, options)
      outcomes.push(result.outcome)
      return result
    },
  }))
  return { watched, outcomes }
}

const write = (req: Request, res: Response) => {
  req.session.count = (req.session.count ?? 0) + 1
  res.send(`count is ${req.session.count}`)
}
const read = (req: Request, res: Response) => res.send(`read ${req.session.count}`)

test.each(['keep-alive', 'close'])(
  'with Connection: %s, no byte leaves before the writes are handed over',
  async (mode) => {
    const { dammed, waiting } = await dam()
    const app = appOn(dammed).get('/write', write)
    const line = await dial(await serve(app))
    line.send('/write', `Connection: ${mode}`)
    await until('the response waits', () => waiting.length === 1)
    await someTurns()
    expect(line.received).toBe('')
    waiting[0]!.pass()
    await until('it has come', () => line.received.endsWith('count is 1'))
    expect(line.received).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*Set-Cookie: connect\.sid/)
    if (mode === 'close') await until('the server has closed', () => line.socket.readableEnded)
  },
)

test('a response does not wait when all is handed over, nor does the next one on that connection', async () => {
  const { dammed, waiting } = await dam()
  const app = appOn(dammed).get('/write', write).get('/read', read)
  const line = await dial(await serve(app))
  line.send('/write')
  await until('the response waits', () => waiting.length === 1)
  waiting[0]!.pass()
  await until('it has come', () => line.received.includes('count is 1'))
  line.send('/read')
  await until('the other came too', () => line.received.includes('read undefined'))
  expect(waiting).toHaveLength(1)
})

test('pipelined requests are answered in their order, each after its writes', async () => {
  const { dammed, waiting } = await dam()
  const app = appOn(dammed).get('/write', write).get('/read', read)
  const line = await dial(await serve(app))
  line.send('/write')
  line.send('/read')
  line.send('/write')
  await until('all wait', () => waiting.length === 3)
  waiting[0]!.pass()
  waiting[1]!.pass()
  await someTurns()
  expect(line.received).toBe('')
  waiting[2]!.pass()
  await until('all came', () => /count is 1.*read undefined.*count is 1$/s.test(line.received))
})

test('destroy, regenerate and a save before a reload are waited for as well', async () => {
  const { dammed, waiting } = await dam()
  const app = appOn(dammed)
    .get('/write', write)
    .get('/destroy', (req, res) => req.session.destroy(() => res.send('gone')))
    .get('/renew', (req, res) => req.session.regenerate(() => res.send('new')))
    .get('/reload', (req, res) => {
      req.session.user = 'ada'
      req.session.save(() => req.session.reload(() => res.send('reloaded')))
    })
  const origin = await serve(app)
  const client = new Client()
  for (const path of ['write', 'renew', 'reload', 'destroy']) {
    const reply = client.get(`${origin}/${path}`)
    await until(`${path} waits`, () => waiting.length === 1)
    waiting.shift()!.pass()
    expect((await reply).status).toBe(200)
  }
})

test('a response waits for the write to any other session as well', async () => {
  const { cluster, dammed, waiting } = await dam()
  cluster.sessions.write('of somebody else', { user: 'eve' })
  const app = appOn(dammed).get('/kick', (_, res) => {
    dammed.sessions.destroy('of somebody else')
    res.send('out')
  })
  const line = await dial(await serve(app))
  line.send('/kick')
  await until('the response waits', () => waiting.length === 1)
  await someTurns()
  expect(line.received).toBe('')
  waiting[0]!.pass()
  await until('it has come', () => line.received.endsWith('out'))
})

test('when what was written is gone with a member that was forgotten, the connection breaks', async () => {
  const { dammed, waiting } = await dam()
  const app = appOn(dammed).get('/write', write)
  const line = await dial(await serve(app))
  line.send('/write')
  await until('the response waits', () => waiting.length === 1)
  waiting[0]!.fail(new Error('forgotten'))
  await until('the connection is over', () => line.socket.destroyed)
  expect(line.received).toBe('')
})

test('a client that hangs up while its response waits harms nobody', async () => {
  const { dammed, waiting } = await dam()
  const app = appOn(dammed).get('/write', write)
  const errors = collectErrors(app)
  const origin = await serve(app)
  const line = await dial(origin)
  line.send('/write')
  await until('the response waits', () => waiting.length === 1)
  line.socket.resetAndDestroy()
  await someTurns()
  waiting[0]!.pass()
  const reply = new Client().get(`${origin}/write`)
  await until('the next response waits', () => waiting.length === 2)
  waiting[1]!.pass()
  expect((await reply).text).toBe('count is 1')
  expect(errors).toEqual([])
})

test('streamed: what was changed before the headers is saved before them, and the token tells of it', async () => {
  const [a, b] = await join(2)
  const seen: unknown[] = []
  const stream = (cluster: Cluster) => (req: Request, res: Response) => {
    req.session.count = (req.session.count ?? 0) + 1
    res.write('headers are out; ')
    seen.push(cluster.sessions.load(req.session.id)?.data.count)
    setImmediate(() => res.end('done'))
  }
  const [atA, atB] = await Promise.all(
    [a!, b!].map((member) => serve(appOn(member).get('/', stream(member)))),
  )
  const client = new Client()
  for (let i = 1; i <= 20; i++) {
    const reply = await client.get(i % 2 ? atA! : atB!)
    expect(reply.text).toBe('headers are out; done')
    expect(seen).toEqual(Array.from({ length: i }, (_, index) => index + 1))
  }
})

test('streamed: what is changed after the headers is saved too, and the last bytes wait for it', async () => {
  const { cluster, dammed, waiting } = await dam()
  const finish = meeting(2)
  const app = appOn(dammed).get('/', async (req, res) => {
    req.session.count = 1
    res.setHeader('Content-Length', 9)
    res.write('first')
    await finish()
    req.session.count = 2
    res.end('last')
  })
  const line = await dial(await serve(app))
  line.send('/')
  await until('the headers wait', () => waiting.length === 1)
  waiting[0]!.pass()
  await until('the first bytes have come', () => line.received.endsWith('first'))
  await finish()
  await until('the end waits', () => waiting.length === 2)
  await someTurns()
  expect(line.received).toMatch(/first$/)
  const [sid] = cluster.sessions.keys()
  expect(cluster.sessions.load(sid!)?.data.count).toBe(2)
  waiting[1]!.pass()
  await until('all came', () => line.received.endsWith('firstlast'))
})

test('streamed: what is saved is not changed again, and a session in which nothing was changed is not made', async () => {
  const [cluster] = await join(1)
  const { watched, outcomes } = watch(cluster!)
  const app = appOn(watched)
    .get('/nothing', (_req, res) => {
      res.write('nothing')
      res.end()
    })
    .get('/write', (req, res) => {
      req.session.count = 1
      res.write('written')
      res.end()
    })
    .get('/renew', (req, res) => {
      req.session.regenerate(() => {
        res.write('new')
        res.end()
      })
    })
  const origin = await serve(app)
  const client = new Client()
  const visit = async (path: string) => {
    await client.get(`${origin}/${path}`)
    return outcomes.splice(0)
  }
  expect(await visit('nothing')).toEqual([])
  expect(await visit('write')).toEqual(['created'])
  expect(await visit('nothing')).toEqual(['unchanged'])
  // express-session saves what was regenerated once more at the end: it holds only the first id for saved.
  expect(await visit('renew')).toEqual(['created', 'unchanged'])
})

test("streamed: unset 'destroy' ends the session before the headers leave", async () => {
  const [cluster] = await join(1)
  const left: number[] = []
  const app = appOn(cluster!, { unset: 'destroy' })
    .get('/write', write)
    .get('/drop', (req, res) => {
      Object.assign(req, { session: null })
      res.write('dropped')
      left.push(cluster!.sessions.size)
      res.end()
    })
  const origin = await serve(app)
  const client = new Client()
  await client.get(`${origin}/write`)
  expect(await client.get(`${origin}/drop`)).toMatchObject({ status: 200, text: 'dropped' })
  expect(left).toEqual([0])
})

test('streamed: a save that fails goes to the error path, and the response ends', async () => {
  const [cluster] = await join(1)
  const app = appOn(cluster!).get('/', (req, res) => {
    req.session.value = () => 1
    res.write('headers are out; ')
    res.end('done')
  })
  const errors = collectErrors(app)
  expect((await new Client().get(await serve(app))).text).toBe('headers are out; done')
  expect(errors).toEqual([expect.objectContaining({ code: 'SESSIONMESH_UNSERIALISABLE_ATTRIBUTE' })])
})

test.each(['changed', 'read', 'streamed', 'renewed'] as const)(
  'a late answer (%s) does not bring the cookie of a session back that was ended meanwhile',
  async (how) => {
    const [cluster] = await join(1)
    const { opened, open } = door()
    let isWaiting = false
    const options = { rolling: true, cookie: { maxAge: 60_000 }, name: 'shop' }
    const app = appOn(cluster!, options)
      .get('/login', (req, res) => {
        req.session.regenerate(() => {
          req.session.user = 'ada'
          res.send('in')
        })
      })
      .get('/late', async (req, res) => {
        isWaiting = true
        await opened
        if (how === 'changed' || how === 'streamed') req.session.count = 1
        res.append('Set-Cookie', 'theme=dark')
        if (how === 'streamed') res.write('too ')
        if (how === 'renewed') req.session.regenerate(() => res.send('another'))
        else res.end('late')
      })
      .get('/me', (req, res) => res.send(String(req.session.user)))
    const origin = await serve(app)
    const client = new Client()
    await client.get(`${origin}/login`)
    const late = client.get(`${origin}/late`)
    await until('it waits', () => isWaiting)
    await client.get(`${origin}/login`)
    open()
    const { set } = await late
    // (What the app itself begins anew is its own.)
    expect(Object.keys(set).sort()).toEqual(how === 'renewed' ? ['shop', 'theme'] : ['theme'])
    expect((await client.get(`${origin}/me`)).text).toBe(how === 'renewed' ? 'undefined' : 'ada')
  },
)

test('trouble with the token is kept from the response and from the app', async () => {
  const [cluster] = await join(1)
  const fail = () => {
    throw new Error('out of order')
  }
  const app = appOn(withSessions(cluster!, () => ({ token: fail }))).get('/', write)
  const errors = collectErrors(app)
  const origin = await serve(app)
  const client = new Client()
  expect(await client.get(origin)).toMatchObject({ status: 200, text: 'count is 1' })
  expect(await client.get(origin)).toMatchObject({ status: 200, text: 'count is 2' })
  expect(errors).toEqual([])
})

test('mounted twice, the first one serves', async () => {
  const [cluster] = await join(1)
  const app = appOn(cluster!)
  app.use(session({ ...DEFAULTS, cluster: cluster!, name: 'other' })).get('/', write)
  expect(Object.keys((await new Client().get(await serve(app))).set)).toEqual(['connect.sid'])
})

test.each([{}, { cookie: { maxAge: 60_000 } }])(
  'whoever asks for the JSON of a session gets it, whenever it is (%o)',
  async (options) => {
    const [cluster] = await join(1)
    const seen: Record<string, unknown> = {}
    const app = appOn(cluster!, options)
    app.use((req, res, next) => {
      const look = (when: string) => {
        const { cookie: _, ...attributes } = JSON.parse(JSON.stringify(req.session ?? {}))
        seen[when] = attributes
      }
      const { end, writeHead } = res
      look('before the handler')
      res.writeHead = (...args: unknown[]) => {
        look('before the headers')
        return Reflect.apply(writeHead, res, args)
      }
      res.end = (...args: unknown[]) => {
        look('before the end')
        const result = Reflect.apply(end, res, args)
        look('after the end')
        return result
      }
      res.once('finish', () => look('when all has left'))
      next()
    })
    app
      .get('/write', (req, res) => {
        req.session.cart = ['apple']
        res.send('ok')
      })
      .get('/read', (_, res) => res.send('ok'))
      .get('/fail', () => {
        throw new Error('fails')
      })
      .use(((_error, req, res, _next) => res.status(500).json(req.session)) satisfies ErrorRequestHandler)
    const origin = await serve(app)
    const client = new Client()
    await client.get(`${origin}/write`)
    await client.get(`${origin}/read`)
    await until('the last look', () => Object.keys(seen).length === 5)
    for (const [when, attributes] of Object.entries(seen))
      expect(attributes, when).toEqual({ cart: ['apple'] })
    expect(JSON.parse((await client.get(`${origin}/fail`)).text)).toMatchObject({ cart: ['apple'] })
  },
)

test('a session that was only read is compared once with what was loaded, be its cookie dated', async () => {
  const [cluster] = await join(1)
  let compared = 0
  const watched = withSessions(cluster!, (sessions) => ({
    differs: (...args) => {
      compared++
      return sessions.differs(...args)
    },
  }))
  const app = appOn(watched, { cookie: { maxAge: 60_000 } })
    .get('/write', (req, res) => {
      req.session.cart = ['apple']
      res.send('ok')
    })
    .get('/read', (_, res) => res.send('ok'))
    .get('/stream', (_, res) => {
      res.write('one')
      res.end('two')
    })
  const origin = await serve(app)
  const client = new Client()
  await client.get(`${origin}/write`)
  for (const [path, times] of [
    ['read', 1],
    ['stream', 2],
  ] as const) {
    compared = 0
    await client.get(`${origin}/${path}`)
    expect(compared, path).toBe(times)
  }
})

test('a session that was only read is not saved, whatever is in it; one that was changed inside is', async () => {
  const [cluster] = await join(1)
  const { watched, outcomes } = watch(cluster!)
  const app = appOn(watched, { cookie: { maxAge: 60_000 } })
    .get('/write', (req, res) => {
      req.session.value = { map: new Map([['a', [1]]]), date: new Date(0), big: 1n, list: [{ deep: 'x' }] }
      res.send('ok')
    })
    .get('/read', (_, res) => res.send('ok'))
    .get('/change', (req, res) => {
      const value = req.session.value as { map: Map<string, number[]>; list: { deep: string }[] }
      value.map.get('a')!.push(2)
      value.list[0]!.deep = 'y'
      res.send('ok')
    })
  const origin = await serve(app)
  const client = new Client()
  for (const path of ['write', 'read', 'change', 'read']) {
    const { set } = await client.get(`${origin}/${path}`)
    // The cookie has a date, and is renewed with a change only.
    expect('connect.sid' in set, path).toBe(path !== 'read')
  }
  expect(outcomes).toEqual(['created', 'changed'])
})

test('acks that are missed break no later request on the connection of their answer, and are told', async () => {
  const [cluster] = await join(1)
  let miss: (error: unknown) => void = () => {}
  const acked = new Promise<number>((_, reject) => {
    miss = reject
  })
  acked.catch(() => {})
  const late = withSessions(cluster!, (sessions) => ({
    write: (sid, data, options) => ({ ...sessions.write(sid, data, { ...options, acks: 'none' }), acked }),
  }))
  const slow: Response[] = []
  const app = appOn(late, { acks: 'one' })
    .get('/write', write)
    .get('/slow', (_req, res) => void slow.push(res))
  const errors: unknown[] = []
  // (And Express after it, which ends the connection.)
  app.use(((error, req, _res, next) => {
    errors.push([error.code, req.ip])
    next(error)
  }) satisfies ErrorRequestHandler)
  const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
  onTestFinished(() => logged.mockRestore())
  const line = await dial(await serve(app))
  // (As a proxy that has more to send.)
  line.send('/write')
  line.send('/slow')
  await until('the save waits for its acks', () => cluster!.sessions.size === 1)
  miss(Object.assign(new Error('too few'), { code: 'SESSIONMESH_ACK_TIMEOUT' }))
  await until('the answer has come, and the next request is there', () => slow.length === 1)
  await someTurns()
  slow[0]!.send('slowly')
  await until('it is answered', () => line.received.endsWith('slowly'))
  expect(line.received).toContain('count is 1')
  expect(errors).toEqual([['SESSIONMESH_ACK_TIMEOUT', expect.stringContaining('127.0.0.1')]])
})
