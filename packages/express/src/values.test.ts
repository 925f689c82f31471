/** Which values of a session come back on another member, which are refused, and who gets to know. */
import type { Request, Response } from 'express'
import { allowTypes, type Cluster, type SessionMeshError } from 'sessionmesh'
import { expect, test } from 'vitest'
import { appOn, Client, collectErrors, join, serve } from './testing/harness.js'

allowTypes('RegExp', 'Error')

const cycle: Record<string, unknown> = { name: 'round' }
cycle.self = cycle

const VALUES: [name: string, value: unknown][] = [
  ['a Date', new Date(1_700_000_000_000)],
  ['a Buffer', Buffer.from('bytes')],
  ['a typed array', new Float64Array([1.5, -2])],
  ['a Map', new Map<unknown, unknown>([['a', 1]]).set(2, new Map([['deep', new Set([1])]]))],
  ['a Set', new Set(['x', 'y'])],
  ['a BigInt', 2n ** 70n],
  ['undefined', undefined],
  ['null', null],
  ['NaN', Number.NaN],
  ['a RegExp', /ab+c/gi],
  [
    'nested objects',
    { list: [1, { two: [3n, undefined, null] }], at: new Date(0), map: new Map([[1, { a: 1 }]]) },
  ],
  ['a cycle', cycle],
  ['a Uint8Array', new Uint8Array([0, 255])],
  ['an ArrayBuffer', new Uint8Array([0, 255]).buffer],
  ['an Error', new TypeError('kept')],
  ['an empty string', ''],
]

/** One client of the same app on two members; `visit` runs a handler on one of them. */
async function twoSites() {
  const members = await join(2)
  let handler: (req: Request, res: Response) => unknown = () => undefined
  let failure: unknown
  const errors: unknown[][] = []
  const origins: string[] = []
  for (const member of members) {
    const app = appOn(member)
    app.get('/', (req, res) => {
      try {
        handler(req, res)
      } catch (error) {
        failure = error
      }
      if (!res.headersSent) res.send('done')
    })
    errors.push(collectErrors(app))
    origins.push(await serve(app))
  }
  const client = new Client()
  const visit = async (member: 0 | 1, run: typeof handler) => {
    handler = run
    failure = undefined
    const reply = await client.get(origins[member]!)
    if (failure !== undefined) throw failure
    return reply
  }
  return { members, client, visit, errors }
}

test.each(VALUES)(
  '%s comes back on the other member, and is no change when only read',
  async (_name, value) => {
    const { client, members, visit } = await twoSites()
    await visit(0, (req) => {
      req.session.user = 'ada'
      req.session.value = value
    })
    for (const member of [1, 0] as const) {
      const changed: unknown[] = []
      members[member]!.on('session:changed', (event) => changed.push(event))
      await visit(member, (req) => {
        expect(req.session.value).toEqual(value)
        expect('value' in req.session).toBe(true)
      })
      const loaded = members[member]!.sessions.load(client.sid)!
      expect(members[member]!.sessions.write(client.sid, loaded.data, { base: loaded.base }).outcome).toBe(
        'unchanged',
      )
      expect(changed).toEqual([])
    }
  },
)

const CHANGES: [name: string, before: unknown, after: unknown][] = [
  ['a Map by a Map', new Map([['a', 1]]), new Map([['a', 2]])],
  ['a Set by a Set', new Set([1]), new Set([2])],
  ['a BigInt by a BigInt', 1n, 2n],
  ['a BigInt by its digits', 1n, '1'],
  ['a Map deep inside', { list: [new Map([[1, new Set([1n])]])] }, { list: [new Map([[1, new Set([2n])]])] }],
  ['a RegExp by a RegExp', /a/, /b/],
  ['NaN by null', Number.NaN, null],
  ['bytes by bytes', new Uint8Array([1, 2]), new Uint8Array([1, 3])],
]

test.each(CHANGES)('replacing %s is noticed', async (_name, before, after) => {
  const { visit } = await twoSites()
  await visit(0, (req) => {
    req.session.value = before
  })
  await visit(1, (req) => {
    req.session.value = after
  })
  await visit(0, (req) => expect(req.session.value).toEqual(after))
})

test('changing a Map in place is noticed', async () => {
  const { visit } = await twoSites()
  await visit(0, (req) => {
    req.session.value = new Map([['a', 1]])
  })
  await visit(1, ({ session }) => {
    if (session.value instanceof Map) session.value.set('b', 2n)
  })
  await visit(0, (req) =>
    expect(req.session.value).toEqual(new Map<string, unknown>([['a', 1]]).set('b', 2n)),
  )
})

test('the JSON of a session is what it is without us, but for a print of what JSON does not show', async () => {
  const { visit } = await twoSites()
  const json = async (member: 0 | 1) =>
    JSON.parse((await visit(member, (req, res) => res.json(req.session))).text)
  await visit(0, (req) => {
    req.session.user = 'ada'
    req.session.value = { at: new Date(0), list: [1, 'two', null] }
  })
  expect(await json(1)).toEqual({
    user: 'ada',
    value: { at: '1970-01-01T00:00:00.000Z', list: [1, 'two', null] },
    cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' },
  })
  await visit(0, (req) => {
    req.session.value = new Map([['total', 5n]])
  })
  const print = { $print: expect.stringMatching(/^.{44}$/) }
  expect(await json(1)).toEqual({ user: 'ada', value: print })
})

