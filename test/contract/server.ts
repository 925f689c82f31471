/** A member with the contract's site, as a process that can be killed: `server.js FRAMEWORK ADDRESS PEER...`. */

import { joinCluster } from 'sessionmesh'
import { SECRET } from '../support/local-cluster.js'
import type { Framework } from './site.js'

/** What it tells its parent when it serves. */
export interface Told {
  origin: string
}

const [name, address = '', ...peers] = process.argv.slice(2)
const { framework }: { framework: Framework } = await import(`./frameworks/${name}.js`)
const [host = '', port = ''] = address.split(':')
const cluster = await joinCluster({
  name: 'contract',
  secret: SECRET,
  listen: { host, port: Number(port) },
  peers,
  joinTimeoutMs: 10_000,
})
const { origin } = await framework.serve(cluster, {})
const waitForAll = () => {
  if (cluster.members().filter(({ state }) => state === 'alive').length <= peers.length) return
  cluster.off('member:alive', waitForAll)
  process.send?.({ origin } satisfies Told)
}
cluster.on('member:alive', waitForAll)
waitForAll()
