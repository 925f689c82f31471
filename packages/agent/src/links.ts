/**
 * The transport of the agent: authenticated links to other members, accepted and dialled. It knows nothing of
 * the protocol's messages and takes no decisions: whom to dial, which of two crossing links to keep and how long
 * to wait for a peer is the business of the core.
 */
import type { ErrorCode } from '@sessionmesh/core'
import type { WebSocket } from 'ws'
import { Acceptor, type AcceptorOptions } from './acceptor.js'
import type { Address } from './address.js'
import { unmapHost } from './address.js'
import type { Strangers } from './admission.js'
import { Dial, type DialReport } from './dial.js'
import { type Link, type LinkEvents, type LinkOrigin, SocketLink } from './link.js'
import { type Credentials, isStillGood } from './tls.js'

export type { DialReport } from './dial.js'
export type { Link } from './link.js'

/** The same options serve accepted and dialled links. */
export type LinksOptions = AcceptorOptions

export interface LinksEvents extends LinkEvents {
  open(link: Link): void
  /** Exactly once per `dial` that did not end in `open`. */
  dialFailed(address: string, report: DialReport): void
  /**
   * A socket was accepted and refused: why, and the code when it belongs to a member with another secret or
   * cluster name. Anybody who reaches the port can cause it: the caller limits the rate.
   */
  refused(remoteHost: string, message: string, code?: ErrorCode): void
}

const CLOSED = 'This member closed its links.'

export class Links {
  #options: LinksOptions
  readonly #events: LinksEvents
  readonly #acceptor: Acceptor
  readonly #dials = new Set<Dial>()
  readonly #links = new Set<Link>()
  #closing: Promise<void> | undefined
  #onLastClosed: (() => void) | undefined

  constructor(options: LinksOptions, events: LinksEvents) {
    this.#options = options
    this.#events = events
    this.#acceptor = new Acceptor(options, {
      accepted: (socket, from) => this.#open(socket, from),
      refused: (remoteHost, message, code) => events.refused(remoteHost, message, code),
    })
  }

  /**
   * The address that is listened on, with the port that was picked when 0 was asked for.
   *
   * @throws SessionMeshError `SESSIONMESH_PORT_IN_USE`, `SESSIONMESH_LISTEN_FAILED`
   */
  listen(): Promise<Address> {
    return this.#acceptor.listen()
  }

  get strangers(): Strangers {
    return this.#acceptor.strangers
  }

  /** Ends in `open` or `dialFailed`, in a later turn, unless it is given up. */
  dial(address: string): void {
    const dial = new Dial(address, this.#options, {
      open: (socket, from) => {
        this.#dials.delete(dial)
        this.#open(socket, { ...from, dialled: address })
      },
      failed: (failure) => {
        if (this.#dials.delete(dial)) this.#events.dialFailed(address, failure)
      },
    })
    this.#dials.add(dial)
    if (this.#closing !== undefined) dial.cancel(CLOSED)
  }

  /** All dials end now, and nobody hears of it: who asked for them is no more. */
  giveUpDials(): void {
    const dials = [...this.#dials]
    this.#dials.clear()
    for (const dial of dials) dial.cancel('It is not asked for any more.')
  }

  /**
   * From now on these authenticate. Links whose proof is none any more are closed, after what waits for the peer, and it is
   * for the caller to dial anew; what is half open begins anew.
   */
  rekey(credentials: Credentials): void {
    this.#options = { ...this.#options, credentials }
    this.#acceptor.rekey(credentials)
    for (const dial of this.#dials) dial.cancel('The keys of this member were changed meanwhile.')
    for (const link of this.#links)
      if (!isStillGood(link.proof, credentials)) link.close('its key is not accepted any more')
  }

  /** Stops listening, cuts what is left and waits until every socket is gone. Never rejects; idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    for (const dial of this.#dials) dial.cancel(CLOSED)
    for (const link of this.#links) link.terminate()
    const linksClosed = new Promise<void>((resolve) => {
      this.#onLastClosed = resolve
      if (this.#links.size === 0) resolve()
    })
    await Promise.all([this.#acceptor.close(), linksClosed])
  }

  #open(socket: WebSocket, from: LinkOrigin): void {
    const link = new SocketLink(
      socket,
      { ...from, remoteHost: unmapHost(from.remoteHost) },
      {
        frame: (link, frame) => this.#events.frame(link, frame),
        closed: (link, reason, error) => {
          this.#links.delete(link)
          this.#events.closed(link, reason, error)
          if (this.#links.size === 0) this.#onLastClosed?.()
        },
      },
    )
    this.#links.add(link)
    this.#events.open(link)
  }
}
