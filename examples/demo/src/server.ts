/** One server: a process of its own with its own member of the cluster. Started by fleet.ts. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import { dashboard } from '@sessionmesh/dashboard'
import { type Cluster, joinCluster, shutDown } from 'sessionmesh'
import { type Report, STATUS_EVERY_MS, type Status } from './reports.js'
import { shop } from './shop.js'
import { switches } from './switches.js'

/** Passed as JSON in the environment variable `DEMO_SERVER`. */
export interface ServerOptions {
  name: string
  port: number
  meshPort: number
  /** Links of the other members. */
  peers: string[]
  secret: string
  cookieSecret: string
}

// Ctrl-C reaches the whole process group; the parent ends the servers, in order.
process.on('SIGINT', () => {})
// No parent, no demo: also when it was killed and could not say good-bye.
process.once('disconnect', () => process.exit(1))

function tell(report: Report): void {
  // The callback takes the error of a channel that closes at this moment; 'disconnect' follows.
  process.send?.(report, () => {})
}

async function serve(options: ServerOptions): Promise<void> {
  const started = performance.now()
  const cluster = await joinCluster({
    name: 'demo',
    memberName: options.name,
    secret: options.secret,
    listen: { host: '127.0.0.1', port: options.meshPort },
    peers: options.peers,
    sessions: { indexBy: ['user'] },
  })
  const joinMs = performance.now() - started
  const sessions = cluster.sessions.size

  cluster.on('takeover', (event) => {
    tell({ kind: 'takeover', member: event.member.name, sessions: event.sessions.length })
  })
  cluster.on('warning', ({ code, message }) => tell({ kind: 'warning', code, message }))

  const server = createServer()
  let requests = 0
  server.on('request', () => {
    requests++
  })
  // The servers listen on loopback alone, and whoever gets to the proxy may do all that this page can.
  const mesh = dashboard(cluster, { authorize: () => true, reveal: true, actions: switches(tell) })
  server.on('request', shop(cluster, mesh, options.name, options.cookieSecret))
  server.listen({ host: '127.0.0.1', port: options.port })
  await once(server, 'listening')
  tell({ kind: 'ready', sessions, joinMs })

  const tellStatus = () => tell(statusOf(cluster, requests))
  const status = setInterval(tellStatus, STATUS_EVERY_MS)
  for (const state of ['alive', 'suspect', 'dead', 'left'] as const) cluster.on(`member:${state}`, tellStatus)

  process.once('SIGTERM', async () => {
    clearInterval(status)
    await shutDown(server, cluster)
    process.exit(0)
  })
}

function statusOf(cluster: Cluster, requests: number): Status {
  const { sessions } = cluster
  let owned = 0
  for (const sid of sessions.keys()) if (sessions.owner(sid)?.self) owned++
  // A server that came back is a new member with the old name: of two with one name the living one counts.
  const members = cluster
    .members()
    .toSorted((a, b) => Number(a.state === 'alive') - Number(b.state === 'alive'))
  return {
    kind: 'status',
    requests,
    sessions: sessions.size,
    owned,
    members: Object.fromEntries(members.map(({ name, state }) => [name, state])),
    at: Date.now(),
  }
}

serve(JSON.parse(process.env.DEMO_SERVER ?? '{}')).catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error)
  process.send?.({ kind: 'failed', message } satisfies Report, () => process.exit(1))
})
