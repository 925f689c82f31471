/** Which values of a session come back on another member, which changes are noticed, and which values are refused. */

import type { Context } from 'koa'
import { allowTypes } from 'sessionmesh'
import { expect, test } from 'vitest'
import { Client, type Handler, join, serve } from './testing/harness.js'

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
  ['null', null],
  ['NaN', Number.NaN],
  ['a RegExp', /ab+c/gi],
  [
    'nested objects',
    { list: [1, { two: [3n, undefined, null] }], at: new Date(0), map: new Map([[1, { a: 1 }]]) },
  ],
  ['a cycle', cycle],
  ['an Error', new TypeError('kept')],
  ['an empty string', ''],
]

/** One client of the same app on two members; `visit` runs a handler on one of them. */
async function twoSites() {
  const members = await join(2)
  let handler: Handler = () => undefined
  let failure: unknown
  const run: Handler = async (ctx) => {
    ctx.body = 'done'
    try {
      await handler(ctx)
    } catch (error) {
      failure = error
    }
  }
  const sites = await Promise.all(members.map((member) => serve(member, { run })))
  const client = new Client()
  const visit = async (member: 0 | 1, action: Handler) => {
    handler = action
    failure = undefined
    const reply = await client.get(sites[member]!, 'run')
    if (failure !== undefined) throw failure
    return reply
  }
  return { members, client, sites, visit }
}

test.each(VALUES)(
  '%s comes back on the other member, and is no change when only read',
  async (_name, value) => {
    const { members, visit } = await twoSites()
    const created = await visit(0, (ctx) => {
      ctx.session!.value = value
    })
    expect(created.status).toBe(200)
    for (const member of [1, 0] as const) {
      const { status, set } = await visit(member, (ctx) => expect(ctx.session!.value).toEqual(value))
      expect(status).toBe(200)
      // koa-session sends the cookie with each save: it has seen no change.
      expect(set['koa.sess']).toBeUndefined()
    }
    const writes = members.map((member) => member.status().counters.writes)
    expect(writes).toEqual([1, 0])
  },
)

const CHANGES: [name: string, before: unknown, change: (value: never) => unknown, after: unknown][] = [
  ['a Map by a Map', new Map([['a', 1]]), () => new Map([['a', 2]]), new Map([['a', 2]])],
  ['a Map in place', new Map([['a', 1]]), (map: Map<string, number>) => map.set('a', 2), new Map([['a', 2]])],
  ['a Set in place', new Set([1]), (set: Set<number>) => set.add(2), new Set([1, 2])],
  ['a BigInt', 1n, () => 2n, 2n],
  ['a BigInt by its digits', 1n, () => '1', '1'],
  ['a RegExp', /a/, () => /b/, /b/],
  ['NaN by null', Number.NaN, () => null, null],
  ['an invalid Date by null', new Date(Number.NaN), () => null, null],
  [
    'a typed array in place',
    new Uint8Array([1, 2]),
    (bytes: Uint8Array) => bytes.fill(3),
    Buffer.from([3, 3]),
  ],
  [
    'a Map deep inside in place',
    { list: [new Map([[1, new Set([1n])]])] },
    (value: { list: Map<number, Set<bigint>>[] }) => {
      value.list[0]!.get(1)!.add(2n)
      return value
    },
    { list: [new Map([[1, new Set([1n, 2n])]])] },
  ],
]

test.each(CHANGES)('a change of %s is noticed', async (_name, before, change, after) => {
  const { visit } = await twoSites()
  await visit(0, (ctx) => {
    ctx.session!.value = before
  })
  await visit(1, (ctx) => {
    ctx.session!.value = change(ctx.session!.value as never)
  })
  await visit(0, ({ session }) => {
    const value = session!.value
    expect(value instanceof Uint8Array ? Buffer.from(value) : value).toEqual(after)
  })
})

test('an object of a class comes back as a plain one, or as what its toJSON says', async () => {
  class Point {
    x = 1
  }
  class Money {
    cents = 5
    toJSON() {
      return `${this.cents} cents`
    }
  }
  const { visit } = await twoSites()
  await visit(0, (ctx) => {
    ctx.session!.value = [new Point(), new Money()]
  })
  await visit(1, (ctx) => expect(ctx.session!.value).toStrictEqual([{ x: 1 }, '5 cents']))
})

test('a whole session is assigned, with what JSON cannot show, and nobody looks at it', async () => {
  const { visit } = await twoSites()
  await visit(0, (ctx) => {
    ctx.session = { value: 5n }
  })
  await visit(1, (ctx) => expect(ctx.session!.toJSON()).toEqual({ value: 5n }))
  await visit(1, (ctx) => {
    ctx.session = { value: 6n, count: 1 }
  })
  await visit(0, (ctx) => expect(ctx.session!.toJSON()).toEqual({ value: 6n, count: 1 }))
})