const codeOf = (error: unknown) => (error as SessionMeshError).code

test.each([
  ['a function', () => 1],
  ['a function deep inside', { list: [{ run: () => 1 }] }],
  ['a symbol', Symbol('s')],
])(
  '%s is refused by the name of its attribute, through the error path; nothing else is harmed',
  async (_name, value) => {
    const { client, errors, members, visit } = await twoSites()
    await visit(0, (req) => {
      req.session.user = 'ada'
    })
    await visit(1, (req) => {
      req.session.value = value
    })
    expect(errors[1]!.map(codeOf)).toEqual(['SESSIONMESH_UNSERIALISABLE_ATTRIBUTE'])
    expect(String(errors[1])).toMatch(/value/)
    expect(Object.keys(members[1]!.sessions.load(client.sid)!.data).sort()).toEqual(['cookie', 'user'])
    await visit(0, (req) => {
      expect(req.session).toMatchObject({ user: 'ada' })
      req.session.count = 1
    })
    await visit(1, (req) => expect(req.session).toMatchObject({ user: 'ada', count: 1 }))
    expect(errors.flat()).toHaveLength(1)
  },
)

test('an attribute named toJSON is one like any other, and a change of it is noticed', async () => {
  const [a, b] = await join(2)
  const app = (cluster: Cluster) =>
    appOn(cluster)
      .get('/set/:text', (req, res) => {
        Object.assign(req.session, { toJSON: req.params.text, other: 1 })
        res.send('ok')
      })
      .get('/', (req, res) => {
        const { toJSON, other } = req.session as unknown as Record<string, unknown>
        res.json({ toJSON, other })
      })
  const [first, second] = [await serve(app(a!)), await serve(app(b!))]
  const client = new Client()
  for (const text of ['one', 'two']) {
    await client.get(`${first}/set/${text}`)
    expect(JSON.parse((await client.get(second)).text)).toEqual({ toJSON: text, other: 1 })
  }
})

test.each(['__proto__', 'constructor', 'prototype'])('an attribute named %s is refused', async (name) => {
  const { errors, visit } = await twoSites()
  await visit(0, (req) => {
    req.session.user = 'ada'
  })
  await visit(0, (req) => {
    Object.defineProperty(req.session, name, {
      value: 1,
      enumerable: true,
      configurable: true,
      writable: true,
    })
  })
  expect(errors[0]!.map(codeOf)).toEqual(['SESSIONMESH_FORBIDDEN_ATTRIBUTE'])
  expect(String(errors[0])).toContain(name)
  await visit(1, (req) => expect(req.session).toMatchObject({ user: 'ada' }))
})

test('a handler that saves by itself gets the error, and can mend it and answer', async () => {
  const { errors, visit } = await twoSites()
  const { text } = await visit(0, (req, res) => {
    req.session.user = 'ada'
    req.session.value = () => 1
    req.session.save((error) => {
      delete req.session.value
      res.send(codeOf(error))
    })
  })
  expect(text).toBe('SESSIONMESH_UNSERIALISABLE_ATTRIBUTE')
  await visit(1, (req) => expect(req.session).toMatchObject({ user: 'ada' }))
  expect(errors).toEqual([[], []])
})

test('at a limit the answer leaves, and its session is not saved, unless the handler saves by itself', async () => {
  const [cluster] = await join(1, { config: { maxSessions: 1 } })
  const app = appOn(cluster!)
  app.get('/login', (req, res) => {
    req.session.user = 'ada'
    res.send('welcome')
  })
  app.get('/saves', (req, res, next) => {
    req.session.user = 'ada'
    req.session.save((error) => (error ? next(error) : res.send('welcome')))
  })
  const errors = collectErrors(app)
  const origin = await serve(app)
  expect(await new Client().get(`${origin}/login`)).toMatchObject({ status: 200, text: 'welcome' })
  expect(errors).toEqual([])
  expect(await new Client().get(`${origin}/login`)).toMatchObject({ status: 200, text: 'welcome' })
  expect(errors.map(codeOf)).toEqual(['SESSIONMESH_TOO_MANY_SESSIONS'])
  expect(await new Client().get(`${origin}/saves`)).toMatchObject({ status: 500, text: 'failed' })
  expect(cluster!.sessions.size).toBe(1)
})

test.each([
  ['a Blob', new Blob(['bytes'])],
  ['a SharedArrayBuffer', new SharedArrayBuffer(8)],
])('%s does not come back as nothing: it is refused', async (_name, value) => {
  const { errors, visit } = await twoSites()
  await visit(0, (req) => {
    req.session.value = { upload: value }
  })
  expect(errors[0]!.map(codeOf)).toEqual(['SESSIONMESH_UNSERIALISABLE_ATTRIBUTE'])
  expect(String(errors[0])).toContain('(at .upload)')
})
