/** One member's picture of the mesh, over real links. */

import { afterEach, expect, test, vi } from 'vitest'
import { joinCluster } from '../cluster.js'
import type { Cluster, ClusterOptions } from '../types.js'
import type { MeshPicture } from './mesh.js'
import { MeshWatch } from './watch.js'

const cleanUps: (() => unknown)[] = []
let tests = 0

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

const until = (condition: () => unknown) =>
  vi.waitFor(async () => expect(await condition()).toBeTruthy(), { timeout: 15_000, interval: 20 })

async function join(
  memberName: string,
  peers: readonly string[],
  options: ClusterOptions = {},
): Promise<Cluster> {
  const cluster = await joinCluster({
    name: `watch ${process.pid} ${tests}`,
    secret: 'for tests only: 8KpX2vQz7RmW4tLd',
    listen: { host: '127.0.0.1', port: 0 },
    memberName,
    peers,
    ...options,
  })
  cleanUps.push(() => cluster.close())
  return cluster
}

async function three(): Promise<[Cluster, Cluster, Cluster]> {
  tests++
  const a = await join('a', [])
  const b = await join('b', [a.self.address])
  const c = await join('c', [a.self.address])
  await until(() =>
    [a, b, c].every((each) => each.members().filter(({ state }) => state === 'alive').length === 3),
  )
  return [a, b, c]
}

/** All that a page would have by now: the whole, and what came since. */
async function watched(
  cluster: Cluster,
): Promise<{ whole: MeshPicture; updates: MeshPicture[]; stop(): void }> {
  const watch = new MeshWatch(cluster)
  const updates: MeshPicture[] = []
  const stop = watch.onUpdate((update) => updates.push(update))
  cleanUps.push(stop)
  return { whole: await watch.picture(), updates, stop }
}

test('one member tells of all: what each says, and that they hold the same', async () => {
  const [a, b, c] = await three()
  for (const [i, each] of [a, b, c].entries()) each.sessions.write(`s${i}`, { n: i })
  await until(() => [a, b, c].every(({ sessions }) => sessions.size === 3))
  const watch = new MeshWatch(b)
  await until(async () => {
    const { members } = await watch.picture()
    return members.every(({ convergence }) => convergence.verdict === 'identical' && convergence.fingerprint)
  })
  const picture = await watch.picture()
  expect(picture).toMatchObject({ by: b.self.id, cluster: b.name })
  expect(picture.members.map(({ name }) => name)).toEqual(['b', 'a', 'c'])
  expect(new Set(picture.members.map(({ convergence }) => convergence.fingerprint)).size).toBe(1)
  expect(picture.members[1]!.told).toMatchObject({
    pid: process.pid,
    ready: true,
    census: { bytes: expect.any(Number) },
  })
  const created = picture.events.filter(({ event }) => event === 'session:created')
  expect(created.map(({ by, sid }) => `${sid} ${by.name}`).sort()).toEqual(['s0 a', 's1 b', 's2 c'])
  expect(picture.events.map(({ atMs }) => atMs)).toEqual(
    picture.events.map(({ atMs }) => atMs).sort((x, y) => x - y),
  )
  // Parts of fingerprints are for reckoning, and not for pages.
  expect(JSON.stringify(picture)).not.toContain('parts')
})

test('updates bring what is new, and a member that goes is told of at once', async () => {
  const [a, , c] = await three()
  const { whole, updates } = await watched(a)
  expect(whole.members).toHaveLength(3)
  await until(() => updates.length >= 2)
  const seen = updates.length
  c.sessions.write('s', { n: 1 })
  await until(() => updates.slice(seen).some(({ events }) => events.some(({ sid }) => sid === 's')))
  const ofC = updates.flatMap(({ members }) => members.find(({ name }) => name === 'c')?.samples ?? [])
  expect(new Set(ofC.map(({ atMs }) => atMs)).size).toBe(ofC.length)

  const leftAt = performance.now()
  await c.close()
  await until(() => updates.at(-1)!.members.find(({ name }) => name === 'c')?.state === 'left')
  expect(performance.now() - leftAt).toBeLessThan(5_000)
  const last = updates.at(-1)!
  expect(last.members.find(({ name }) => name === 'c')).toMatchObject({
    told: { pid: process.pid },
    convergence: { verdict: 'unknown' },
  })
  expect(updates.flatMap(({ events }) => events).map(({ event }) => event)).toEqual(
    expect.arrayContaining(['member:left', 'takeover']),
  )
})

test('who is at a limit needs a person, in the picture and in each update', async () => {
  tests++
  const a = await join('a', [], { config: { maxSessions: 1 } })
  const { updates } = await watched(a)
  await until(() => updates.length > 0)
  a.sessions.write('first', { n: 1 })
  expect(() => a.sessions.write('second', { n: 1 })).toThrow('maxSessions')
  const words =
    'a has 1 session, and maxSessions is 1: no other one begins, which refused 1 write in the last minute'
  await until(() => updates.at(-1)!.summary.startsWith(words))
  const seen = updates.length
  await until(() => updates.length > seen + 1)
  for (const { summary } of updates.slice(seen)) expect(summary).toContain(words)
  expect(await new MeshWatch(a).picture()).toMatchObject({ summary: expect.stringContaining(words) })
})

