/** What goes wrong once the answer is given, as acks that do not come in time: it is told, and harms nobody else. */

import type { Socket } from 'node:net'
import type { NextFunction, Request, Response } from 'express'

/**
 * Whoever handles an error last, as Express does, ends the connection of an answer that cannot be changed any more. A proxy keeps
 * it, and has sent the request of somebody else on it by then.
 */
export function keepingConnection(req: Request, res: Response, next: NextFunction): NextFunction {
  return (error?: unknown) => {
    if (error && res.writableEnded && req.httpVersionMajor < 2) req.socket = shown(req.socket)
    next(error)
  }
}

/** As one may look at it, and cannot end it. */
function shown(socket: Socket): Socket {
  const leave = { value: () => socket }
  return Object.create(socket, { destroy: leave, destroySoon: leave, end: leave, resetAndDestroy: leave })
}
