/** The contenders on Node: one and the same Express app (test/support/member-app.ts), each with another store. */

import { onCleanUp } from '../../support/cleanup.js'
import { MemberProcess } from '../../support/member-process.js'
import type { StoreSettings } from '../../support/member-protocol.js'
import { freePorts } from '../../support/ports.js'
import { ProcessCluster } from '../../support/process-cluster.js'
import { cpuMicrosOf, total } from '../totals.js'
import { SERVERS, type Servers } from './contender.js'
import { startRedis } from './redis.js'

export async function meshServers(): Promise<Servers> {
  const cluster = await ProcessCluster.start({ members: ['a', 'b', 'c'].slice(0, SERVERS), http: true })
  const members = cluster.all()
  const counters = () => Promise.all(members.map(async (member) => (await member.ask('status')).counters))
  return { urls: urlsOf(members), isSticky: false, counters, cpuMicros: () => cpuMicrosOf(members) }
}

export async function storeServers(store?: StoreSettings): Promise<Servers> {
  const members = await servers(store)
  return { urls: urlsOf(members), isSticky: true, cpuMicros: () => cpuMicrosOf(members) }
}

export async function redisServers(): Promise<Servers> {
  const { port, server, version } = await startRedis()
  const members = await servers({ kind: 'connect-redis', port })
  const cpuMicros = () => total([cpuMicrosOf(members), server.cpuMicros()])
  return { urls: urlsOf(members), isSticky: false, version, cpuMicros }
}

async function servers(store?: StoreSettings): Promise<MemberProcess[]> {
  const ports = await freePorts(SERVERS)
  const members = ports.map(
    (httpPort, i) => new MemberProcess({ name: `server${i}`, httpPort, ...(store && { store }) }),
  )
  onCleanUp(() => Promise.all(members.map((member) => member.end())))
  await Promise.all(members.map((member) => member.start()))
  return members
}

function urlsOf(members: readonly MemberProcess[]): string[] {
  return members.map(({ url }) => url)
}
