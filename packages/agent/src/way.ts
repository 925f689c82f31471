/**
 * How far what was sent on a link has come. The operating system says when it has taken a frame. That the peer has read it is
 * known by pings in between (RFC 6455, 5.5.2): a pong comes when all before its ping was read.
 */

/** A peer's system has room for so much that the peer has not read: 64 KiB at the least, less what TLS adds to each frame. */
const ROOM_BYTES = 48_000
const PING_EVERY_BYTES = 16_000

interface Waiting {
  readonly frames: number
  /** `undefined`: whether it is read does not count. */
  readonly bytes: number | undefined
  readonly then: () => void
}

export class Way {
  /** Since the beginning, as all others here. */
  sentBytes = 0
  #sentFrames = 0
  #handedFrames = 0
  #readBytes = 0
  #pingedBytes = 0
  /** What had been sent when each ping was that is not answered. */
  readonly #pings: number[] = []
  #waiting: Waiting[] = []
  #isEnded = false
  readonly #onHanded = () => {
    this.#handedFrames++
    this.#tell()
  }

  /** Returns what is to be called when the system has taken it. */
  sent(bytes: number): () => void {
    this.sentBytes += bytes
    this.#sentFrames++
    return this.#onHanded
  }

  get isPingDue(): boolean {
    return this.sentBytes - this.#pingedBytes >= PING_EVERY_BYTES
  }

  pinged(): void {
    this.#pingedBytes = this.sentBytes
    this.#pings.push(this.sentBytes)
  }

  /** (Who answers what was not asked tells nothing.) */
  ponged(): void {
    this.#readBytes = this.#pings.shift() ?? this.#readBytes
    this.#tell()
  }

  /** The peer has read what was sent up to there, but for what its system has room for. */
  isRead(bytes: number): boolean {
    return bytes - this.#readBytes <= ROOM_BYTES
  }

  onHanded(then: () => void): void {
    this.#wait({ frames: this.#sentFrames, bytes: undefined, then })
  }

  onSafe(then: () => void): void {
    this.#wait({ frames: this.#sentFrames, bytes: this.sentBytes, then })
  }

  /** Nobody waits for ever. */
  end(): void {
    this.#isEnded = true
    this.#tell()
  }

  #wait(waiting: Waiting): void {
    this.#waiting.push(waiting)
    this.#tell()
  }

  /** (While the socket takes all, ws tells so within the turn: a transfer of a hundred thousand sessions was one turn.) */
  #tell(): void {
    if (this.#waiting.length === 0) return
    this.#waiting = this.#waiting.filter(({ frames, bytes, then }) => {
      const isOver = frames <= this.#handedFrames && (bytes === undefined || this.isRead(bytes))
      if (isOver || this.#isEnded) setImmediate(then)
      return !isOver && !this.#isEnded
    })
  }
}
