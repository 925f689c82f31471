/** What a scrape of prom-client's registry says of real members. */

import { Counter, register as globalRegister, Registry } from 'prom-client'
import type { Cluster } from 'sessionmesh'
import { afterEach, expect, test, vi } from 'vitest'
import { cleanUp, onCleanUp } from '../../../test/support/cleanup.js'
import { join, joinAll, linked } from '../../../test/support/local-cluster.js'
import { until } from '../../../test/support/wait.js'
import { metrics } from './prometheus.js'

afterEach(cleanUp)

const badOption = (message: RegExp) =>
  expect.objectContaining({ code: 'SESSIONMESH_BAD_OPTION', message: expect.stringMatching(message) })

/** All series, as in `sessionmesh_members{state="alive"}`, without the labels that all have. */
async function scraped(register: Registry): Promise<Record<string, number>> {
  const lines = (await register.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, labels, value] = /^(\w+)\{(.*)\} (\S+)$/.exec(line)!
      const own = labels!.split(',').filter((label) => !/^(cluster|member)=/.test(label))
      return [own.length === 0 ? name! : `${name}{${own}}`, Number(value)]
    }),
  )
}

function registered(cluster: Cluster): Registry {
  const register = new Registry()
  metrics(cluster, { register })
  return register
}

test('what a member just did, and what its peers have of it, is in the next scrape', async () => {
  const [a, b] = (await joinAll(2)) as [Cluster, Cluster]
  const ofA = registered(a)
  const ofB = registered(b)
  a.sessions.write('ada', { user: 'ada' })
  a.sessions.write('grace', { user: 'grace' })
  a.sessions.touch('ada')
  a.sessions.destroy('grace')
  expect(await scraped(ofA)).toMatchObject({
    sessionmesh_sessions: 1,
    sessionmesh_tombstones: 1,
    sessionmesh_ready: 1,
    sessionmesh_writes_total: 2,
    sessionmesh_touches_total: 1,
    'sessionmesh_members{state="alive"}': 2,
    'sessionmesh_members{state="suspect"}': 0,
    'sessionmesh_members{state="dead"}': 0,
    'sessionmesh_members{state="left"}': 0,
  })
  const atB = await until('b has merged it', async () => {
    const series = await scraped(ofB)
    return series.sessionmesh_deltas_merged_total! >= 2 ? series : undefined
  })
  expect(atB).toMatchObject({ sessionmesh_sessions: 1, sessionmesh_writes_total: 0 })
  const lag = (percentile: string) => atB[`sessionmesh_link_lag_seconds{peer="a",percentile="${percentile}"}`]
  expect(lag('50')).toBeGreaterThanOrEqual(0)
  expect(lag('99')).toBeGreaterThanOrEqual(lag('50')!)
  // Seconds, not milliseconds: nothing takes so long here.
  expect(lag('99')).toBeLessThan(5)
  const [toA] = b.status().links
  expect(toA!.receivedBytes).toBeGreaterThan(0)
  expect(await scraped(ofB)).toMatchObject({
    'sessionmesh_link_io_bytes_total{peer="a",direction="transmit"}': toA!.sentBytes,
    'sessionmesh_link_io_bytes_total{peer="a",direction="receive"}': toA!.receivedBytes,
    'sessionmesh_link_frames_total{peer="a",direction="transmit"}': toA!.sentFrames,
    'sessionmesh_link_frames_total{peer="a",direction="receive"}': toA!.receivedFrames,
    'sessionmesh_link_buffered_bytes{peer="a"}': 0,
  })
})

test('a member that left is counted as such; there is no link to it, and what went over it stays', async () => {
  const [a, b, c] = (await joinAll(3)) as [Cluster, Cluster, Cluster]
  const register = registered(a)
  const link = 'sessionmesh_link_io_bytes_total{peer="c",direction="receive"}'
  const before = await scraped(register)
  await c.close()
  await until('a knows', () => a.status().links.length === 1)
  await linked([a, b])
  const after = await scraped(register)
  expect(after).toMatchObject({
    'sessionmesh_members{state="alive"}': 2,
    'sessionmesh_members{state="left"}': 1,
    sessionmesh_takeovers_total: 1,
  })
  expect(after[link]).toBeGreaterThanOrEqual(before[link]!)
  expect(before).toHaveProperty(['sessionmesh_link_buffered_bytes{peer="c"}'])
  expect(after).not.toHaveProperty(['sessionmesh_link_buffered_bytes{peer="c"}'])
  a.drain()
  expect(await scraped(register)).toMatchObject({ sessionmesh_ready: 0 })
})

