/** What members tell of themselves and ask each other, over real links; and what a peer may answer. */

import { type Config, Replica, resolveConfig } from '@sessionmesh/core'
import { afterEach, expect, test, vi } from 'vitest'
import { joinCluster } from '../cluster.js'
import type { Link } from '../link.js'
import { Packr, Unpackr } from '../msgpack.js'
import type { Cluster, ClusterOptions } from '../types.js'
import { LocalDiagnostics } from './diagnostics.js'
import { encodeAnswer } from './frames.js'
import { LinkMeter } from './link-meter.js'

const cleanUps: (() => unknown)[] = []
let tests = 0

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

const until = (condition: () => unknown) =>
  vi.waitFor(async () => expect(await condition()).toBeTruthy(), { timeout: 15_000, interval: 20 })

async function join(memberName: string, options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = await joinCluster({
    name: `diagnostics ${process.pid} ${tests}`,
    secret: 'for tests only: 8KpX2vQz7RmW4tLd',
    listen: { host: '127.0.0.1', port: 0 },
    peers: [],
    memberName,
    ...options,
  })
  cleanUps.push(() => cluster.close())
  return cluster
}

/** Two members that see each other. */
async function pair(options: ClusterOptions = {}): Promise<[Cluster, Cluster]> {
  tests++
  const a = await join('a', options)
  const b = await join('b', { ...options, peers: [a.self.address] })
  await until(() => [a, b].every((each) => each.members()[1]?.state === 'alive'))
  return [a, b]
}

test('a member tells of itself over the mesh: its figures, its events, its view of the others', async () => {
  const [a, b] = await pair()
  b.sessions.write('s', { user: 42, cart: ['book'] })
  await until(() => a.sessions.has('s'))
  await until(async () =>
    (await a.diagnostics.report({ of: b.self.id })).samples.some(({ writes }) => writes === 1),
  )
  const report = await a.diagnostics.report({ of: b.self.id })
  expect(report).toMatchObject({
    member: { id: b.self.id, name: 'b', address: b.self.address },
    node: process.version,
    pid: process.pid,
    ready: true,
    members: [{ id: a.self.id, name: 'a', state: 'alive' }],
  })
  expect(report.events.map(({ event }) => event)).toEqual(
    expect.arrayContaining(['joined', 'member:alive', 'session:created']),
  )
  expect(report.digest).toContainEqual(expect.objectContaining({ origin: b.self.id }))
  expect(report.samples.at(-1)).toMatchObject({ sessions: 1, links: [{ peer: a.self.id }] })

  // And from there on what is new alone.
  expect(await a.diagnostics.report({ of: b.self.id, after: report.cursor })).toMatchObject({ events: [] })
  b.sessions.destroy('s')
  const next = await a.diagnostics.report({ of: b.self.id, after: report.cursor })
  expect(next.events).toMatchObject([{ event: 'session:destroyed', sid: 's' }])
})

test('of a change of a session one member tells', async () => {
  const [a, b] = await pair()
  b.sessions.write('s', { user: 42 })
  await until(() => a.sessions.has('s'))
  const told = await Promise.all([a, b].map((each) => a.diagnostics.report({ of: each.self.id })))
  expect(told.map(({ events }) => events.filter(({ sid }) => sid === 's').length)).toEqual([0, 1])
})

test('the state of two members has one fingerprint, and owners share the sessions', async () => {
  const [a, b] = await pair()
  for (let i = 0; i < 50; i++) (i % 2 ? a : b).sessions.write(`s${i}`, { n: i })
  a.sessions.write('s0', { n: 1, more: true })
  b.sessions.destroy('s1')
  await until(() => a.sessions.size === 49 && b.sessions.size === 49)
  const censusOf = async (each: Cluster) => (await a.diagnostics.report({ of: each.self.id })).census
  await until(async () => {
    const [one, other] = [await censusOf(a), await censusOf(b)]
    return one?.fingerprint && String(one.fingerprint.parts) === String(other?.fingerprint?.parts)
  })
  const census = await censusOf(b)
  expect(census?.owners).toEqual({ [a.self.id]: 25, [b.self.id]: 24 })
  expect(census?.fingerprint?.parts.filter((part) => part > 0).length).toBeGreaterThan(30)
  a.sessions.write('s0', { n: 2 })
  await until(
    async () => String((await censusOf(b))?.fingerprint?.parts) !== String(census?.fingerprint?.parts),
  )
})

