/** The handler over HTTP, on real clusters: who may come in, what is shown and what is masked, what changes something. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { cleanUp, onCleanUp } from '../../../test/support/cleanup.js'
import { listening } from '../../../test/support/listening.js'
import { joinAll } from '../../../test/support/local-cluster.js'
import { until } from '../../../test/support/wait.js'
import type { About, ShownPicture, ShownSession } from './api.js'
import { readAssets } from './assets.js'
import { type DashboardOptions, dashboard } from './index.js'

type Clusters = Awaited<ReturnType<typeof joinAll>>
type Headers = Record<string, string>

let clusters: Clusters
let origin: string
/** Of the latest mount. */
let connections: () => Promise<number>

beforeEach(async () => {
  clusters = await joinAll(3, { sessions: { indexBy: ['user'], localAttributes: ['socket'] } })
  origin = await mounted()
})

afterEach(cleanUp)

/** A mount on the first member, below `/mesh`. */
async function mounted(options: DashboardOptions = {}): Promise<string> {
  const handler = dashboard(clusters[0]!, { path: '/mesh', ...options })
  const server = createServer((req, res) => handler(req, res))
  const { origin, close } = await listening(server)
  connections = () => new Promise((resolve) => server.getConnections((_, count) => resolve(count)))
  onCleanUp(close)
  return `${origin}/mesh/`
}

/** What the page does first: it gets its token, and a cookie. */
async function opened(at = origin): Promise<{ about: About; headers: Headers }> {
  const response = await fetch(`${at}about`)
  const [cookie = ''] = response.headers.getSetCookie()
  const about = (await response.json()) as About
  const headers = {
    'content-type': 'application/json',
    'x-sessionmesh-token': about.token,
    cookie: cookie.split(';')[0]!,
  }
  return { about, headers }
}

