/** Several members in this process, over real sockets: for tests in which nobody has to be killed. */

import { type Cluster, type ClusterEvents, type ClusterOptions, joinCluster, type Logger } from 'sessionmesh'
import { onCleanUp } from './cleanup.js'
import { freePorts } from './ports.js'
import { until } from './wait.js'

export const SECRET = 'for tests only: 8KpX2vQz7RmW4tLd'

/** Joins one member, and closes it at the end of the test. */
export async function join(options: ClusterOptions): Promise<Cluster> {
  const cluster = await joinCluster({ name: 'test', secret: SECRET, peers: [], ...options })
  onCleanUp(() => cluster.close())
  return cluster
}

/** Addresses on which nothing listens yet. */
export async function freeAddresses(count: number): Promise<{ port: number; address: string }[]> {
  return (await freePorts(count)).map((port) => ({ port, address: `127.0.0.1:${port}` }))
}

/** `count` members that name all others, and see each other alive. They leave at the end of the test. */
export async function joinAll(count: number, options: ClusterOptions = {}): Promise<Cluster[]> {
  const places = await freeAddresses(count)
  const peers = places.map(({ address }) => address)
  const clusters = await Promise.all(
    places.map(({ port, address }, i) =>
      join({
        memberName: 'abcdefgh'[i]!,
        ...options,
        listen: { host: '127.0.0.1', port },
        peers: peers.filter((peer) => peer !== address),
      }),
    ),
  )
  await linked(clusters)
  return clusters
}

/** Resolves when each of `clusters` sees exactly these as alive. */
export async function linked(clusters: readonly Cluster[]): Promise<void> {
  const expected = clusters.map(({ self }) => self.id).sort()
  for (const cluster of clusters) {
    await until(`${cluster.self.name} sees all alive`, () => String(aliveIds(cluster)) === String(expected), {
      dump: () => clusters.map((each) => each.status()),
    })
  }
}

export function aliveIds(cluster: Cluster): string[] {
  return cluster
    .members()
    .filter(({ state }) => state === 'alive')
    .map(({ id }) => id)
    .sort()
}

/** All events of that name from now on, in an array that grows. */
export function collect<E extends keyof ClusterEvents>(cluster: Cluster, name: E): ClusterEvents[E][0][] {
  const events: ClusterEvents[E][0][] = []
  cluster.on(name, (...args) => {
    events.push(args[0])
  })
  return events
}

/** A logger that keeps what a person should see. */
export function warningsInto(lines: string[]): Logger {
  const ignore = () => {}
  return { debug: ignore, info: ignore, warn: (line) => lines.push(line), error: (line) => lines.push(line) }
}
