/**
 * A wire between a dialler and one listener, with the faults of real networks: cut, silent, slow, late, or
 * stuck in one direction. `forward` is dialler to listener, `backward` the other way.
 *
 * Bytes are never lost while a connection lives (TCP would not lose them either): a held direction stops
 * reading, so its sender's buffers fill up, as they do with a peer that stopped.
 */

import { connect, createServer, type Server, type Socket } from 'node:net'

export type Direction = 'forward' | 'backward'

interface Flow {
  bytes: number
  isHeld: boolean
  holdAtBytes: number
  delayMs: number
  bytesPerSecond: number
}

interface Pair {
  dialler: Socket
  listener: Socket
}

export class TcpProxy {
  readonly port: number
  readonly #targetPort: number
  readonly #pairs = new Set<Pair>()
  readonly #flows: Record<Direction, Flow> = { forward: openFlow(), backward: openFlow() }
  #server: Server | undefined
  #dials = 0

  constructor(port: number, targetPort: number) {
    this.port = port
    this.#targetPort = targetPort
  }

  /** Connections that are open through this wire. */
  get connections(): number {
    return this.#pairs.size
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
    this.#server = undefined
    for (const pair of this.#pairs) this.#drop(pair)
    if (server !== undefined) await new Promise<void>((resolve) => server.close(() => resolve()))
  }

  /** Lets nothing more through in that direction, and keeps the connections: silence. */
  hold(direction: Direction): void {
    this.#flows[direction].isHeld = true
    for (const pair of this.#pairs) source(pair, direction).pause()
  }

  /** Holds as soon as `bytes` more have gone through in that direction. */
  holdAfter(direction: Direction, bytes: number): void {
    this.#flows[direction].holdAtBytes = this.#flows[direction].bytes + bytes
  }

  /** Ends `hold` and `holdAfter`; what was held goes on. */
  release(direction: Direction): void {
    this.#flows[direction].isHeld = false
    this.#flows[direction].holdAtBytes = Number.POSITIVE_INFINITY
    for (const pair of this.#pairs) source(pair, direction).resume()
  }

  /** Lets each chunk through only `delayMs` after it came. */
  delay(direction: Direction, delayMs: number): void {
    this.#flows[direction].delayMs = delayMs
  }

  throttle(direction: Direction, bytesPerSecond: number): void {
    this.#flows[direction].bytesPerSecond = bytesPerSecond
  }

  #onDial(dialler: Socket): void {
    this.#dials++
    const listener = connect({ host: '127.0.0.1', port: this.#targetPort, noDelay: true })
    dialler.setNoDelay(true)
    const pair = { dialler, listener }
    this.#pairs.add(pair)
    for (const socket of [dialler, listener]) {
      socket.on('error', () => this.#drop(pair))
      socket.on('close', () => this.#drop(pair))
    }
    this.#pipe(pair, 'forward')
    this.#pipe(pair, 'backward')
  }

  #pipe(pair: Pair, direction: Direction): void {
    const flow = this.#flows[direction]
    const from = source(pair, direction)
    const to = direction === 'forward' ? pair.listener : pair.dialler
    const resume = () => {
      if (!flow.isHeld) from.resume()
    }
    const pass = (chunk: Buffer) => {
      if (!to.writable) return
      if (!to.write(chunk)) {
        from.pause()
        to.once('drain', resume)
      }
    }
    from.on('data', (chunk: Buffer) => {
      flow.bytes += chunk.length
      if (flow.bytes >= flow.holdAtBytes) flow.isHeld = true
      if (flow.isHeld) from.pause()
      if (flow.bytesPerSecond < Number.POSITIVE_INFINITY) {
        from.pause()
        setTimeout(resume, (chunk.length / flow.bytesPerSecond) * 1_000)
      }
      if (flow.delayMs > 0) setTimeout(pass, flow.delayMs, chunk)
      else pass(chunk)
    })
    from.on('end', () => to.end())
    if (flow.isHeld) from.pause()
  }

  #drop(pair: Pair): void {
    this.#pairs.delete(pair)
    pair.dialler.destroy()
    pair.listener.destroy()
  }
}

function openFlow(): Flow {
  const unlimited = Number.POSITIVE_INFINITY
  return { bytes: 0, isHeld: false, holdAtBytes: unlimited, delayMs: 0, bytesPerSecond: unlimited }
}

function source(pair: Pair, direction: Direction): Socket {
  return direction === 'forward' ? pair.dialler : pair.listener
}