async function post(path: string, body: unknown, headers?: Headers, at = origin): Promise<[number, unknown]> {
  const response = await fetch(`${at}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: headers ?? (await opened(at)).headers,
  })
  return [response.status, await response.json()]
}

async function picture(at = origin, query = ''): Promise<ShownPicture> {
  return (await (await fetch(`${at}mesh.json${query}`)).json()) as ShownPicture
}

/** Every member has it, and has told of it. */
async function written(sid: string, data: Record<string, unknown>): Promise<void> {
  clusters[1]!.sessions.write(sid, data)
  await until(`all have ${sid}`, () => clusters.every(({ sessions }) => sessions.has(sid)))
}

test('the page and all that it needs, with nothing from elsewhere allowed', async () => {
  const page = await fetch(origin)
  expect(page.status).toBe(200)
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self'; /)
  const html = await page.text()
  const needed = [...html.matchAll(/(?:src|href)="(?!#|data:)([^"]+)"/g)].map(([, path]) => path!)
  for (const path of [...needed, 'page/main.js', 'page/uPlot.js', 'page/uPlot.css', 'page/style.css']) {
    const file = await fetch(new URL(path, origin))
    expect([path, file.status, file.headers.get('x-content-type-options')]).toEqual([path, 200, 'nosniff'])
    const again = await fetch(new URL(path, origin), {
      headers: { 'if-none-match': file.headers.get('etag')! },
    })
    expect(again.status).toBe(304)
  }
  expect((await fetch(`${origin}page/%2e%2e/package.json`)).status).toBe(404)
})

test('without its slash the mount leads to it', async () => {
  const response = await fetch(origin.slice(0, -1), { redirect: 'manual' })
  expect([response.status, response.headers.get('location')]).toEqual([308, './mesh/'])
  expect((await fetch(origin.slice(0, -1))).status).toBe(200)
})

test('one member shows all, with as much of the past as is asked for', async () => {
  await until('samples', async () => (await picture()).members.every(({ samples }) => samples.length >= 2))
  expect((await picture()).members.map(({ name, state }) => `${name} ${state}`)).toEqual([
    'a alive',
    'b alive',
    'c alive',
  ])
  const little = await picture(origin, '?samples=1&events=2')
  expect(little.members.map(({ samples }) => samples.length)).toEqual([1, 1, 1])
  expect(little.events).toHaveLength(2)
  expect((await fetch(`${origin}mesh.json?samples=many`)).status).toBe(400)
})

test("a session's id and values are nowhere, unless the mount reveals them", async () => {
  const sid = 'a-very-secret-session-id'
  await written(sid, { user: 42, card: 'number of a card' })
  clusters[0]!.sessions.write('other', { user: 7 })
  const [status, session] = (await post('session', { sid })) as [number, ShownSession]
  expect(status).toBe(200)
  const shown = JSON.stringify([
    await picture(),
    session,
    await post('sessions', { by: 'user', value: '42' }),
  ])
  expect(shown).toContain(session.ref)
  expect(shown).not.toContain(sid)
  expect(shown).not.toContain('number of a card')

  const revealing = await mounted({ reveal: true })
  const [, revealed] = (await post('session', { ref: session.ref }, undefined, revealing)) as [
    number,
    ShownSession,
  ]
  expect(revealed).toMatchObject({
    sid,
    ref: session.ref,
    values: { user: '42', card: "'number of a card'" },
  })
  expect((await picture(revealing)).events).toContainEqual(expect.objectContaining({ sid, ref: session.ref }))
})

test('a session is found by its id, by what it is indexed by, and by its reference on any member', async () => {
  await written('s', { user: 42, cart: ['book'] })
  const [, session] = (await post('session', { sid: 's' })) as [number, ShownSession]
  expect(session).toMatchObject({ isSame: true, events: [{ event: 'session:created', by: { name: 'b' } }] })
  expect(session.members.map(({ name, report }) => `${name} ${report?.state} ${report?.owner}`)).toEqual(
    ['a', 'b', 'c'].map((name) => `${name} living ${clusters[1]!.self.id}`),
  )
  expect(await post('sessions', { by: 'user', value: '42' })).toEqual([
    200,
    { refs: [session.ref], total: 1 },
  ])
  expect(await post('sessions', { by: 'user', value: '43' })).toEqual([200, { refs: [], total: 0 }])
  expect(await post('sessions', { by: 'shoe', value: '43' })).toMatchObject([400, { code: 'bad-request' }])

  // A mount that has never shown it.
  const other = dashboard(clusters[2]!, { path: '/mesh' })
  const { origin: elsewhere, close } = await listening(createServer((req, res) => other(req, res)))
  onCleanUp(close)
  expect(await post('session', { ref: session.ref }, undefined, `${elsewhere}/mesh/`)).toMatchObject([
    200,
    { ref: session.ref, isSame: true },
  ])
  expect(await post('session', { ref: 'no such one' })).toMatchObject([404, { code: 'not-found' }])
  expect(await post('session', { sid: 'no such one' })).toMatchObject([404, { code: 'not-found' }])
})

test('what stays on a member, and what cannot be read, does not break the inspector', async () => {
  const revealing = await mounted({ reveal: true })
  clusters[0]!.sessions.write('s', { user: 1, socket: createServer() })
  const [status, session] = (await post('session', { sid: 's' }, undefined, revealing)) as [
    number,
    ShownSession,
  ]
  expect([status, session.values]).toEqual([200, { user: '1' }])
})

test('a destroy from the page ends the session on every member, and its tombstone is seen', async () => {
  await written('s', { user: 42 })
  const [, { ref }] = (await post('session', { sid: 's' })) as [number, ShownSession]
  expect(await post('destroy', { ref })).toEqual([200, { destroyed: true }])
  await until('all know', () => clusters.every(({ sessions }) => !sessions.has('s')))
  await until('a tombstone everywhere', async () => {
    const [, session] = (await post('session', { ref })) as [number, ShownSession]
    return session.isSame && session.members.every(({ report }) => report?.state === 'destroyed')
  })
  expect(await post('destroy', { ref })).toEqual([200, { destroyed: false }])
})

test.each<[string, (headers: Headers) => Headers]>([
  ['without a token', ({ 'x-sessionmesh-token': _, ...rest }) => rest],
  ['without its cookie', ({ cookie: _, ...rest }) => rest],
  ['with a token that is not of its cookie', (all) => ({ ...all, 'x-sessionmesh-token': 'x'.repeat(32) })],
  [
    'with a cookie and token that somebody made short',
    (all) => ({ ...all, cookie: 'sessionmesh-dashboard=', 'x-sessionmesh-token': '' }),
  ],
  ['from another site', (all) => ({ ...all, 'sec-fetch-site': 'cross-site' })],
  ['from another site of the same domain', (all) => ({ ...all, 'sec-fetch-site': 'same-site' })],
  ['from another origin, by an old browser', (all) => ({ ...all, origin: 'http://evil.example' })],
])('nothing is changed or asked for %s', async (_, change) => {
  await written('s', { user: 42 })
  const { headers } = await opened()
  for (const [path, body] of [
    ['destroy', { sid: 's' }],
    ['session', { sid: 's' }],
  ] as const)
    expect(await raw(path, body, change(headers))).toMatchObject([403, { code: 'bad-token' }])
  expect(clusters[0]!.sessions.has('s')).toBe(true)
  expect(await post('destroy', { sid: 's' }, headers)).toMatchObject([200, {}])
})

/** With any header at all: `fetch` sets some of its own. */
async function raw(path: string, body: unknown, headers: Headers, at = origin, method = 'POST') {
  const url = new URL(path, at)
  const sending = JSON.stringify(body)
  const length = method === 'POST' ? { 'content-length': String(sending.length) } : {}
  const sent = request(url, { method, headers: { ...headers, ...length } })
  sent.end(method === 'POST' ? sending : undefined)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  let answer = ''
  for await (const chunk of response) answer += chunk
  return [response.statusCode, JSON.parse(answer)] as const
}

test.each<[string, Headers]>([
  ['a proxy that says so', { 'x-forwarded-for': '203.0.113.7' }],
  ['a proxy by the standard', { forwarded: 'for=203.0.113.7' }],
  ['a gateway', { via: '1.1 gateway' }],
  ['a content network', { 'cf-connecting-ip': '203.0.113.7' }],
  ['one that tells of the port alone', { 'x-forwarded-port': '443' }],
  ['a page whose name was made to lead here', { host: 'evil.example' }],
])('by default nobody is let in by way of %s', async (_, headers) => {
  for (const path of ['', 'mesh.json', 'live', 'about', 'page/main.js'])
    expect(await raw(path, {}, headers, origin, 'GET')).toMatchObject([
      403,
      { code: 'this-machine-only', message: expect.stringContaining('authorize') },
    ])
  expect(await raw('destroy', { sid: 's' }, { ...(await opened()).headers, ...headers })).toMatchObject([
    403,
    { code: 'this-machine-only' },
  ])
})

test('by default nobody is let in by way of a proxy that says nothing of itself, and speaks as nginx does', async () => {
  const { port } = new URL(origin)
  const socket = connect(Number(port), '127.0.0.1')
  socket.write(`GET /mesh/mesh.json HTTP/1.0\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
  expect(await text(socket)).toMatch(/^HTTP\/1.1 403 /)
})