test('every counter of a status is there under a name of its own, with its value', async () => {
  const cluster = await join({ memberName: 'a', listen: { host: '127.0.0.1', port: 0 } })
  const status = cluster.status()
  const names = Object.keys(status.counters)
  // Each its own number, so that none can stand for another.
  const counters = Object.fromEntries(names.map((name, i) => [name, 1_000 + i]))
  const strangers = { admitted: 2_000, refused: 2_001 }
  vi.spyOn(cluster, 'status').mockReturnValue({
    ...status,
    counters: counters as typeof status.counters,
    strangers,
  })
  const series = await scraped(registered(cluster))
  const values = Object.values(series)
  expect(names.filter((name) => !values.includes(counters[name]!))).toEqual([])
  expect(series).toMatchObject({
    sessionmesh_strangers_admitted_total: 2_000,
    sessionmesh_strangers_refused_total: 2_001,
  })
})

test('names, units, types and helps are as Prometheus wants them', async () => {
  const [a] = await joinAll(2)
  const all = await registered(a!).getMetricsAsJSON()
  expect(all.length).toBeGreaterThan(20)
  for (const { name, help, type, values } of all) {
    expect(name).toMatch(/^sessionmesh_[a-z]+(_[a-z]+)*$/)
    expect(name).not.toMatch(/milli|_ms\b|kilo|count$/)
    expect(name.endsWith('_total'), name).toBe(String(type) === 'counter')
    expect(help).toMatch(/^[A-Z1].*\.$/)
    for (const { labels } of values) expect(labels).toMatchObject({ cluster: 'test', member: 'a' })
  }
  expect(new Set(all.map(({ help }) => help)).size).toBe(all.length)
})

test('one scrape reads one status, however many metrics there are', async () => {
  const [a] = await joinAll(1)
  const register = registered(a!)
  const status = vi.spyOn(a!, 'status')
  await register.metrics()
  expect(status).toHaveBeenCalledTimes(1)
  await register.getMetricsAsJSON()
  expect(status).toHaveBeenCalledTimes(2)
  await register.getSingleMetricAsString('sessionmesh_sessions')
  expect(status).toHaveBeenCalledTimes(3)
})

test('several members tell at one registry, and each stops for itself', async () => {
  const [a, b] = (await joinAll(2)) as [Cluster, Cluster]
  const register = new Registry()
  const ofA = metrics(a, { register })
  const ofB = metrics(b, { register })
  const members = async () =>
    (await register.getSingleMetric('sessionmesh_ready')?.get())?.values.map(({ labels }) => labels)
  expect(await members()).toEqual([
    { cluster: 'test', member: 'a' },
    { cluster: 'test', member: 'b' },
  ])
  ofA.stop()
  ofA.stop()
  expect(await members()).toEqual([{ cluster: 'test', member: 'b' }])
  ofB.stop()
  expect(await members()).toBeUndefined()
  expect(register.getMetricsAsArray()).toEqual([])
  // Nothing is in the way of beginning anew.
  metrics(a, { register })
  expect(await members()).toEqual([{ cluster: 'test', member: 'a' }])
})

test('the registry is the global one unless another is given', async () => {
  const [a] = await joinAll(1)
  const { stop } = metrics(a!)
  onCleanUp(stop)
  expect(await globalRegister.metrics()).toContain('sessionmesh_sessions{cluster="test",member="a"} 0')
})

test('a registry that speaks OpenMetrics has the same names', async () => {
  const [a] = await joinAll(1)
  const register = new Registry()
  register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never)
  metrics(a!, { register })
  expect(await register.metrics()).toContain('sessionmesh_writes_total{cluster="test",member="a"} 0\n')
})

test('mistakes are told at once, with what to do', async () => {
  const [a] = (await joinAll(1)) as [Cluster]
  const register = new Registry()
  expect(() => metrics(join({}) as never, { register })).toThrow(badOption(/await it first/))
  expect(() => metrics(a, register as never)).toThrow(badOption(/give \{ register \} instead/))
  expect(() => metrics(a, { registry: register } as never)).toThrow(
    badOption(/registry .*Known are: register/),
  )
  expect(() => metrics(a, { register: {} as Registry })).toThrow(badOption(/register must be a Registry/))
  expect(() => metrics(a, null as never)).toThrow(badOption(/takes an object/))
  metrics(a, { register })
  expect(() => metrics(a, { register })).toThrow(badOption(/a in cluster test is called twice.*stop\(\)/))
  expect(await register.metrics()).toContain('sessionmesh_sessions{')
})

test('where a name is taken nothing is half registered', async () => {
  const [a] = (await joinAll(1)) as [Cluster]
  const register = new Registry()
  const taken = new Counter({ name: 'sessionmesh_writes_total', help: 'Mine.', registers: [register] })
  expect(() => metrics(a, { register })).toThrow(
    badOption(/sessionmesh_writes_total is registered there already/),
  )
  expect(register.getMetricsAsArray()).toEqual([taken])
})
