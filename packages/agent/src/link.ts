/**
 * A link over one WebSocket, and the contract by which the rest of the agent sees it. A frame is bytes here;
 * what it says is the protocol's business. The socket is authenticated before a link is made of it.
 */
import { SessionMeshError } from '@sessionmesh/core'
import type { RawData, WebSocket } from 'ws'
import { LinkMeter } from './diagnostics/link-meter.js'
import type { Proof } from './tls.js'
import { Turns } from './turns.js'
import { Way } from './way.js'

/** The path and subprotocol that a dialler must ask for. */
export const linkPath = '/sessionmesh'
export const linkProtocol = 'sessionmesh.1'
/** Where certificates authenticate: which keys each end has for all else (`identitiesOf`), with commas. */
export const keysHeader = 'sessionmesh-keys'

export function keysIn(header: string | string[] | undefined): string[] {
  return String(header ?? '').split(',')
}

/** After `close`, how long the peer may take nothing of what is buffered and not answer, before it is cut. */
const closePatienceMs = 1000
/** And how often that patience may be renewed: taking a byte now and then must not hold up our leaving. */
const maxPatience = 10

/** What RFC 6455 leaves for the reason in a close frame. */
const maxReasonBytes = 123

export interface Link {
  /** Unique in this process. */
  readonly id: number
  /** The address as it was dialled; undefined when the link was accepted. */
  readonly dialled: string | undefined
  /** The socket's remote address. */
  readonly remoteHost: string
  /** What waits for the operating system to take it. Unbounded here: the caller cuts a link that is too slow. */
  readonly bufferedBytes: number
  /**
   * All that was sent outlives this process: the system has it, and the peer has read so much of it that its own system has
   * room for the rest. (What is still here when this process dies is thrown away as soon as the peer writes anything.)
   */
  readonly isSafe: boolean
  /** What authenticated it. */
  readonly proof: Proof
  /** What went over it, and how long it took. */
  readonly meter: LinkMeter
  /**
   * Frames leave in order. With nothing buffered, the operating system has a small frame when the call returns; whatever else is sent in the same turn leaves together, one phase of the loop
   * later. So put what belongs together into one frame. The frame must not be changed before it is handed over. Never throws.
   */
  send(frame: Uint8Array): void
  /**
   * `then` runs once, in a later turn: when all that was sent so far is handed over, or the link has ended, so that nobody
   * waits for ever.
   */
  onHanded(then: () => void): void
  /** The same when all that was sent so far is safe. */
  onSafe(then: () => void): void
  /** Sends what is buffered, then closes, with the reason; cuts the link if the peer takes nothing for a second. */
  close(reason: string): void
  /** At once. */
  terminate(): void
}

/** Where a link comes from. */
export interface LinkOrigin {
  readonly dialled?: string
  readonly remoteHost: string
  readonly proof: Proof
}

export interface LinkEvents {
  /**
   * A frame from the peer; none comes after `close` or `terminate`. The bytes are a view into the buffer that
   * the socket was read into, which stays in memory as long as they do: copy what is kept.
   */
  frame(link: Link, frame: Uint8Array): void
  /**
   * Exactly once per link, never within a call of `close` or `terminate`. `reason` is the one given to `close`
   * on either side, else what happened. `error` only for a fault: a frame too large, or one that broke the
   * protocol of the link. A connection that was lost is no fault.
   */
  closed(link: Link, reason: string, error?: Error): void
}

let lastId = 0

/** A link over an open WebSocket. */
export class SocketLink implements Link {
  readonly id = ++lastId
  readonly dialled: string | undefined
  readonly remoteHost: string
  readonly proof: Proof
  readonly meter = new LinkMeter()
  readonly #socket: WebSocket
  readonly #events: LinkEvents
  readonly #way = new Way()
  #ended: { reason: string; error?: Error } | undefined
  #patience: NodeJS.Timeout | undefined