test('by default nobody is let in from another machine', async () => {
  const handler = dashboard(clusters[0]!, { path: '/mesh' })
  const { origin: at, close } = await listening(
    createServer((req, res) => {
      Object.defineProperty(req.socket, 'remoteAddress', { value: '192.0.2.7' })
      handler(req, res)
    }),
  )
  onCleanUp(close)
  expect((await fetch(`${at}/mesh/mesh.json`)).status).toBe(403)
})

test('authorize decides alone, also about this machine, and is awaited', async () => {
  const guarded = await mounted({
    authorize: async (req) => req.headers.authorization === 'Bearer the right one',
  })
  expect((await fetch(`${guarded}mesh.json`)).status).toBe(403)
  const authorization = { authorization: 'Bearer the right one', 'x-forwarded-for': '203.0.113.7' }
  expect((await fetch(`${guarded}mesh.json`, { headers: authorization })).status).toBe(200)
  const silent = await mounted({ authorize: () => undefined })
  expect((await fetch(`${silent}mesh.json`)).status).toBe(403)
})

test.each<[string, () => never]>([
  [
    'throws',
    () => {
      throw new Error('the database is away')
    },
  ],
  // A user, or the text "false": meant as yes, or as no?
  ['says neither true nor false', () => 'false' as never],
])(
  'an authorize that %s lets nobody in, and goes to the error handler of the framework',
  async (_, authorize) => {
    const errors: unknown[] = []
    const handler = dashboard(clusters[0]!, {
      path: '/mesh',
      authorize,
    })
    const { origin: at, close } = await listening(
      createServer((req, res) =>
        handler(req, res, (error) => {
          errors.push(error)
          res.writeHead(500).end()
        }),
      ),
    )
    onCleanUp(close)
    expect((await fetch(`${at}/mesh/`)).status).toBe(500)
    expect(errors).toMatchObject([
      { message: expect.stringMatching(/the database is away|it said a string/) },
    ])
  },
)

