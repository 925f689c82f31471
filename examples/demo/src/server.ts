/** One server: a process of its own with its own member of the cluster. Started by fleet.ts. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import { joinCluster } from 'sessionmesh'
import { type Report, STATUS_EVERY_MS } from './reports.js'
import { shop } from './shop.js'

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
  })
  const joinMs = performance.now() - started
  const sessions = cluster.sessions.size

  for (const state of ['alive', 'suspect', 'dead', 'left'] as const) {
    cluster.on(`member:${state}`, (member) => tell({ kind: 'verdict', member: member.name, state }))
  }
  cluster.on('takeover', (event) => {
    tell({ kind: 'takeover', member: event.member.name, sessions: event.sessions.length, at: Date.now() })
  })
  cluster.on('warning', ({ code, message }) => tell({ kind: 'warning', code, message }))

  const server = createServer(shop(cluster, options.name, options.cookieSecret))
  let requests = 0
  server.on('request', () => requests++)
  server.listen({ host: '127.0.0.1', port: options.port })
  await once(server, 'listening')
  tell({ kind: 'ready', sessions, joinMs })

  const status = setInterval(() => {
    let owned = 0
    for (const sid of cluster.sessions.keys()) if (cluster.sessions.owner(sid)?.self) owned++
    // A member that came back is a new one with the old name; the last one listed under a name may be the dead.
    const members = cluster
      .members()
      .toSorted((a, b) => Number(a.state === 'alive') - Number(b.state === 'alive'))
    tell({
      kind: 'status',
      requests,
      sessions: cluster.sessions.size,
      owned,
      members: Object.fromEntries(members.map((member) => [member.name, member.state])),
    })
  }, STATUS_EVERY_MS)

  process.once('SIGTERM', async () => {
    clearInterval(status)
    // First the requests under way, then the cluster: it hands over what they wrote.
    server.close()
    await once(server, 'close')
    await cluster.close()
    process.exit(0)
  })
}

serve(JSON.parse(process.env.DEMO_SERVER ?? '{}')).catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error)
  process.send?.({ kind: 'failed', message } satisfies Report, () => process.exit(1))
})
