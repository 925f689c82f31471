/**
 * Holds back what goes out on a socket, so that a response leaves after the writes that it speaks of.
 *
 * `cork()` alone does not do: `end()` of node:http uncorks its socket whatever the count. So while a socket is
 * held, its `uncork` does nothing. The bytes wait in the socket's own buffer, in their order.
 */
import type { Socket } from 'node:net'

interface Held {
  holds: number
  uncork: Socket['uncork']
}

/** On the socket itself: what a WeakMap costs the garbage collector is more than all else here. */
const HELD = Symbol('sessionmesh: held back')

type Holdable = Socket & { [HELD]?: Held | undefined }

/** Holds `socket` back until the function returned has been called. Several holds end with the last of them. */
export function hold(socket: Socket): () => void {
  // A stand-in of some test tool or serverless adapter: nothing to hold.
  if (typeof socket?.cork !== 'function') return () => {}
  const held = (socket as Holdable)[HELD] ?? begin(socket)
  held.holds++
  let released = false
  return () => {
    if (released) return
    released = true
    held.holds--
    if (held.holds === 0) end(socket, held)
  }
}

function begin(socket: Socket): Held {
  const held = { holds: 0, uncork: socket.uncork }
  socket.cork()
  socket.uncork = () => {}
  ;(socket as Holdable)[HELD] = held
  return held
}

function end(socket: Socket, { uncork }: Held): void {
  ;(socket as Holdable)[HELD] = undefined
  socket.uncork = uncork
  for (let corked = socket.writableCorked; corked > 0; corked--) socket.uncork()
}