test('the JSON of a session, its names and its toJSON() are what they are without us', async () => {
  const { visit } = await twoSites()
  const plain = { user: 'ada', value: { at: new Date(0), list: [1, 'two', null] } }
  await visit(0, (ctx) => {
    ctx.session = plain
  })
  const { text } = await visit(1, ({ session, response }) => {
    expect(Object.keys(session!)).toEqual(['isNew', '_requireSave', '_expire', 'user', 'value'])
    expect(session!.toJSON()).toEqual(plain)
    expect(JSON.stringify(session!.toJSON())).toBe(JSON.stringify(plain))
    response.body = session
  })
  expect(text).toBe(JSON.stringify(plain))
})

test.each([
  ['a function deep inside', { list: [{ run: () => 1 }] }, 'SESSIONMESH_UNSERIALISABLE_ATTRIBUTE'],
  ['a Promise', Promise.resolve(1), 'SESSIONMESH_UNSERIALISABLE_ATTRIBUTE'],
  ['a symbol', Symbol('s'), 'SESSIONMESH_UNSERIALISABLE_ATTRIBUTE'],
  ['more than a session may hold', 'x'.repeat(2 ** 21), 'SESSIONMESH_SESSION_TOO_LARGE'],
])('%s fails its request alone, and nothing of it is kept', async (_name, value, code) => {
  const { client, members, sites, visit } = await twoSites()
  await visit(0, (ctx) => {
    ctx.session!.user = 'ada'
  })
  const { status, text } = await visit(1, (ctx) => {
    ctx.session!.count = 1
    ctx.session!.value = value
  })
  expect([status, text]).toEqual([500, 'Internal Server Error'])
  expect(sites.map(({ errors }) => errors)).toEqual([[], [code]])
  expect(members[1]!.sessions.load(client.sid)!.data).toEqual({ user: 'ada' })
  const after = await visit(1, (ctx) => {
    expect(ctx.session!.toJSON()).toEqual({ user: 'ada' })
    ctx.session!.count = 2
  })
  expect(after.status).toBe(200)
})

test('a handler that saves by itself gets the error, and can mend it and answer', async () => {
  const { sites, visit } = await twoSites()
  const { text } = await visit(0, async (ctx) => {
    ctx.session!.user = 'ada'
    ctx.session!.value = [() => 1]
    ctx.body = await ctx.session!.save().then(
      () => 'saved',
      (error) => error.code,
    )
    delete ctx.session!.value
  })
  expect(text).toBe('SESSIONMESH_UNSERIALISABLE_ATTRIBUTE')
  await visit(1, (ctx) => expect(ctx.session!.toJSON()).toEqual({ user: 'ada' }))
  expect(sites[0]!.errors).toEqual([])
})

/** May be kept on its server, and nobody may look into it. */
function untouchable(): object {
  const forbid = () => {
    throw new Error('looked into')
  }
  return new Proxy({}, { get: forbid, ownKeys: forbid, getPrototypeOf: forbid, has: forbid })
}

test.each([
  ['an object', untouchable(), untouchable()],
  ['a function', () => 1, () => 1],
  ['a text', 'secret', 'other'],
])('an attribute that stays on its server may be %s, and is in no JSON', async (_name, value, other) => {
  const [member] = await join(1, { sessions: { localAttributes: ['value'] } })
  const seen: unknown[] = []
  const see = (ctx: Context) => seen.push([ctx.session!.value === value, ctx.session!.value === other])
  const site = await serve(member!, {
    set(ctx) {
      Object.assign(ctx.session!, { user: 'ada', value })
      ctx.body = ctx.session
    },
    read(ctx) {
      see(ctx)
      ctx.body = { session: ctx.session }
    },
    replace(ctx) {
      ctx.session!.value = other
      ctx.body = ctx.session
    },
    async regenerate(ctx) {
      await ctx.session!.regenerate()
      see(ctx)
      ctx.body = ctx.session
    },
    remove(ctx) {
      delete ctx.session!.value
      ctx.body = ctx.session
    },
  })
  const client = new Client()
  const visit = async (path: string) => {
    const { text, set } = await client.get(site, path)
    return [JSON.parse(text), 'koa.sess' in set]
  }
  const ada = { user: 'ada' }
  expect(await visit('set')).toEqual([ada, true])
  expect(await visit('read')).toEqual([{ session: ada }, false])
  expect(await visit('replace')).toEqual([ada, true])
  expect(await visit('read')).toEqual([{ session: ada }, false])
  expect(await visit('regenerate')).toEqual([ada, true])
  expect(await visit('read')).toEqual([{ session: ada }, false])
  expect(await visit('remove')).toEqual([ada, true])
  expect(member!.sessions.load(client.sid)!.data).toEqual(ada)
  expect(seen).toEqual([
    [true, false],
    [false, true],
    [false, true],
    [false, true],
  ])
})