test('a session that is about to end by time makes its part say nothing, and the others are told of', async () => {
  const [a] = await pair({ config: { deadAfterMs: 1_000, heartbeatMs: 100, suspectAfterMs: 500 } })
  a.sessions.write('ends', { n: 1 }, { ttlMs: 2_000 })
  a.sessions.write('stays', { n: 1 })
  await until(async () => {
    const parts = (await a.diagnostics.report()).census?.fingerprint?.parts ?? []
    return parts.filter((part) => part === -1).length === 1 && parts.filter((part) => part > 0).length === 1
  })
})

test('a session as each member holds it: attributes, stamps, marks of removal, and its tombstone', async () => {
  const [a, b] = await pair()
  const { base } = a.sessions.write('s', { user: 42, cart: ['book'] }, { ttlMs: 60_000 })
  await until(() => b.sessions.has('s'))
  b.sessions.write('s', { user: 42 }, { base: b.sessions.load('s')!.base })
  await until(() => a.sessions.load('s')?.data.cart === undefined)
  expect(base).toBeDefined()
  const [here, there] = [
    await a.diagnostics.inspect('s'),
    await a.diagnostics.inspect('s', { of: b.self.id }),
  ]
  expect({ ...here, idleMs: 0 }).toEqual({ ...there, idleMs: 0 })
  expect(here).toMatchObject({
    sid: 's',
    state: 'living',
    owner: b.self.id,
    created: { origin: a.self.id },
    lastWrite: { origin: b.self.id },
    ttlMs: 60_000,
    attributes: [
      { name: 'user', removed: false, bytes: 8, stamp: { origin: a.self.id } },
      { name: 'cart', removed: true, bytes: 0, stamp: { origin: b.self.id } },
    ],
  })
  a.sessions.destroy('s')
  await until(async () => (await a.diagnostics.inspect('s', { of: b.self.id }))?.state === 'destroyed')
  expect(await a.diagnostics.inspect('s', { of: b.self.id })).toMatchObject({
    destroyed: { origin: a.self.id },
    attributes: [],
  })
  expect(await a.diagnostics.inspect('nobody knows it')).toBeUndefined()
  expect(await a.diagnostics.inspect('nobody knows it', { of: b.self.id })).toBeUndefined()
})

test('a merged attribute shows the share of each member', async () => {
  const [a, b] = await pair({
    sessions: { merge: { cart: (x: string[], y: string[]) => [...x, ...y].sort() } },
  })
  a.sessions.write('s', { cart: ['book'] })
  await until(() => b.sessions.has('s'))
  expect((await b.diagnostics.inspect('s'))?.attributes).toMatchObject([{ name: 'cart', slotOf: a.self.id }])
})

test('a session that has ended by time is told as that, as long as it is kept', async () => {
  const [a] = await pair()
  a.sessions.write('s', { n: 1 }, { ttlMs: 300 })
  await until(async () => (await a.diagnostics.inspect('s'))?.state === 'expired')
  expect(await a.diagnostics.inspect('s')).not.toHaveProperty('owner')
})

test('to look at a session is no use of it', async () => {
  const [a] = await pair()
  a.sessions.write('s', { n: 1 })
  await until(async () => (await a.diagnostics.inspect('s'))!.idleMs > 100)
})

test('who is not linked cannot be asked, and says so at once', async () => {
  const [a, b] = await pair()
  const { id } = b.self
  await b.close()
  await expect(a.diagnostics.report({ of: id })).rejects.toMatchObject({
    code: 'SESSIONMESH_NO_ANSWER',
    message: expect.stringContaining('b at'),
  })
  await expect(a.diagnostics.report({ of: 'nobody' })).rejects.toMatchObject({
    code: 'SESSIONMESH_NO_ANSWER',
  })
})

test('draining is told, once, also by close()', async () => {
  const [a] = await pair()
  const told: string[] = []
  a.on('draining', ({ name }) => told.push(name))
  a.drain()
  await a.close()
  expect(told).toEqual(['a'])
  expect((await a.diagnostics.report()).events.slice(-2)).toMatchObject([
    { event: 'draining' },
    { event: 'left' },
  ])
})

