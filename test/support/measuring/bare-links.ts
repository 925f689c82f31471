/** Links as the agent makes them (WebSockets over TLS with a pre-shared key), and nothing behind them: the yardstick. */

import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { connect, createSecureContext } from 'node:tls'
import { WebSocket, WebSocketServer } from 'ws'
import { pause } from '../wait.js'
import { machineMs, pace } from './pace.js'
import type { BareBeat, BareFlood, Pace } from './protocol.js'
import { MAX_BUFFERED_BYTES } from './writer.js'

// As in packages/agent/src/acceptor.ts and dial.ts.
const tlsOptions = { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256:PSK' } as const
const psk = Buffer.alloc(32, 'a key of the bench')

export class BareLinks {
  readonly #sockets: WebSocket[] = []
  #received = 0
  #lagsMs: number[] = []

  /** How many messages have come. */
  get received(): number {
    return this.#received
  }

  async listen(): Promise<number> {
    const server = createServer({ ...tlsOptions, pskCallback: () => psk })
    new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket) => this.#add(socket))
    server.listen({ host: '127.0.0.1', port: 0 })
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }

  async dial(ports: readonly number[]): Promise<void> {
    const secureContext = createSecureContext({ ...tlsOptions, ca: [] })
    for (const port of ports) {
      const socket = new WebSocket('wss://bare/', {
        perMessageDeflate: false,
        generateMask: () => {},
        createConnection: () =>
          connect({
            host: '127.0.0.1',
            port,
            secureContext,
            pskCallback: () => ({ identity: 'bare', psk }),
            checkServerIdentity: () => undefined,
          }),
      })
      await once(socket, 'open')
      this.#add(socket)
    }
  }

  /** The same message to each; gives how many of them. */
  async flood({ forMs, perTurn, bytes }: BareFlood): Promise<number> {
    const message = Buffer.alloc(bytes)
    const endMs = performance.now() + forMs
    let messages = 0
    while (performance.now() < endMs) {
      for (let i = 0; i < perTurn; i++) this.#send(message)
      messages += perTurn
      await nextTurn()
      while (this.#sockets.some(({ bufferedAmount }) => bufferedAmount > MAX_BUFFERED_BYTES)) await pause(1)
    }
    return messages
  }

  /** Each message tells when it was sent. */
  pace(rate: Pace, bytes: number): Promise<number> {
    return pace(rate, () => {
      const message = Buffer.alloc(bytes, 'x')
      message.writeDoubleBE(machineMs())
      this.#send(message)
    })
  }

  takeLags(): number[] {
    const lagsMs = this.#lagsMs
    this.#lagsMs = []
    return lagsMs
  }

  /** As heartbeats: one message to each, every so often. */
  async beat({ everyMs, bytes, forMs }: BareBeat): Promise<void> {
    const timer = setInterval(() => this.#send(Buffer.alloc(bytes)), everyMs)
    await pause(forMs)
    clearInterval(timer)
  }

  #add(socket: WebSocket): void {
    this.#sockets.push(socket)
    socket.on('message', (message: Buffer) => this.#onMessage(message))
  }

  #send(message: Buffer): void {
    for (const socket of this.#sockets) socket.send(message, { binary: true }, () => {})
  }

  #onMessage(message: Buffer): void {
    this.#received++
    // (Those of a flood tell none, and those of an idle member may be short.)
    const sentMs = message.length < 8 ? 0 : message.readDoubleBE()
    if (sentMs > 0) this.#lagsMs.push(machineMs() - sentMs)
  }
}
