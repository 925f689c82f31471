/** Links in memory: frames arrive after a moment, in order. Each end is the agent's `Link`. */

import type { World } from '../sim/world.js'
import { type Link, LinkMeter } from './agent.js'

/** Who is at an end. */
export interface Owner {
  frame(end: End, frame: Uint8Array): void
  closed(end: End, reason: string): void
}

const DELAY_MS = 0.3

export class End implements Link {
  readonly id: number
  readonly dialled: string | undefined
  readonly remoteHost = '10.0.0.1'
  readonly proof: Link['proof'] = {
    credentials: { keyring: { cluster: 'fuzz', keys: [] } },
    identities: [],
  }
  readonly meter: Link['meter'] = new LinkMeter()
  readonly owner: Owner
  peer!: End
  isOpen = true
  /** Who is here takes nothing: it stays with the sender. */
  isClogged = false
  bufferedBytes = 0
  readonly #world: World

  constructor(world: World, id: number, owner: Owner, dialled: string | undefined) {
    this.#world = world
    this.id = id
    this.owner = owner
    this.dialled = dialled
  }

  send(frame: Uint8Array): void {
    if (!this.isOpen) return
    this.meter.sent(frame.length)
    if (this.peer.isClogged) {
      this.bufferedBytes += frame.length
      return
    }
    this.#world.after(DELAY_MS, () => {
      if (this.peer.isOpen) this.peer.owner.frame(this.peer, frame)
    })
  }

  /** (Who is clogged gives room no more.) */
  onHanded(then: () => void): void {
    if (this.isOpen && this.bufferedBytes === 0) this.#world.after(DELAY_MS, () => this.isOpen && then())
  }

  get isSafe(): boolean {
    return this.bufferedBytes === 0
  }

  onSafe(then: () => void): void {
    this.onHanded(then)
  }

  close(reason: string): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#world.after(DELAY_MS, () => {
      this.owner.closed(this, reason)
      if (!this.peer.isOpen) return
      this.peer.isOpen = false
      this.peer.owner.closed(this.peer, reason)
    })
  }

  terminate(): void {
    this.close('the connection was lost')
  }
}

export class Wires {
  readonly #world: World
  #lastId = 0

  constructor(world: World) {
    this.#world = world
  }

  /** Returns the end of who dialled. */
  connect(from: Owner, to: Owner, address: string): End {
    const dialler = new End(this.#world, ++this.#lastId, from, address)
    const acceptor = new End(this.#world, ++this.#lastId, to, undefined)
    dialler.peer = acceptor
    acceptor.peer = dialler
    return dialler
  }
}
