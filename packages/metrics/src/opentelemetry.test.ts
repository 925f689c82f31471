/** What the SDK of OpenTelemetry collects of real members. */

import { metrics as otel } from '@opentelemetry/api'
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  MeterProvider,
  type MetricData,
  MetricReader,
} from '@opentelemetry/sdk-metrics'
import { Registry } from 'prom-client'
import type { Cluster } from 'sessionmesh'
import { afterEach, expect, test, vi } from 'vitest'
import { cleanUp, onCleanUp } from '../../../test/support/cleanup.js'
import { join, joinAll } from '../../../test/support/local-cluster.js'
import { until } from '../../../test/support/wait.js'
import { metrics } from './opentelemetry.js'
import { metrics as prometheus } from './prometheus.js'

afterEach(cleanUp)

const badOption = (message: RegExp) =>
  expect.objectContaining({ code: 'SESSIONMESH_BAD_OPTION', message: expect.stringMatching(message) })

class Reader extends MetricReader {
  protected onShutdown = async () => {}
  protected onForceFlush = async () => {}

  async all(): Promise<MetricData[]> {
    const { resourceMetrics, errors } = await this.collect()
    expect(errors).toEqual([])
    return resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)
  }

  /** By name and attributes, those left out that all have. */
  async values(): Promise<Record<string, number>> {
    const series = (await this.all()).flatMap(({ descriptor, dataPoints }) =>
      (dataPoints as DataPoint<number>[]).map(({ attributes, value }): [string, number] => {
        const { cluster, member, ...own } = attributes
        return [[descriptor.name, ...Object.values(own)].join(' '), value]
      }),
    )
    return Object.fromEntries(series)
  }
}

function provider(aggregationTemporality = AggregationTemporality.CUMULATIVE) {
  const reader = new Reader({ aggregationTemporalitySelector: () => aggregationTemporality })
  const meterProvider = new MeterProvider({ readers: [reader] })
  onCleanUp(() => meterProvider.shutdown())
  return { reader, meterProvider, meter: meterProvider.getMeter('test') }
}

test('what a member just did, and what its peers have of it, is in the next collection', async () => {
  const [a, b] = (await joinAll(2)) as [Cluster, Cluster]
  const ofA = provider()
  const ofB = provider()
  metrics(a, { meter: ofA.meter })
  metrics(b, { meter: ofB.meter })
  a.sessions.write('ada', { user: 'ada' })
  a.sessions.write('grace', { user: 'grace' })
  a.sessions.destroy('grace')
  expect(await ofA.reader.values()).toMatchObject({
    'sessionmesh.sessions': 1,
    'sessionmesh.tombstones': 1,
    'sessionmesh.ready': 1,
    'sessionmesh.writes': 2,
    'sessionmesh.members alive': 2,
    'sessionmesh.members dead': 0,
  })
  const atB = await until('b has merged it', async () => {
    const values = await ofB.reader.values()
    return values['sessionmesh.deltas_merged']! >= 2 ? values : undefined
  })
  expect(atB['sessionmesh.link.lag a 99']).toBeGreaterThanOrEqual(atB['sessionmesh.link.lag a 50']!)
  const [toA] = b.status().links
  expect(toA!.receivedBytes).toBeGreaterThan(0)
  expect(await ofB.reader.values()).toMatchObject({
    'sessionmesh.link.io a transmit': toA!.sentBytes,
    'sessionmesh.link.io a receive': toA!.receivedBytes,
    'sessionmesh.link.frames a receive': toA!.receivedFrames,
    'sessionmesh.link.buffered a': 0,
  })
})

test('a link that is gone has no lag any more, though the SDK repeats what it was told', async () => {
  const [a, b] = (await joinAll(2)) as [Cluster, Cluster]
  const { reader, meter } = provider()
  metrics(a, { meter })
  const lag = 'sessionmesh.link.lag b 99'
  // (Below a millisecond a lag may be rounded to nothing.)
  vi.spyOn(a, 'status').mockReturnValueOnce({
    ...a.status(),
    links: a.status().links.map((link) => ({ ...link, lag: { p50Ms: 1, p99Ms: 2, deltas: 1 } })),
  })
  expect(await reader.values()).toMatchObject({ [lag]: 0.002 })
  await b.close()
  await until('a knows', () => a.status().links.length === 0)
  const values = await reader.values()
  expect(values).toMatchObject({ [lag]: 0, 'sessionmesh.members left': 1, 'sessionmesh.members alive': 1 })
  expect(values['sessionmesh.link.io b receive']).toBeGreaterThan(0)
})

test('every counter of a status is there under a name of its own, with its value', async () => {
  const cluster = await join({ memberName: 'a', listen: { host: '127.0.0.1', port: 0 } })
  const status = cluster.status()
  const names = Object.keys(status.counters)
  const counters = Object.fromEntries(names.map((name, i) => [name, 1_000 + i]))
  vi.spyOn(cluster, 'status').mockReturnValue({ ...status, counters: counters as typeof status.counters })
  const { reader, meter } = provider()
  metrics(cluster, { meter })
  const values = Object.values(await reader.values())
  expect(names.filter((name) => !values.includes(counters[name]!))).toEqual([])
})