  constructor(socket: WebSocket, from: LinkOrigin, events: LinkEvents) {
    this.dialled = from.dialled
    this.remoteHost = from.remoteHost
    this.proof = from.proof
    this.#socket = socket
    this.#events = events
    // (A pause is about the socket: what ws has read already it still tells.)
    const turns = new Turns({ wait: () => socket.pause(), goOn: () => socket.resume() })
    socket.on('message', (data, isBinary) => turns.run(() => this.#onMessage(data, isBinary)))
    socket.on('error', (error) => turns.run(() => this.#onError(error)))
    socket.on('pong', () => this.#way.ponged())
    socket.on('close', (code, reason) => turns.run(() => this.#onClose(code, reason.toString())))
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount
  }

  get isSafe(): boolean {
    return this.bufferedBytes === 0 && this.#way.isRead(this.#way.sentBytes)
  }

  send(frame: Uint8Array): void {
    this.meter.sent(frame.length)
    this.#socket.send(frame, { binary: true }, this.#way.sent(frame.length))
    if (this.#way.isPingDue && this.#socket.readyState === this.#socket.OPEN) {
      this.#way.pinged()
      this.#socket.ping()
    }
  }

  onHanded(then: () => void): void {
    this.#way.onHanded(then)
  }

  onSafe(then: () => void): void {
    this.#way.onSafe(then)
  }

  close(reason: string): void {
    if (this.#ended !== undefined) return
    this.#ended = { reason }
    this.#socket.close(1000, cutText(reason, maxReasonBytes))
    this.#waitForClose()
  }

  terminate(): void {
    this.#ended ??= { reason: 'cut off here' }
    this.#socket.terminate()
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    if (this.#ended !== undefined) return
    if (isBinary && data instanceof Uint8Array) {
      this.meter.received(data.length)
      this.#events.frame(this, data)
      return
    }
    this.#fail(new SessionMeshError('SESSIONMESH_BAD_FRAME', 'The peer sent text; frames are binary.'))
    this.#socket.close(1003, 'frames are binary')
  }

  /** ws has found a fault in what came, and has sent the peer a close frame that says which. */
  #onError(error: Error & { code?: string }): void {
    this.#fail(
      error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
        ? new SessionMeshError(
            'SESSIONMESH_FRAME_TOO_LARGE',
            'The peer sent a frame larger than this member takes. Give every member the same maxFrameBytes.',
            { cause: error },
          )
        : new SessionMeshError(
            'SESSIONMESH_BAD_FRAME',
            `The peer broke the link's protocol: ${error.message}.`,
            {
              cause: error,
            },
          ),
    )
  }

  #fail(error: SessionMeshError): void {
    if (this.#ended !== undefined) return
    this.#ended = { reason: error.message, error }
    this.#waitForClose()
  }

  #onClose(code: number, reason: string): void {
    clearTimeout(this.#patience)
    const ended = this.#ended ?? endedByPeer(code, reason)
    this.#ended = ended
    this.#way.end()
    this.#events.closed(this, ended.reason, ended.error)
  }

  /** As long as the peer takes what is buffered it has time, within bounds. */
  #waitForClose(renewals = maxPatience): void {
    const left = this.bufferedBytes
    this.#patience = setTimeout(() => {
      if (this.bufferedBytes < left && renewals > 0) this.#waitForClose(renewals - 1)
      else this.#socket.terminate()
    }, closePatienceMs).unref()
  }
}

function endedByPeer(code: number, reason: string): { reason: string; error?: Error } {
  switch (code) {
    case 1000:
      return { reason: reason || 'closed by the peer' }
    case 1005:
    case 1006:
      return { reason: 'the connection was lost' }
    case 1009: {
      const error = new SessionMeshError(
        'SESSIONMESH_FRAME_TOO_LARGE',
        'The peer refused a frame of this member as too large. Give every member the same maxFrameBytes.',
      )
      return { reason: error.message, error }
    }
    default: {
      const error = new SessionMeshError(
        'SESSIONMESH_BAD_FRAME',
        `The peer refused a frame of this member (code ${code}): ${reason || 'no reason given'}.`,
      )
      return { reason: error.message, error }
    }
  }
}

/** At most `maxBytes` of UTF-8, without half a character at the end. */
function cutText(text: string, maxBytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes))
  return text.slice(0, read)
}
