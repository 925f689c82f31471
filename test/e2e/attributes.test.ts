/** What `joinCluster({ sessions })` makes of attributes: those by which sessions are found, that stay here, that are merged. */

import { type Cluster, type ClusterOptions, counter } from 'sessionmesh'
import { describe, expect, test } from 'vitest'
import { onCleanUp } from '../support/cleanup.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { freeAddresses, join, joinAll, linked } from '../support/local-cluster.js'
import { TcpProxy } from '../support/tcp-proxy.js'
import { until } from '../support/wait.js'

leaveNothingBehind()

async function pair(sessions: ClusterOptions['sessions']): Promise<[Cluster, Cluster]> {
  const [a, b] = await joinAll(2, { sessions })
  return [a!, b!]
}

/** Three members, and the wire between the first and the last. */
async function withAWire(sessions: ClusterOptions['sessions']) {
  const [inner, outer, nowhere] = await freeAddresses(3)
  const wire = new TcpProxy(outer!.port, inner!.port)
  onCleanUp(() => wire.cut())
  await wire.open()
  const listen = (port: number) => ({ host: '127.0.0.1', port })
  const a = await join({ sessions, listen: listen(inner!.port), advertise: outer!.address })
  const b = await join({ sessions, listen: listen(0), peers: [inner!.address] })
  const peers = [outer!.address]
  const c = await join({ sessions, listen: listen(0), peers, advertise: nowhere!.address })
  await linked([a, b, c])
  return { a, b, c, wire }
}

const all = (...clusters: Cluster[]) => ({
  find: (path: string, value: unknown) => clusters.map(({ sessions }) => sessions.findBy(path, value).sort()),
})