/** Server-sent events, as they come. */
async function stream(at: string, server?: { headers: Headers }) {
  const controller = new AbortController()
  onCleanUp(() => controller.abort())
  const response = await fetch(`${at}live`, { signal: controller.signal, ...server })
  const events: { event: string; data: ShownPicture }[] = []
  let isOver = false
  void (async () => {
    let text = ''
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk
      const parts = text.split('\n\n')
      text = parts.pop()!
      for (const part of parts) {
        const [, event, data] = /^event: (.*)\nid: \d+\ndata: (.*)$/.exec(part) ?? []
        if (event !== undefined) events.push({ event, data: JSON.parse(data!) })
      }
    }
    isOver = true
  })().catch(() => {})
  return { response, events, isOver: () => isOver, stop: () => controller.abort() }
}

test('the live stream begins with all, goes on with news, and tells of a member that leaves at once', async () => {
  const { response, events } = await stream(origin)
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  await until('updates', () => events.length >= 3)
  expect(events.map(({ event }) => event).slice(0, 3)).toEqual(['mesh', 'update', 'update'])
  await written('s', { user: 42 })
  await until('the session is told of', () =>
    events.some(({ data }) =>
      data.events.some((each) => each.event === 'session:created' && each.sid === undefined),
    ),
  )
  await clusters[2]!.close()
  await until('it has left', () =>
    events.at(-1)!.data.members.some(({ name, state }) => name === 'c' && state === 'left'),
  )
})

test('when the last page is closed nobody is asked any more, also one that went before it was let in', async () => {
  const letIn: (() => void)[] = []
  const slow = await mounted({ authorize: () => new Promise((resolve) => letIn.push(() => resolve(true))) })
  const leaving = new AbortController()
  const never = fetch(`${slow}live`, { signal: leaving.signal }).catch(() => {})
  await until('it is asked whether he may come in', () => letIn.length > 0)
  leaving.abort()
  await never
  await until('he has gone', async () => (await connections()) === 0)
  for (const each of letIn) each()

  const { events, stop } = await stream(origin)
  await until('updates', () => events.length >= 2)
  stop()
  const asked = vi.spyOn(clusters[0]!.diagnostics, 'report')
  // Two seconds of another member's own time.
  const { cursor } = await clusters[2]!.diagnostics.report()
  await until('time passes', async () => {
    return (await clusters[2]!.diagnostics.report()).cursor.sample >= cursor.sample + 3
  })
  // (One round may have been under way.)
  expect(asked.mock.calls.length).toBeLessThanOrEqual(3)
})