test('names, units and kinds are as the semantic conventions want them', async () => {
  const [a, b] = (await joinAll(2)) as [Cluster, Cluster]
  b.sessions.write('ada', {})
  await until('a has it, and so a lag', () => a.status().links[0]?.lag)
  const { reader, meter } = provider()
  metrics(a, { meter })
  const all = await reader.all()
  expect(all.length).toBeGreaterThan(20)
  for (const { descriptor, dataPoints } of all) {
    expect(descriptor.name).toMatch(/^sessionmesh(\.[a-z]+(_[a-z]+)*)+$/)
    expect(descriptor.name).not.toMatch(/total|bytes|seconds/)
    expect(descriptor.unit).toMatch(/^(s|By|\{[a-z]+\})$/)
    expect(descriptor.description).toMatch(/^[A-Z1].*\.$/)
    for (const { attributes } of dataPoints)
      expect(attributes).toMatchObject({ cluster: 'test', member: 'a' })
  }
  const kind = (name: string) => {
    const data = all.find(({ descriptor }) => descriptor.name === `sessionmesh.${name}`)
    return data?.dataPointType === DataPointType.SUM ? { isMonotonic: data.isMonotonic } : data?.dataPointType
  }
  expect(kind('writes')).toEqual({ isMonotonic: true })
  expect(kind('link.io')).toEqual({ isMonotonic: true })
  expect(kind('sessions')).toEqual({ isMonotonic: false })
  expect(kind('link.lag')).toBe(DataPointType.GAUGE)
})

test('what OpenTelemetry makes of it for Prometheus is what prom-client tells, but for units that it leaves out', async () => {
  const [a, b] = (await joinAll(2)) as [Cluster, Cluster]
  b.sessions.write('ada', {})
  await until('a has it, and so a lag', () => a.status().links[0]?.lag)
  const { reader, meter } = provider()
  metrics(a, { meter })
  const register = new Registry()
  prometheus(a, { register })
  const { resourceMetrics } = await reader.collect()
  const series = (text: string) =>
    [...text.matchAll(/^(sessionmesh_\w+)\{(.*)\} /gm)]
      .map(
        ([, name, labels]) =>
          `${name}{${labels!
            .split(',')
            .filter((each) => !/^otel_/.test(each))
            .sort()}}`,
      )
      .sort()
  const types = (text: string) =>
    [...text.matchAll(/^# TYPE (sessionmesh_.*)$/gm)].map(([, type]) => type).sort()
  const fromOtel = new PrometheusSerializer().serialize(resourceMetrics)
  const fromClient = await register.metrics()
  const withoutUnits = fromClient.replace(/_(bytes|seconds)\b|_(bytes|seconds)(?=_total)/g, '')
  expect(series(fromOtel)).toEqual(series(withoutUnits))
  expect(types(fromOtel)).toEqual(types(withoutUnits))
})

test('one collection reads one status, however many metrics there are', async () => {
  const [a] = (await joinAll(1)) as [Cluster]
  const { reader, meter } = provider()
  metrics(a, { meter })
  const status = vi.spyOn(a, 'status')
  await reader.all()
  expect(status).toHaveBeenCalledTimes(1)
})

test('several members tell at one meter; who stops is observed no more', async () => {
  const [a, b] = (await joinAll(2)) as [Cluster, Cluster]
  const { reader, meter } = provider(AggregationTemporality.DELTA)
  const ofA = metrics(a, { meter })
  metrics(b, { meter })
  const members = async () => {
    const ready = (await reader.all()).find(({ descriptor }) => descriptor.name === 'sessionmesh.ready')
    return ready?.dataPoints.map(({ attributes }) => attributes.member)
  }
  expect(await members()).toEqual(['a', 'b'])
  ofA.stop()
  ofA.stop()
  expect(await members()).toEqual(['b'])
  metrics(a, { meter })
  expect(await members()).toEqual(['b', 'a'])
})

test('the meter is one of the global provider unless another is given', async () => {
  const { reader, meterProvider } = provider()
  otel.setGlobalMeterProvider(meterProvider)
  onCleanUp(() => otel.disable())
  const [a] = (await joinAll(1)) as [Cluster]
  metrics(a)
  const { resourceMetrics } = await reader.collect()
  const [scope] = resourceMetrics.scopeMetrics
  expect(scope!.scope.name).toBe('@sessionmesh/metrics')
  expect(scope!.metrics.length).toBeGreaterThan(20)
})

test('mistakes are told at once, with what to do', async () => {
  const [a] = (await joinAll(1)) as [Cluster]
  const { meter, meterProvider } = provider()
  expect(() => metrics(undefined as never, { meter })).toThrow(badOption(/await it first/))
  expect(() => metrics(a, meter as never)).toThrow(badOption(/give \{ meter \} instead/))
  expect(() => metrics(a, { meterProvider } as never)).toThrow(badOption(/meterProvider .*Known are: meter/))
  expect(() => metrics(a, { meter: meterProvider as never })).toThrow(badOption(/meter must be a Meter/))
  metrics(a, { meter })
  expect(() => metrics(a, { meter })).toThrow(badOption(/called twice for the same meter.*stop\(\)/))
})