describe('sessions', () => {
  const indexBy = ['userId', 'passport.user']

  test('are found on every member by what they say of their user, as it changes', async () => {
    const [a, b] = await pair({ indexBy })
    const found = (userId: unknown) => all(a, b).find('userId', userId)
    a.sessions.write('s', { userId: 42 })
    b.sessions.write('t', { userId: 42, passport: { user: 'ada' } })
    a.sessions.write('u', { userId: 7 })
    await until('both find both', () => String(found(42)) === 's,t,s,t')
    // As it comes with a URL.
    expect(found('42')).toEqual([
      ['s', 't'],
      ['s', 't'],
    ])
    expect(a.sessions.findBy('passport.user', 'ada')).toEqual(['t'])
    expect(found('nobody')).toEqual([[], []])

    const { data, base } = a.sessions.load('t')!
    a.sessions.write('t', { ...data, userId: 7 }, { base })
    await until('it is another user on both', () => String(found(7)) === 't,u,t,u')
    expect(found(42)).toEqual([['s'], ['s']])

    const { base: loaded } = b.sessions.load('s')!
    b.sessions.write('s', {}, { base: loaded })
    b.sessions.destroy('u')
    await until('it is nobody on both', () => String([...found(42), ...found(7)]) === ',,t,t')
  })

  test('that had been there before are found by who joins', async () => {
    const [a] = await pair({ indexBy })
    for (let i = 0; i < 500; i++) a.sessions.write(`s${i}`, { userId: i % 5 })
    const c = await join({
      sessions: { indexBy },
      peers: [a.self.address],
      listen: { host: '127.0.0.1', port: 0 },
    })
    expect(c.sessions.findBy('userId', 3)).toHaveLength(100)
  })

  test('that have expired are not found', async () => {
    const [a, b] = await pair({ indexBy })
    a.sessions.write('s', { userId: 42 }, { ttlMs: 300 })
    await until('b finds it', () => b.sessions.findBy('userId', 42).length === 1)
    await until('neither finds it', () => String(all(a, b).find('userId', 42)) === ',')
  })

  test('of a user are destroyed everywhere, but for those that are to stay, whatever requests still save', async () => {
    const [a, b] = await pair({ indexBy })
    for (const sid of ['s', 't', 'mine']) a.sessions.write(sid, { userId: 42, device: sid })
    b.sessions.write('other', { userId: 7 })
    await until('both find all', () =>
      all(a, b)
        .find('userId', 42)
        .every((sids) => sids.length === 3),
    )
    const inFlight = b.sessions.load('s')!
    const { destroyed, acked } = a.sessions.destroyBy('userId', '42', {
      where: ({ sid, data }) => sid !== 'mine' && data.device !== 'u',
      acks: 'all',
    })
    expect(destroyed.sort()).toEqual(['s', 't'])
    expect(await acked).toBe(1)
    expect(b.sessions.write('s', { ...inFlight.data, late: true }, { base: inFlight.base }).outcome).toBe(
      'dropped',
    )
    expect(all(a, b).find('userId', 42)).toEqual([['mine'], ['mine']])
    expect(b.sessions.has('other')).toBe(true)
  })

  test('are not destroyed at all when it is not clear which', async () => {
    const [a] = await pair({ indexBy })
    for (const sid of ['s', 't']) a.sessions.write(sid, { userId: 42 })
    const mine = ({ sid }: { sid: string }) => sid !== 's'
    for (const options of [
      mine,
      null,
      { filter: mine },
      { where: 's' },
      { where: async () => true },
      { where: () => 1 },
    ]) {
      expect(() => Reflect.apply(a.sessions.destroyBy, a.sessions, ['userId', 42, options])).toThrow(
        expect.objectContaining({ code: 'SESSIONMESH_BAD_OPTION' }),
      )
    }
    expect(a.sessions.findBy('userId', 42)).toHaveLength(2)
    const calls = [
      () => Reflect.apply(a.sessions.write, a.sessions, ['s', {}, { ttl: 5 }]),
      () => Reflect.apply(a.sessions.touch, a.sessions, ['s', { ttl: 5 }]),
      () => Reflect.apply(a.sessions.destroy, a.sessions, ['s', { ack: 'all' }]),
    ]
    for (const call of calls) expect(call).toThrow(/is not an option of \w+\. Known are: /)
    expect(a.sessions.load('s')?.data).toEqual({ userId: 42 })
  })

  test('are found where a request is served them before they have arrived', async () => {
    const { a, b, c, wire } = await withAWire({ indexBy })
    const { base } = a.sessions.write('s', { userId: 7 })
    await until('all have it', () => [b, c].every(({ sessions }) => sessions.has('s')))
    for (const direction of ['forward', 'backward'] as const) wire.hold(direction)
    a.sessions.write('s', { userId: 42 }, { base })
    a.sessions.write('t', { userId: 42 })
    // It asks for these two by id, and is shown them ahead of what is merged.
    await Promise.all(['s', 't'].map((sid) => c.sessions.catchUp(sid, a.sessions.token(sid, undefined))))
    expect(c.status().counters.fetches).toBe(2)
    expect(['s', 't'].map((sid) => c.sessions.load(sid)?.data)).toEqual([{ userId: 42 }, { userId: 42 }])
    expect(c.sessions.findBy('userId', 42).sort()).toEqual(['s', 't'])
    expect(c.sessions.findBy('userId', 7)).toEqual([])
    c.sessions.destroyBy('userId', 42)
    for (const direction of ['forward', 'backward'] as const) wire.release(direction)
    await until('they are gone on all', () => [a, b, c].every(({ sessions }) => sessions.size === 0))
  })

  test('are not destroyed in part when the predicate throws', async () => {
    const [a] = await pair({ indexBy })
    for (const sid of ['s', 't']) a.sessions.write(sid, { userId: 42 })
    const failing = () =>
      a.sessions.destroyBy('userId', 42, {
        where: ({ sid }) => {
          if (sid === 't') throw new Error('no')
          return true
        },
      })
    expect(failing).toThrow('no')
    expect(a.sessions.findBy('userId', 42)).toHaveLength(2)
  })

  test('are found by nothing that is not indexed, and by no object', async () => {
    const [a] = await pair({ indexBy })
    const bad = expect.objectContaining({ code: 'SESSIONMESH_BAD_OPTION' })
    expect(() => a.sessions.findBy('email', 'x')).toThrow(bad)
    expect(() => a.sessions.findBy('email', 'x')).toThrow(/indexBy/)
    for (const value of [undefined, null, {}, []])
      expect(() => a.sessions.destroyBy('userId', value)).toThrow(bad)
    // What cannot be a key is not found, and harms nothing.
    a.sessions.write('s', { userId: { nested: true }, passport: 'none' })
    expect(a.sessions.findBy('passport.user', 'x')).toEqual([])
  })
})

