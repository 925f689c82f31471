/**
 * One direction of one connection through a proxy. The bytes keep their order whatever is done to the wire
 * meanwhile, and the death of the sender is told only behind its last bytes, as a network would.
 */

import type { Socket } from 'node:net'

/** What is done to the bytes that go one way over a wire; all connections of the wire share it. */
export interface Flow {
  /** Bytes that went through since the start. */
  bytes: number
  isHeld: boolean
  holdAtBytes: number
  resetAtBytes: number
  delayMs: number
  bytesPerSecond: number
  /** When a throttled flow may pass its next piece. */
  freeMs: number
}

export function openFlow(): Flow {
  const never = Number.POSITIVE_INFINITY
  return {
    bytes: 0,
    isHeld: false,
    holdAtBytes: never,
    resetAtBytes: never,
    delayMs: 0,
    bytesPerSecond: never,
    freeMs: 0,
  }
}

/** What one wire keeps for a receiver that does not take it; beyond it the sender's own buffers fill up. */
const MAX_QUEUED_BYTES = 256 * 1024
/** A throttled flow passes so many pieces a second. */
const PIECES_PER_SECOND = 20
/** Reading what is there takes a turn or a few. */
const READ_PATIENCE_MS = 1_000

export class Pipe {
  readonly #from: Socket
  readonly #to: Socket
  readonly #flow: Flow
  readonly #onReset: () => void
  readonly #queue: { chunk: Buffer; dueMs: number }[] = []
  #queuedBytes = 0
  #timer: NodeJS.Timeout | undefined
  #hasEnded = false

  constructor(from: Socket, to: Socket, flow: Flow, onReset: () => void) {
    this.#from = from
    this.#to = to
    this.#flow = flow
    this.#onReset = onReset
    readBeforeFailing(from)
    from.on('data', (chunk: Buffer) => this.#onData(chunk))
    from.on('end', () => this.#onEnd())
    from.on('close', () => this.#onEnd())
    to.on('drain', () => this.pump())
    to.on('close', () => this.#stop())
    this.pump()
  }

  get isWaiting(): boolean {
    return this.#queue.length > 0
  }

  /** Passes on what is due; to be called again whenever something was done to the flow. */
  pump(): void {
    clearTimeout(this.#timer)
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      const waitMs = this.#waitMs(head.dueMs)
      if (waitMs > 0) {
        if (waitMs < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.pump(), waitMs)
        break
      }
      this.#pass(head)
    }
    if (this.#flow.isHeld || this.#queuedBytes > MAX_QUEUED_BYTES) this.#from.pause()
    else this.#from.resume()
    if (this.#hasEnded && this.#queue.length === 0 && !this.#flow.isHeld) this.#to.destroySoon()
  }

  #onData(chunk: Buffer): void {
    this.#queue.push({ chunk, dueMs: performance.now() + this.#flow.delayMs })
    this.#queuedBytes += chunk.length
    this.pump()
  }

  #onEnd(): void {
    this.#hasEnded = true
    this.pump()
  }

  #stop(): void {
    clearTimeout(this.#timer)
    this.#queue.length = 0
    this.#queuedBytes = 0
  }

  #waitMs(dueMs: number): number {
    if (this.#flow.isHeld || this.#to.writableNeedDrain) return Number.POSITIVE_INFINITY
    const { bytesPerSecond, freeMs } = this.#flow
    const isThrottled = bytesPerSecond < Number.POSITIVE_INFINITY
    return Math.max(dueMs, isThrottled ? freeMs : 0) - performance.now()
  }

  #pass(head: { chunk: Buffer }): void {
    const flow = this.#flow
    const untilMark = Math.min(flow.holdAtBytes, flow.resetAtBytes) - flow.bytes
    const perPiece = Math.max(1, flow.bytesPerSecond / PIECES_PER_SECOND)
    const bytes = Math.ceil(Math.max(0, Math.min(head.chunk.length, untilMark, perPiece)))
    if (this.#to.writable) this.#to.write(head.chunk.subarray(0, bytes))
    if (bytes === head.chunk.length) this.#queue.shift()
    else head.chunk = head.chunk.subarray(bytes)
    this.#queuedBytes -= bytes
    flow.bytes += bytes
    flow.freeMs = performance.now() + (bytes / flow.bytesPerSecond) * 1_000
    if (flow.bytes >= flow.holdAtBytes) flow.isHeld = true
    if (flow.bytes >= flow.resetAtBytes) {
      flow.resetAtBytes = Number.POSITIVE_INFINITY
      this.#onReset()
    }
  }
}

/**
 * A process that was killed may have left its last bytes unread here. A write to it fails then, and Node would
 * destroy the socket with them: the failure waits until they are read.
 */
function readBeforeFailing(socket: Socket): void {
  const write = socket._write
  const writev = socket._writev
  const readFirst = (callback: (error?: Error | null) => void) => (error?: Error | null) => {
    if (error && !socket.readableEnded && !socket.destroyed) whenRead(socket, () => callback(error))
    else callback(error)
  }
  socket._write = (chunk, encoding, callback) => write.call(socket, chunk, encoding, readFirst(callback))
  if (writev) socket._writev = (chunks, callback) => writev.call(socket, chunks, readFirst(callback))
}

function whenRead(socket: Socket, then: () => void): void {
  const done = () => {
    clearTimeout(timer)
    socket.off('end', done)
    socket.off('close', done)
    then()
  }
  const timer = setTimeout(done, READ_PATIENCE_MS)
  socket.once('end', done)
  socket.once('close', done)
}
