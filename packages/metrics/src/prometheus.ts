/** `@sessionmesh/metrics/prometheus`: a cluster's metrics in a registry of prom-client. */

import {
  Counter,
  Gauge,
  register as globalRegister,
  type OpenMetricsContentType,
  type PrometheusContentType,
  type Registry,
} from 'prom-client'
import type { Cluster } from 'sessionmesh'
import { badOption } from 'sessionmesh/adapter'
import { type Definition, definitions, prometheusName, type View } from './definitions.js'
import { checkArguments, type Identity, Places, type Registered, Source } from './source.js'

export type { Registered } from './source.js'

type AnyRegistry = Registry<PrometheusContentType> | Registry<OpenMetricsContentType>

export interface PrometheusOptions {
  /** Where the metrics are registered. Default: prom-client's global registry. */
  register?: AnyRegistry | undefined
}

const places = new Places<AnyRegistry>()

/**
 * Registers the metrics of this process's member, all named `sessionmesh_…`. They are read when they are scraped, all of one
 * scrape from one `cluster.status()`. Several clusters of one process may share a registry: the labels `cluster` and `member`
 * tell them apart.
 *
 * @throws SessionMeshError `SESSIONMESH_BAD_OPTION` for what is no cluster or registry, when it is called twice for the same
 * member and registry, and when a name is taken there
 */
export function metrics(cluster: Cluster, options: PrometheusOptions = {}): Registered {
  checkArguments(
    cluster,
    options,
    'register',
    isRegistry,
    'a Registry of prom-client, or left out for its global one',
  )
  const register = options.register ?? globalRegister
  const source = new Source(cluster)
  const sources = places.of(register)
  if (sources.size === 0) checkNames(register)
  places.add(register, source, 'register')
  if (sources.size === 1) registerAll(register, sources)
  return {
    stop() {
      if (!sources.delete(source) || sources.size > 0) return
      for (const definition of definitions) register.removeSingleMetric(prometheusName(definition))
    },
  }
}

/** Before the first is registered: half of them would help nobody. */
function checkNames(register: AnyRegistry): void {
  const taken = definitions.map(prometheusName).find((name) => register.getSingleMetric(name) !== undefined)
  if (taken !== undefined)
    throw badOption(
      `${taken} is registered there already, and not by this metrics(): is @sessionmesh/metrics installed twice?`,
    )
}

function registerAll(register: AnyRegistry, sources: ReadonlySet<Source>): void {
  const views = onceATurn(() =>
    [...sources].map((source) => ({ identity: source.identity, view: source.read() })),
  )
  for (const definition of definitions) {
    const configuration = {
      name: prometheusName(definition),
      help: definition.help,
      labelNames: ['cluster', 'member', ...definition.labels],
      registers: [register],
    }
    if (definition.kind === 'counter')
      new Counter({
        ...configuration,
        collect() {
          this.reset()
          for (const { labels, value } of points(definition, views())) this.inc(labels, value)
        },
      })
    else
      new Gauge({
        ...configuration,
        collect() {
          this.reset()
          for (const { labels, value } of points(definition, views())) this.set(labels, value)
        },
      })
  }
}

function points(definition: Definition, views: readonly { identity: Identity; view: View }[]) {
  return views.flatMap(({ identity, view }) =>
    definition.read(view).map(({ value, labels }) => ({ value, labels: { ...identity, ...labels } })),
  )
}

/** A registry calls `collect` of all its metrics in one go, and each of them needs the same. */
function onceATurn<T>(read: () => T): () => T {
  let latest: { value: T } | undefined
  return () => {
    if (latest === undefined) {
      latest = { value: read() }
      queueMicrotask(() => {
        latest = undefined
      })
    }
    return latest.value
  }
}

function isRegistry(given: unknown): boolean {
  return typeof (given as Partial<Registry> | null)?.removeSingleMetric === 'function'
}