describe('an attribute that is local', () => {
  const sessions = { localAttributes: ['socket'] }

  test('may be anything, is seen by later requests of its member, and by no other member', async () => {
    const [a, b] = await pair(sessions)
    const socket = { close: () => 'closed' }
    expect(a.sessions.write('s', { user: 'ada', socket }).changed).toEqual(['user'])
    expect(a.sessions.load('s')?.data).toEqual({ user: 'ada', socket })
    expect(a.sessions.load('s')?.data.socket).toBe(socket)
    await until('b has the session', () => b.sessions.has('s'))
    expect(b.sessions.load('s')?.data).toEqual({ user: 'ada' })
    // b has one of its own, and what it writes takes none away.
    const { data, base } = b.sessions.load('s')!
    b.sessions.write('s', { ...data, user: 'grace', socket: 'of b' }, { base })
    await until('a has the change', () => a.sessions.load('s')?.data.user === 'grace')
    expect(a.sessions.load('s')?.data.socket).toBe(socket)
  })

  test('is no change of the session, and ends with it', async () => {
    const [a] = await pair(sessions)
    a.sessions.write('s', { user: 'ada' })
    const first = a.sessions.load('s')!
    expect(a.sessions.write('s', { ...first.data, socket: 1 }, { base: first.base }).outcome).toBe(
      'unchanged',
    )
    expect(a.sessions.load('s')?.data.socket).toBe(1)
    const second = a.sessions.load('s')!
    a.sessions.write('s', { user: 'ada' }, { base: second.base })
    expect(a.sessions.load('s')?.data).toEqual({ user: 'ada' })
    const third = a.sessions.load('s')!
    a.sessions.write('s', { ...third.data, socket: 2 }, { base: third.base })
    a.sessions.destroy('s')
    expect(a.sessions.load('s')).toBeUndefined()
  })

  test('of two requests of one member the later write stays, and none takes away what it had not seen', async () => {
    const [a] = await pair({ localAttributes: ['x', 'y'] })
    a.sessions.write('s', { x: 0 })
    const [one, other] = [a.sessions.load('s')!, a.sessions.load('s')!]
    a.sessions.write('s', { ...one.data, y: 1 }, { base: one.base })
    a.sessions.write('s', { ...other.data, x: 2 }, { base: other.base })
    expect(a.sessions.load('s')?.data).toEqual({ x: 2, y: 1 })
  })
})

describe('an attribute that is merged', () => {
  const union = (a: string[], b: string[]) => [...new Set([...a, ...b])].sort()
  const merge = { cart: union }

  test('has what two members put in at once; one after the other they replace it', async () => {
    const [a, b] = await pair({ merge })
    a.sessions.write('s', { cart: ['tea'], user: 'ada' })
    await until('b has it', () => b.sessions.has('s'))
    const [left, right] = [a.sessions.load('s')!, b.sessions.load('s')!]
    const events: string[][] = []
    b.on('session:changed', ({ changed }) => events.push(changed))
    expect(
      a.sessions.write('s', { ...left.data, cart: ['tea', 'milk'] }, { base: left.base }).changed,
    ).toEqual(['cart'])
    b.sessions.write('s', { ...right.data, cart: ['tea', 'rum'] }, { base: right.base })
    const carts = () => [a, b].map(({ sessions }) => String(sessions.load('s')?.data.cart))
    await until('both have all', () => carts().every((cart) => cart === 'milk,rum,tea'))
    expect(events.every((changed) => String(changed) === 'cart')).toBe(true)

    const { data, base } = b.sessions.load('s')!
    b.sessions.write('s', { ...data, cart: [] }, { base })
    await until('both have none', () => carts().every((cart) => cart === ''))
    expect(a.sessions.load('s')?.data).toEqual({ cart: [], user: 'ada' })
  })

  test('keeps what others put in meanwhile when one request saves twice', async () => {
    const [a] = await pair({ merge })
    a.sessions.write('s', { cart: ['tea'] })
    const [one, other] = [a.sessions.load('s')!, a.sessions.load('s')!]
    a.sessions.write('s', { cart: ['tea', 'milk'] }, { base: one.base })
    const first = a.sessions.write('s', { cart: ['tea', 'rum'] }, { base: other.base })
    a.sessions.write('s', { cart: ['rum'] }, { base: first.base })
    expect(a.sessions.load('s')?.data).toEqual({ cart: ['milk', 'rum', 'tea'] })
  })

  test('counts what is added at once on two members, and twice on one', async () => {
    const [a, b] = await pair({ merge: { views: counter } })
    a.sessions.write('s', { views: 1 })
    await until('b has it', () => b.sessions.has('s'))
    const requests = [a, a, b].map(({ sessions }) => ({ sessions, ...sessions.load('s')! }))
    for (const { sessions, data, base } of requests)
      sessions.write('s', { views: (data.views as number) + 1 }, { base })
    await until('both have counted all', () =>
      [a, b].every(({ sessions }) => sessions.load('s')?.data.views === 4),
    )
  })

  test('leaves no values of members that have left', async () => {
    const [a, b] = await pair({ merge })
    b.sessions.write('s', { cart: ['tea'] })
    await until('a has it', () => a.sessions.has('s'))
    await b.close()
    await until('a knows', () => a.members().every(({ self, state }) => self || state === 'left'))
    const { data, base } = a.sessions.load('s')!
    const { base: after } = a.sessions.write('s', { ...data, cart: ['rum'] }, { base })
    expect([...after!.attributes.keys()]).toHaveLength(1)
    const c = await join({
      sessions: { merge },
      peers: [a.self.address],
      listen: { host: '127.0.0.1', port: 0 },
    })
    await linked([a, c])
    expect(c.sessions.load('s')?.data).toEqual({ cart: ['rum'] })
  })
})

