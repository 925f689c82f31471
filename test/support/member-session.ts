/** The session middleware of a member process: it obeys a request's wish for acks, and tells exceptions. */

import { performance } from 'node:perf_hooks'
import { session as meshSession } from '@sessionmesh/express'
import type { RequestHandler } from 'express'
import type { SessionOptions } from 'express-session'
import type { Acks, Cluster } from 'sessionmesh'
import { ACKS_HEADER } from './member-app.js'
import type { MemberSettings } from './member-protocol.js'

/** What the member counted while it opened the session for this request, as JSON of `Exceptions`. */
export const EXCEPTIONS_HEADER = 'x-exceptions'

export interface Exceptions {
  staleReads: number
  lostWrites: number
  /** How long the read waited before it was served. */
  waitedMs: number
}

export function memberSession(
  cluster: Cluster,
  options: SessionOptions,
  { tellsExceptions, route = false }: MemberSettings,
): RequestHandler {
  const middleware = (acks: Acks) => meshSession({ ...options, cluster, acks, route })
  const byAcks = { none: middleware('none'), one: middleware('one'), all: middleware('all') }
  const session: RequestHandler = (req, res, next) => {
    const acks = req.get(ACKS_HEADER)
    return (acks === 'one' || acks === 'all' ? byAcks[acks] : byAcks.none)(req, res, next)
  }
  return tellsExceptions ? telling(session, cluster) : session
}

/**
 * The counters are the member's, not the request's. What they rose by while this read waited is told: its own
 * exception is always among them, another's may be, if it waited at the same time.
 */
function telling(session: RequestHandler, cluster: Cluster): RequestHandler {
  return (req, res, next) => {
    const startMs = performance.now()
    const before = cluster.status().counters
    return session(req, res, (error) => {
      const { staleReads, lostWrites } = cluster.status().counters
      const exceptions: Exceptions = {
        staleReads: staleReads - before.staleReads,
        lostWrites: lostWrites - before.lostWrites,
        waitedMs: performance.now() - startMs,
      }
      // It is called again when something fails as the response ends.
      if (!res.headersSent && exceptions.staleReads + exceptions.lostWrites > 0)
        res.setHeader(EXCEPTIONS_HEADER, JSON.stringify(exceptions))
      next(error)
    })
  }
}