test('who does not answer is unknown, and needs a person', async () => {
  const [a, b] = await three()
  const { updates } = await watched(a)
  const report = a.diagnostics.report.bind(a.diagnostics)
  vi.spyOn(a.diagnostics, 'report').mockImplementation((options) =>
    options?.of === b.self.id ? Promise.reject(new Error('no answer')) : report(options),
  )
  const ofB = () => updates.at(-1)?.members.find(({ name }) => name === 'b')
  await until(() => ofB()?.convergence.verdict === 'unknown')
  expect(ofB()?.state).toBe('alive')
  expect(updates.at(-1)).toMatchObject({ troubles: [{ tone: 'warn', member: b.self.id }] })
  expect(updates.at(-1)?.summary).toMatch(/^b has not answered for \d s$/)
})

test('who died before anybody looked is shown, and who left long ago is not', async () => {
  const [a, b] = await three()
  const gone = (id: string, state: 'dead' | 'left') => ({
    id,
    name: id,
    address: `${id}:1`,
    state,
    self: false,
  })
  const members = a.members.bind(a)
  vi.spyOn(a, 'members').mockImplementation(() => [
    ...members(),
    gone('x', 'dead'),
    gone('y', 'left'),
    gone('z', 'left'),
  ])
  const report = a.diagnostics.report.bind(a.diagnostics)
  vi.spyOn(a.diagnostics, 'report').mockImplementation(async (options) => {
    const real = await report(options)
    const ago = (id: string, ms: number) => ({ ...gone(id, 'left'), sinceMs: Date.now() - ms })
    return { ...real, members: [...real.members, ago('x', 3_600_000), ago('y', 3_600_000), ago('z', 10_000)] }
  })
  const { members: shown } = await new MeshWatch(a).picture()
  expect(shown.map(({ name, state }) => `${name} ${state}`)).toEqual([
    'a alive',
    'b alive',
    'c alive',
    'x dead',
    'z left',
  ])
  expect(Date.now() - shown[3]!.sinceMs).toBeGreaterThan(3_599_000)
  const bSince = shown.find(({ id }) => id === b.self.id)!.sinceMs
  expect(Math.abs(Date.now() - bSince)).toBeLessThan(60_000)
})

test('what a member tells has the time of the one that shows it, whatever its own clock says', async () => {
  const [a, b] = await three()
  const report = a.diagnostics.report.bind(a.diagnostics)
  const offMs = 3_600_000
  vi.spyOn(a.diagnostics, 'report').mockImplementation(async (options) => {
    const real = await report(options)
    if (real.member.id !== b.self.id) return real
    const off = <T extends { readonly atMs: number }>(each: T) => ({ ...each, atMs: each.atMs + offMs })
    return { ...off(real), samples: real.samples.map(off), events: real.events.map(off) }
  })
  const watch = new MeshWatch(a)
  await until(async () => (await watch.picture()).members.every(({ samples }) => samples.length > 0))
  const { members, events, atMs } = await watch.picture()
  const times = [...members.flatMap(({ samples, told }) => [...samples, told!]), ...events]
  for (const each of times) expect(Math.abs(each.atMs - atMs)).toBeLessThan(60_000)
})

test('a listener that throws disturbs no other, and no picture after it', async () => {
  const [a] = await three()
  const warnings: string[] = []
  const onWarning = ({ message }: Error) => warnings.push(message)
  process.on('warning', onWarning)
  cleanUps.push(() => process.off('warning', onWarning))
  const watch = new MeshWatch(a)
  let updates = 0
  cleanUps.push(
    watch.onUpdate(() => {
      throw new Error('mine')
    }),
    watch.onUpdate(() => updates++),
  )
  await until(() => updates >= 2)
  await until(() => warnings.includes('mine'))
})

test('what came too fast is counted; what was before anybody looked is not', async () => {
  const [a] = await three()
  const write = (i: number) => a.sessions.write(`s${i}`, { n: i })
  for (let i = 0; i < 700; i++) write(i)
  const watch = new MeshWatch(a)
  expect(await watch.picture()).toMatchObject({ omitted: 0 })
  for (let i = 700; i < 1_400; i++) write(i)
  expect(await watch.picture()).toMatchObject({ omitted: 200 })
})

test('nobody looks: nobody is asked', async () => {
  const [a, b] = await three()
  const { stop } = await watched(a)
  const asked = vi.spyOn(a.diagnostics, 'report')
  await until(() => asked.mock.calls.some(([options]) => options?.of === b.self.id))
  stop()
  asked.mockClear()
  // Two seconds of the mesh's own time: its samples.
  const { cursor } = await b.diagnostics.report()
  await until(async () => (await b.diagnostics.report()).cursor.sample >= cursor.sample + 2)
  expect(asked).not.toHaveBeenCalled()
})

test('what happened to a session is found by its id', async () => {
  const [a, b] = await three()
  b.sessions.write('s', { n: 1 })
  b.sessions.write('other', { n: 1 })
  b.sessions.destroy('s')
  const watch = new MeshWatch(a)
  expect((await watch.eventsOf('s')).map(({ event }) => event)).toEqual([
    'session:created',
    'session:destroyed',
  ])
})
