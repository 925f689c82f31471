/**
 * The socket of multicast DNS, behind a gate: anybody on the network can send to it, and the libraries that read it
 * have no limits of their own.
 */

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'

/** RFC 6762, section 17, has 9,000; a host with hundreds of addresses tells all of them. */
const MAX_BYTES = 32_000
/** One of a member that is there is enough; it sends some while others start, and then one in some seconds. */
const MAX_PACKETS_PER_SECOND = 20
const MAX_SOURCES = 500

/** Which packets may be read: small ones from nearby, and of each source only so many a second. */
export class Gate {
  readonly #isNear: (host: string) => boolean
  readonly #counts = new Map<string, number>()
  #second = Number.NEGATIVE_INFINITY

  constructor(isNear: (host: string) => boolean) {
    this.#isNear = isNear
  }

  passes(host: string, bytes: number, nowMs: number): boolean {
    if (!this.#isNear(host)) return false
    const second = Math.floor(nowMs / 1_000)
    if (second !== this.#second) this.#counts.clear()
    this.#second = second
    const count = (this.#counts.get(host) ?? 0) + 1
    const isKnown = count > 1 || this.#counts.size < MAX_SOURCES
    if (isKnown) this.#counts.set(host, count)
    return isKnown && bytes <= MAX_BYTES && count <= MAX_PACKETS_PER_SECOND
  }
}

/** A UDP socket on which what the gate refuses was never received. */
export function gatedSocket(gate: Gate): Socket {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  // Workers of node:cluster would share one socket, and each packet reach one of them.
  const bind: (options: object, done: () => void) => Socket = socket.bind.bind(socket)
  socket.bind = ((port: number, address: string, done: () => void) =>
    bind({ port, address, exclusive: true }, done)) as typeof socket.bind
  const emit: (event: string | symbol, ...args: unknown[]) => boolean = socket.emit.bind(socket)
  socket.emit = (event: string | symbol, ...args: unknown[]) => {
    if (event !== 'message') return emit(event, ...args)
    const [message, from] = args as [Buffer, RemoteInfo]
    return gate.passes(from.address, message.length, performance.now()) && emit(event, ...args)
  }
  return socket
}
