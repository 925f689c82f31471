/**
 * A wire between a dialler and one listener, with the faults of real networks: cut, silent, slow, late, broken
 * off in mid-frame, or stuck in one direction. `forward` is dialler to listener, `backward` the other way.
 *
 * Bytes are never lost while a connection lives (TCP would not lose them either): a held direction stops
 * reading, so its sender's buffers fill up, as they do with a peer that stopped. It does not tell of its
 * sender's death either.
 */

import { connect, createServer, type Server, type Socket } from 'node:net'
import { type Flow, openFlow, Pipe } from './pipe.js'

export type Direction = 'forward' | 'backward'

interface Connection {
  sockets: readonly [dialler: Socket, listener: Socket]
  pipes: Pipe[]
}

export class TcpProxy {
  readonly port: number
  readonly #targetPort: number
  readonly #connections = new Set<Connection>()
  readonly #flows: Record<Direction, Flow> = { forward: openFlow(), backward: openFlow() }
  #server: Server | undefined
  #dials = 0

  constructor(port: number, targetPort: number) {
    this.port = port
    this.#targetPort = targetPort
  }

  /** Connections that are open through this wire. */
  get connections(): number {
    return this.#connections.size
  }

  /** Connections that were ever asked for while the wire was open. */
  get dials(): number {
    return this.#dials
  }

  /** Bytes that went through since the start. */
  bytes(direction: Direction): number {
    return this.#flows[direction].bytes
  }

  isHeld(direction: Direction): boolean {
    return this.#flows[direction].isHeld
  }

  /** Something came that has not gone on yet. */
  isWaiting(direction: Direction): boolean {
    const index = direction === 'forward' ? 0 : 1
    return [...this.#connections].some(({ pipes }) => pipes[index]?.isWaiting)
  }

  /** Starts to accept; also the end of a cut. */
  async open(): Promise<void> {
    if (this.#server !== undefined) return
    const server = createServer((dialler) => this.#onDial(dialler))
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host: '127.0.0.1', port: this.port, exclusive: true }, resolve)
    })
  }

  /** Drops every connection and refuses new ones. */
  async cut(): Promise<void> {
    const server = this.#server
    this.refuse()
    for (const connection of this.#connections) this.#drop(connection, (socket) => socket.destroy())
    if (server !== undefined) await new Promise<void>((resolve) => server.once('close', resolve))
  }

  /** Refuses new connections, as the system does for a port that nobody listens on. What is open stays. */
  refuse(): void {
    this.#server?.close()
    this.#server = undefined
  }

  /** Lets nothing more through in that direction, and keeps the connections: silence. */
  hold(direction: Direction): void {
    this.#change(direction, { isHeld: true })
  }

  /** Holds as soon as `bytes` more have gone through in that direction. */
  holdAfter(direction: Direction, bytes: number): void {
    this.#change(direction, { holdAtBytes: this.#flows[direction].bytes + bytes })
  }

  /** Resets the connection, once, as soon as `bytes` more have gone through: wherever in a frame that is. */
  resetAfter(direction: Direction, bytes: number): void {
    this.#change(direction, { resetAtBytes: this.#flows[direction].bytes + bytes })
  }

  /** Ends `hold`, `holdAfter` and `resetAfter`; what was held goes on. */
  release(direction: Direction): void {
    const never = Number.POSITIVE_INFINITY
    this.#change(direction, { isHeld: false, holdAtBytes: never, resetAtBytes: never })
  }

  /** Lets each chunk through only `delayMs` after it came. */
  delay(direction: Direction, delayMs: number): void {
    this.#change(direction, { delayMs })
  }

  throttle(direction: Direction, bytesPerSecond: number): void {
    this.#change(direction, { bytesPerSecond })
  }

  #change(direction: Direction, change: Partial<Flow>): void {
    Object.assign(this.#flows[direction], change)
    for (const { pipes } of this.#connections) for (const pipe of pipes) pipe.pump()
  }

  #onDial(dialler: Socket): void {
    this.#dials++
    const listener = connect({ host: '127.0.0.1', port: this.#targetPort, noDelay: true })
    dialler.setNoDelay(true)
    const sockets = [dialler, listener] as const
    const connection: Connection = { sockets, pipes: [] }
    this.#connections.add(connection)
    const onReset = () => this.#drop(connection, (socket) => socket.resetAndDestroy())
    for (const socket of sockets) {
      // Its end is told behind its last bytes, see Pipe.
      socket.on('error', () => {})
      socket.on('close', () => {
        if (sockets.every(({ destroyed }) => destroyed)) this.#connections.delete(connection)
      })
    }
    connection.pipes.push(
      new Pipe(dialler, listener, this.#flows.forward, onReset),
      new Pipe(listener, dialler, this.#flows.backward, onReset),
    )
  }

  #drop(connection: Connection, end: (socket: Socket) => unknown): void {
    this.#connections.delete(connection)
    connection.sockets.forEach(end)
  }
}