test("a page's cookie is for no script and no other site", async () => {
  const [cookie = ''] = (await fetch(`${origin}about`)).headers.getSetCookie()
  expect(cookie).toMatch(/^sessionmesh-dashboard=[\w-]{32}; HttpOnly; SameSite=Strict$/)
  // The same again for who has it: another tab must not lose its own.
  const again = await fetch(`${origin}about`, { headers: { cookie: cookie.split(';')[0]! } })
  expect(again.headers.getSetCookie()).toEqual([])
  expect(((await again.json()) as About).token).toBe(cookie.split(/[=;]/)[1])
})

test('sessions that nobody knows are looked for by so many at once, and no more', async () => {
  for (let i = 0; i < 3_000; i++) clusters[0]!.sessions.write(`s${i}`, { n: i })
  const { headers } = await opened()
  const statuses = await Promise.all(
    Array.from({ length: 60 }, async (_, i) => (await post('session', { ref: `unknown ${i}` }, headers))[0]),
  )
  expect(new Set(statuses)).toEqual(new Set([404, 429]))
})

test('a value that is another at one member, with the same stamp, is found', async () => {
  await written('s', { user: 42 })
  const inspect = clusters[0]!.diagnostics.inspect.bind(clusters[0]!.diagnostics)
  vi.spyOn(clusters[0]!.diagnostics, 'inspect').mockImplementation(async (sid, options) => {
    const report = (await inspect(sid, options))!
    if (options?.of !== clusters[2]!.self.id) return report
    return { ...report, attributes: report.attributes.map((each) => ({ ...each, checksum: 7 })) }
  })
  const [, session] = await post('session', { sid: 's' })
  expect(session).toMatchObject({ isSame: false })
  // (It would say of a value that can be guessed which it is.)
  expect(JSON.stringify(session)).not.toContain('checksum')
})