test('what is linked, and how fast, is in the status', async () => {
  const [a, b] = await pair()
  b.sessions.write('s', { n: 1 })
  await until(() => a.status().links[0]?.lag?.deltas === 1)
  const [link] = a.status().links
  expect(link).toMatchObject({ peer: b.self.id, bufferedBytes: 0 })
  expect(link!.sentBytes).toBeGreaterThan(100)
  expect(link!.receivedFrames).toBeGreaterThan(2)
  expect(link!.lag!.p99Ms).toBeLessThan(5_000)
})

// ---- a peer that is of another version, or does not mean well ----

const peer = { id: 'b', name: 'b', address: '127.0.0.1:1' }

/** Diagnostics with one link, whose other end is `answer`: it gets each frame, and gives what it answers. */
function linkedWith(
  answer: (asked: unknown[]) => unknown,
  { bufferedBytes = 0, config: given = {} }: { bufferedBytes?: number; config?: Partial<Config> } = {},
) {
  const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: false })
  const packr = new Packr({ useRecords: false, variableMapSize: true })
  const now = () => ({ wallMs: Date.now(), monoMs: performance.now() })
  const config: Config = { ...resolveConfig(), ...given }
  const self = { id: 'a', name: 'a', address: '127.0.0.1:2' }
  const replica = new Replica({ self, cluster: 'x', config, random: Math.random })
  vi.spyOn(replica, 'peers').mockReturnValue([{ ...peer, link: 1, state: 'alive', stateMs: 0 } as never])
  const sent: unknown[][] = []
  const link: Link = {
    id: 1,
    dialled: undefined,
    remoteHost: '',
    proof: { credentials: { keyring: { cluster: 'x', keys: [] } }, identities: [] },
    bufferedBytes,
    meter: new LinkMeter(),
    close() {},
    terminate() {},
    isSafe: true,
    onHanded() {},
    onSafe() {},
    send(frame) {
      const asked = unpackr.unpack(frame)
      sent.push(asked)
      const said = answer(asked)
      if (said !== undefined)
        diagnostics.onFrame(link, unpackr.unpack(packr.pack(['answer', asked[1], said])))
    },
  }
  const diagnostics = new LocalDiagnostics({
    config,
    self: () => self,
    isReady: () => true,
    replica: () => replica,
    counters: () => replica.counters,
    links: () => [link],
    now,
    sampled: () => {},
  })
  cleanUps.push(() => diagnostics.stop())
  return { diagnostics, link, sent, replica }
}

test.each<[string, unknown]>([
  ['a text', 'ha'],
  ['a list', [1, 2]],
  ['nothing', null],
  ['a report of a half', { member: { id: 'b', name: 'b', address: '' }, atMs: 1 }],
  ['a number that is a text', { member: { id: 7 } }],
])('an answer that is %s is none', async (_, said) => {
  const { diagnostics } = linkedWith(() => said)
  await expect(diagnostics.report({ of: 'b' })).rejects.toMatchObject({
    code: 'SESSIONMESH_NO_ANSWER',
    message: expect.stringContaining('not understood'),
  })
})

test('nobody tells for another', async () => {
  const mine = await linkedWith(() => undefined).diagnostics.report()
  const { diagnostics } = linkedWith(() => ({ ...mine, member: { ...mine.member, id: 'c' } }))
  await expect(diagnostics.report({ of: 'b' })).rejects.toThrow('speaks for another')
})

test('what goes beyond a report is left out, and a report passes whole', async () => {
  const honest = linkedWith(() => undefined)
  const mine = await honest.diagnostics.report()
  const theirs = { ...mine, member: { ...mine.member, id: 'b' } }
  const { diagnostics } = linkedWith(() => ({ ...theirs, extra: { deep: [1] } }))
  expect(await diagnostics.report({ of: 'b' })).toEqual(theirs)
})

test('an answer to nothing, or of another number, is passed over', async () => {
  const { diagnostics, link } = linkedWith(() => undefined)
  diagnostics.onFrame(link, ['answer', 77, null])
  diagnostics.onFrame(link, ['answer'])
  diagnostics.onFrame(link, ['ask'])
  expect(await diagnostics.report()).toMatchObject({ member: { id: 'a' } })
})

test('nobody answers for another', async () => {
  const { diagnostics, link, sent } = linkedWith(() => undefined)
  const asked = diagnostics.inspect('s', { of: 'b' })
  const [, number] = sent[0]!
  diagnostics.onFrame({ ...link, id: 2 }, ['answer', number, 'forged'])
  diagnostics.onFrame(link, ['answer', number, null])
  expect(await asked).toBeUndefined()
})

