/** What those ask who run the servers: is it to be restarted, and what does it know? */

import express, { type Express } from 'express'
import type { Cluster } from 'sessionmesh'

/**
 * For a port that users do not reach: `/status` has the names and addresses of all members. (No sessions, nor their ids.)
 *
 * @param joined `undefined` while this server joins
 */
export function health(joined: () => Cluster | undefined): Express {
  const app = express()

  // That it answers says that this process is not stuck. It must not depend on peers: were it to fail in a partition, every
  // server would be restarted at once, and all that they hold in memory be gone.
  app.get('/live', (_req, res) => {
    res.sendStatus(joined()?.self.state === 'left' ? 503 : 200)
  })

  // For people: whom this member sees, what it holds and counted.
  app.get('/status', (_req, res) => {
    const cluster = joined()
    if (cluster === undefined) res.status(503).json({ joining: true })
    else res.json(cluster.status())
  })

  return app
}