test('a page that does not read is cut off when the server drains, and harms nothing', async () => {
  for (let i = 0; i < 400; i++) clusters[0]!.sessions.write(`s${i}`, many(i))
  await until('they are told', async () => (await picture()).events.length > 300)
  const { port } = new URL(origin)
  const socket = connect(Number(port), '127.0.0.1')
  onCleanUp(() => socket.destroy())
  socket.write(`GET /mesh/live HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
  await once(socket, 'readable')
  const other = await stream(origin)
  await until('updates go out', () => other.events.length >= 3)
  clusters[0]!.drain()
  await until('it is over for who reads', other.isOver)
  // (Nothing is read until it is closed; then there is the rest of what the system had.)
  const closed = once(socket, 'close')
  await until('and for who does not', async () => (await connections()) === 0)
  socket.resume()
  await closed
})

/** Names of attributes that fill what the system buffers. */
function many(i: number): Record<string, number> {
  return Object.fromEntries(
    Array.from({ length: 50 }, (_, n) => [`attribute ${n} of ${i} ${'x'.repeat(180)}`, n]),
  )
}

test('a page that lost its stream for a moment gets what it lacks, and not all again', async () => {
  await until('some past', async () => (await picture()).members.every(({ samples }) => samples.length >= 3))
  const late = await stream(origin, { headers: { 'last-event-id': String(Date.now() + 9_000) } })
  await until('it begins', () => late.events.length > 0)
  expect(late.events[0]!.data.members.map(({ samples }) => samples.length <= 1)).toEqual([true, true, true])
  expect(late.events[0]!.data.members.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
})

test('changes of sessions push nothing else out', async () => {
  for (let i = 0; i < 700; i++) clusters[1]!.sessions.write(`s${i}`, { n: i })
  await until('they are told', async () => (await picture()).events.length > 400)
  const { events } = await picture(origin, '?samples=1&events=100')
  expect(events.filter(({ event }) => event.startsWith('session:'))).toHaveLength(100)
  expect(events.map(({ event }) => event)).toEqual(expect.arrayContaining(['joined', 'member:alive']))
})

test('a server that drains ends its streams, and serves new ones that end at once', async () => {
  const { events, isOver } = await stream(origin)
  await until('it goes on', () => events.length >= 2)
  clusters[0]!.drain()
  await until('the stream is over', isOver)
  const late = await stream(origin)
  await until('and the next one', late.isOver)
  expect(late.events.map(({ event }) => event)).toEqual(['mesh'])
})

test("buttons of the application's own are called with the member, and only in its states", async () => {
  const called: string[] = []
  const at = await mounted({
    actions: {
      drain: { label: 'Drain', run: ({ name }) => void called.push(name) },
      start: { label: 'Start', states: ['dead', 'left'], run: () => {} },
      fail: {
        label: 'Fail',
        run: () => {
          throw new Error('it did not work')
        },
      },
    },
  })
  const { about, headers } = await opened(at)
  expect(about.actions).toEqual([
    { name: 'drain', label: 'Drain', states: ['alive', 'suspect'] },
    { name: 'start', label: 'Start', states: ['dead', 'left'] },
    { name: 'fail', label: 'Fail', states: ['alive', 'suspect'] },
  ])
  const member = clusters[1]!.self.id
  expect(await post('actions/drain', { member }, headers, at)).toEqual([200, {}])
  expect(called).toEqual(['b'])
  expect(await post('actions/start', { member }, headers, at)).toMatchObject([409, { code: 'failed' }])
  expect(await post('actions/fail', { member }, headers, at)).toEqual([
    500,
    { code: 'failed', message: 'it did not work' },
  ])
  expect(await post('actions/drain', { member: 'x' }, headers, at)).toMatchObject([
    404,
    { code: 'not-found' },
  ])
  expect(await post('actions/explode', { member }, headers, at)).toMatchObject([404, { code: 'not-found' }])
})

test('what is no request of the page is told why', async () => {
  const { headers } = await opened()
  const { 'content-type': _, ...untyped } = headers
  expect(await raw('destroy', { sid: 's' }, untyped)).toMatchObject([415, { code: 'bad-request' }])
  expect(await raw('destroy', { sid: 'x'.repeat(70_000) }, headers)).toMatchObject([413, {}])
  expect(await raw('destroy', [], headers)).toMatchObject([400, { message: expect.stringContaining('ref') }])
  expect(await raw('destroy', 7, headers)).toMatchObject([400, { code: 'bad-request' }])
  const nothing = await fetch(`${origin}nothing`)
  expect([nothing.status, await nothing.json()]).toMatchObject([
    404,
    { message: expect.stringContaining('takes itself to be at /mesh') },
  ])
  expect((await fetch(origin, { method: 'DELETE' })).status).toBe(405)
  expect((await fetch(`${origin}live`, { method: 'HEAD' })).status).toBe(405)
  expect((await fetch(new URL('/elsewhere', origin))).status).toBe(404)
})

test('a destroy at a member that has closed says so', async () => {
  await written('s', { user: 42 })
  await clusters[0]!.close()
  expect(await post('destroy', { sid: 's' })).toMatchObject([503, { code: 'failed' }])
})

test.each<[string, DashboardOptions]>([
  ['authorise is not an option of dashboard()', { authorise: () => true } as DashboardOptions],
  ['authorize must be a function', { authorize: true as never }],
  ['reveal is "yes"; give true or false', { reveal: 'yes' as never }],
  ['path is "mesh"', { path: 'mesh' }],
  ['actions.drain needs a label', { actions: { drain: { run() {} } as never } }],
  ['actions has "a b"', { actions: { 'a b': { label: 'x', run() {} } } }],
  ['actions.a.states has "up"', { actions: { a: { label: 'x', states: ['up' as never], run() {} } } }],
])('%s', (message, options) => {
  expect(() => dashboard(clusters[0]!, options)).toThrow(
    expect.objectContaining({ code: 'SESSIONMESH_BAD_OPTION', message: expect.stringContaining(message) }),
  )
})

test('code that was bundled without its page says so', () => {
  expect(() => readAssets('file:///nowhere/bundle.js')).toThrow(
    /bundler.*Leave the package out of the bundle/s,
  )
})

test('a cluster that was not awaited is told', () => {
  expect(() => dashboard(Promise.resolve(clusters[0]) as never)).toThrow('await it first')
})