test('a question that this version does not know is answered with nothing', () => {
  const { diagnostics, link, sent } = linkedWith(() => undefined)
  diagnostics.onFrame(link, ['ask', 1, 'everything', null])
  diagnostics.onFrame(link, ['ask', 2, 'report', new Map([['sample', 'x']])])
  expect(sent).toEqual([
    ['answer', 1],
    ['answer', 2],
  ])
})

test('on a link that is clogged nothing of this is sent', () => {
  const { diagnostics, link, sent } = linkedWith(() => undefined, { bufferedBytes: 2 * 1024 * 1024 })
  diagnostics.onFrame(link, ['ask', 1, 'report', null])
  expect(sent).toEqual([])
})

test('who asks without end is told little of it, and the others their part', async () => {
  const { diagnostics, link, sent } = linkedWith(() => undefined)
  const other = { ...link, id: 2 }
  for (let number = 1; number <= 1_000; number++) diagnostics.onFrame(link, ['ask', number, 'session', 's'])
  diagnostics.onFrame(other, ['ask', 7_777, 'session', 's'])
  const told = () => sent.filter((answer) => answer.length === 3).map(([, number]) => number)
  // (Of one at once, and the others wait their turn.)
  expect(told()).toEqual([1])
  expect(sent).toHaveLength(1_000 - 8)
  await until(() => told().includes(7_777))
  expect(told()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 7_777])
  diagnostics.onFrame(link, ['ask', 1_001, 'session', 's'])
  await until(() => told().includes(1_001))
})

test('a link that breaks takes its questions along', async () => {
  const { diagnostics, link, sent } = linkedWith(() => undefined)
  for (const number of [1, 2, 3]) diagnostics.onFrame(link, ['ask', number, 'session', 's'])
  diagnostics.onClosed(link)
  diagnostics.onFrame({ ...link, id: 2 }, ['ask', 4, 'session', 's'])
  await until(() => sent.length === 2)
  expect(sent.map(([, number]) => number)).toEqual([1, 4])
})

test('a session of more attributes than fit into an answer is not told, and no answer is made of it', () => {
  const { diagnostics, link, sent, replica } = linkedWith(() => undefined)
  const above = vi.fn()
  vi.spyOn(replica, 'record').mockReturnValue({ names: 200_000, above } as never)
  diagnostics.onFrame(link, ['ask', 1, 'session', 's'])
  expect(sent).toEqual([['answer', 1]])
  expect(above).not.toHaveBeenCalled()
})

test('a report that is too large for a frame is told in part, the latest of it', async () => {
  const { diagnostics, link, sent } = linkedWith(() => undefined, { config: { maxBatchBytes: 20_000 } })
  for (let i = 0; i < 200; i++)
    diagnostics.note({ event: 'session:changed', sid: `s${i}`, changed: ['x'.repeat(300)] })
  diagnostics.onFrame(link, ['ask', 1, 'report', null])
  const report = sent[0]![2] as Map<string, unknown>
  const events = report.get('events') as Map<string, unknown>[]
  expect(events.at(-1)!.get('sid')).toBe('s199')
  expect([events.length, report.get('omitted')]).toEqual([50, 150])
})

test('a report for which its asker would cut the link is not sent', async () => {
  const { diagnostics, link, sent, replica } = linkedWith(() => undefined)
  const digest = vi.spyOn(replica, 'digest')
  for (const count of [10_000, 22_500]) {
    digest.mockReturnValue(
      Array.from({ length: count }, (_, i) => ({ time: 1, counter: 0, origin: `o${i}` })),
    )
    diagnostics.onFrame(link, ['ask', count, 'report', null])
    await until(() => sent.at(-1)?.[1] === count)
  }
  expect(sent.map(([, number, report]) => [number, report !== undefined])).toEqual([
    [10_000, true],
    [22_500, false],
  ])
})

test('a link that breaks ends the questions on it', async () => {
  const { diagnostics, link } = linkedWith(() => undefined)
  const asked = diagnostics.report({ of: 'b' })
  diagnostics.onClosed(link)
  await expect(asked).rejects.toMatchObject({ code: 'SESSIONMESH_NO_ANSWER' })
})

test('a session of which nothing is held is told as nothing', () => {
  expect(new Unpackr({ useRecords: false }).unpack(encodeAnswer(1, null))).toEqual(['answer', 1, null])
})
