/** Who is measured: sessionmesh, what people use instead, and a floor that replicates nothing. */

import type { Candidate } from './contender.js'
import { meshServers, redisServers, storeServers } from './node-servers.js'
import { whyNoRedis } from './redis.js'
import { tomcatServers, whyNoTomcat } from './tomcat.js'

export const OURS = 'sessionmesh'
/** What the goals speak of. */
export const FLOOR = 'MemoryStore'
export const STORE = 'connect-redis'

/** (As objects of Java they would be another session than the others', and its page a second one to write.) */
const noShop = { whyNoShop: 'its page knows texts and numbers alone' }

export const candidates: readonly Candidate[] = [
  { name: OURS, start: meshServers },
  { name: FLOOR, start: () => storeServers() },
  { name: 'memorystore (npm)', start: () => storeServers({ kind: 'memorystore' }) },
  { name: STORE, whyNot: whyNoRedis, start: redisServers },
  { name: 'Tomcat', whyNot: whyNoTomcat, ...noShop, start: () => tomcatServers('asynchronous') },
  { name: 'Tomcat acknowledged', whyNot: whyNoTomcat, ...noShop, start: () => tomcatServers('acknowledged') },
]
