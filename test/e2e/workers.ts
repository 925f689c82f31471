/** Workers of node:cluster, as PM2's cluster mode makes them: each joins, and tells when it sees all of them. */

import cluster from 'node:cluster'
import { joinCluster } from 'sessionmesh'

const [name, workers] = [String(process.argv[2]), Number(process.argv[3])]

if (cluster.isPrimary) {
  process.once('disconnect', () => process.exit(1))
  let linked = 0
  cluster.on('message', () => {
    if (++linked === workers) process.send?.('linked')
  })
  process.once('SIGTERM', () => {
    for (const worker of Object.values(cluster.workers ?? {})) worker?.kill('SIGKILL')
    process.exit(0)
  })
  for (let i = 0; i < workers; i++) cluster.fork()
} else {
  process.once('disconnect', () => process.exit(1))
  const mesh = await joinCluster({ name })
  const tell = () => {
    const alive = mesh.members().filter(({ state }) => state === 'alive')
    if (alive.length === workers) process.send?.('linked')
  }
  mesh.on('member:alive', tell)
  tell()
}
