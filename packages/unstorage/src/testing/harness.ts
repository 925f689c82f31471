/** What the tests of this package share: members on loopback, and waiting by condition. */

import { setTimeout as sleep } from 'node:timers/promises'
import { type Cluster, type ClusterOptions, joinCluster, type Sessions } from 'sessionmesh'
import { onTestFinished } from 'vitest'

let clusters = 0

/** Members of one new cluster, linked to each other. They leave when the test ends. */
export async function join(count: number, options: Partial<ClusterOptions> = {}): Promise<Cluster[]> {
  const name = `unstorage-${process.pid}-${++clusters}`
  const members: Cluster[] = []
  for (let i = 0; i < count; i++) {
    const peers = members.map(({ self }) => self.address)
    const member = await joinCluster({ name, listen: { port: 0 }, peers, ...options })
    members.push(member)
    onTestFinished(() => member.close())
  }
  await until('all members see each other', () =>
    members.every((member) => member.members().filter(({ state }) => state === 'alive').length === count),
  )
  return members
}

/** `cluster` with some of its sessions' methods replaced: to watch them, or to hold them up. */
export function withSessions(cluster: Cluster, replaced: Partial<Sessions>): Cluster {
  const sessions = new Proxy(cluster.sessions, {
    get(target, name) {
      const value: unknown = Reflect.get(Object.hasOwn(replaced, name) ? replaced : target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return new Proxy(cluster, {
    get(target, name) {
      const value: unknown = name === 'sessions' ? sessions : Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 10_000,
): Promise<void> {
  const end = Date.now() + deadlineMs
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`)
    await sleep(5)
  }
}

/** What an error of this project looks like, whatever its text. */
export function coded(code: string): { name: string; code: string } {
  return { name: 'SessionMeshError', code }
}
