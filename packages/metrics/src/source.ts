/** One member whose metrics are told somewhere, and the checks of what the user gave. */

import type { Cluster } from 'sessionmesh'
import { badOption, checkNames } from 'sessionmesh/adapter'
import type { View } from './definitions.js'
import { TrafficMeter } from './traffic.js'

/** What `metrics()` returns. */
export interface Registered {
  /** Takes back what `metrics()` registered. Idempotent. */
  stop(): void
}

/**
 * What all metrics are labelled with. The cluster, since a process may be a member of several; and the member by its name,
 * since that is what links, logs and people call it, and since several members may tell at one place, as workers of one
 * process do.
 */
export interface Identity {
  readonly cluster: string
  readonly member: string
}

export class Source {
  readonly identity: Identity
  readonly #cluster: Cluster
  readonly #traffic = new TrafficMeter()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.identity = { cluster: cluster.name, member: cluster.self.name }
  }

  read(): View {
    const status = this.#cluster.status()
    return { status, traffic: this.#traffic.read(status) }
  }
}

/** The sources that tell at each place: a registry of prom-client, or a meter. */
export class Places<Place extends object> {
  readonly #sources = new WeakMap<Place, Set<Source>>()

  /** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` when one of that name tells there already: series would be one */
  add(place: Place, source: Source, where: string): void {
    const sources = this.of(place)
    const { cluster, member } = source.identity
    for (const { identity } of sources)
      if (identity.cluster === cluster && identity.member === member)
        throw badOption(
          `metrics() of ${member} in cluster ${cluster} is called twice for the same ${where}: call stop() of the first one before, or give the members different memberNames`,
        )
    sources.add(source)
  }

  of(place: Place): Set<Source> {
    const sources = this.#sources.get(place) ?? new Set()
    this.#sources.set(place, sources)
    return sources
  }
}

/**
 * @param isPlace whether it is what `option` has to be
 * @throws SessionMeshError `SESSIONMESH_BAD_OPTION`
 */
export function checkArguments(
  cluster: Cluster,
  options: object,
  option: string,
  isPlace: (given: unknown) => boolean,
  mend: string,
): void {
  if (typeof cluster?.status !== 'function')
    throw badOption(
      'The first argument of metrics() must be what joinCluster() resolves with: await it first',
    )
  if (typeof options !== 'object' || options === null)
    throw badOption(`metrics() takes an object as its second argument, as in { ${option} }`)
  if (isPlace(options)) throw badOption(`metrics() takes an object: give { ${option} } instead of it`)
  checkNames(options, [option], '', ' of metrics()')
  const given: unknown = (options as Record<string, unknown>)[option]
  if (given !== undefined && !isPlace(given)) throw badOption(`${option} must be ${mend}`)
}