test.each<[object, RegExp]>([
  [{ sessions: [] }, /sessions must be an object/],
  [{ sessions: { index: ['userId'] } }, /sessions\.index is not an option\. Known are: indexBy/],
  [{ sessions: { indexBy: 'userId' } }, /sessions\.indexBy must be a list of names/],
  [{ sessions: { indexBy: ['user..id'] } }, /no attribute's name/],
  [{ sessions: { localAttributes: ['__proto__'] } }, /no attribute's name/],
  [{ sessions: { merge: { cart: true } } }, /sessions\.merge\.cart must be a function/],
  [{ sessions: { indexBy: ['cart'], merge: { cart: () => 0 } } }, /which is merged/],
  [{ sessions: { indexBy: ['x.y'], localAttributes: ['x'] } }, /by which no other member finds it/],
  [{ sessions: { localAttributes: ['x'], merge: { x: () => 0 } } }, /nothing to merge/],
  [{ sessions: { localAttributes: ['x.y'] } }, /which take whole attributes: x/],
  [{ sessions: { merge: { 'x.y': () => 0 } } }, /which take whole attributes: x/],
  [{ ttlMs: '24h' }, /ttlMs is "24h"; give a number of milliseconds above 0/],
  [{ joinTimeoutMs: 0 }, /^joinTimeoutMs is 0/],
  [{ config: { ttlMs: 5 } }, /config\.ttlMs is not an option; give ttlMs beside config/],
])('a mistake is told at the start: %o', async (options, message) => {
  const joining = join(options as ClusterOptions)
  await expect(joining).rejects.toThrow(message)
  await expect(joining).rejects.toMatchObject({ code: 'SESSIONMESH_BAD_OPTION' })
})

test('what differs from what was loaded is what a write would change', async () => {
  const union = (a: string[], b: string[]) => [...new Set([...a, ...b])].sort()
  const [a] = await pair({ localAttributes: ['socket'], merge: { cart: union } })
  a.sessions.write('s', { user: new Map([['name', 'ada']]), cart: ['tea'], socket: () => {} })
  const { data, base } = a.sessions.load('s')!
  expect(a.sessions.differs(data, base)).toBe(false)
  expect(a.sessions.differs({ ...data, user: new Map([['name', 'ada']]) }, base)).toBe(false)
  for (const change of [{ user: new Map() }, { cart: [] }, { socket: 1 }, { more: 1 }, { bad: () => {} }])
    expect(a.sessions.differs({ ...data, ...change }, base)).toBe(true)
  for (const name of Object.keys(data)) {
    const { [name]: _, ...less } = data
    expect(a.sessions.differs(less, base)).toBe(true)
  }
})

test('a NUL is in no name of an attribute', async () => {
  const [a] = await pair({})
  expect(() => a.sessions.write('s', { 'cart\0x': 1 })).toThrow(
    expect.objectContaining({ code: 'SESSIONMESH_FORBIDDEN_ATTRIBUTE' }),
  )
})
