/**
 * One wire per ordered pair of members. Which of two members dialled the link that lives is the protocol's
 * business, so everything here is said in terms of who sends to whom, and done on both wires of the pair.
 */

import { onCleanUp } from './cleanup.js'
import { freePorts } from './ports.js'
import { type Direction, TcpProxy } from './tcp-proxy.js'

export class Wires {
  readonly #ports: ReadonlyMap<string, number>
  readonly #wires = new Map<string, TcpProxy>()

  private constructor(ports: ReadonlyMap<string, number>) {
    this.#ports = ports
  }

  /** `ports`: where each member listens, by its name. */
  static async between(ports: ReadonlyMap<string, number>): Promise<Wires> {
    const wires = new Wires(ports)
    onCleanUp(() => wires.close())
    for (const dialler of ports.keys()) {
      for (const [listener, port] of ports) {
        if (listener === dialler) continue
        const [own] = await freePorts(1)
        const wire = new TcpProxy(own!, port)
        await wire.open()
        wires.#wires.set(key(dialler, listener), wire)
      }
    }
    return wires
  }

  /** For `redirectDials` in the process of `dialler`. */
  routesOf(dialler: string): Record<string, number> {
    const routes: Record<string, number> = {}
    for (const [listener, port] of this.#ports) {
      if (listener !== dialler) routes[String(port)] = this.#wire(dialler, listener).port
    }
    return routes
  }

  /** Drops what links `a` and `b`, and refuses new links between them. */
  async cut(a: string, b: string): Promise<void> {
    await Promise.all([this.#wire(a, b).cut(), this.#wire(b, a).cut()])
  }

  /** Lets links between `a` and `b` through again, whatever was done to them. */
  async heal(a: string, b: string): Promise<void> {
    this.release(a, b)
    this.release(b, a)
    await Promise.all([this.#wire(a, b).open(), this.#wire(b, a).open()])
  }

  /** Cuts `name` off from all others. */
  async isolate(name: string): Promise<void> {
    await Promise.all(this.#others(name).map((other) => this.cut(name, other)))
  }

  async healAll(name: string): Promise<void> {
    await Promise.all(this.#others(name).map((other) => this.heal(name, other)))
  }

  /** Silence from `from` to `to`: nothing is lost, nothing arrives. */
  hold(from: string, to: string): void {
    this.#each(from, to, (wire, direction) => wire.hold(direction))
  }

  /** Silence once `bytes` more went from `from` to `to` on one of the wires. */
  holdAfter(from: string, to: string, bytes: number): void {
    this.#each(from, to, (wire, direction) => wire.holdAfter(direction, bytes))
  }

  release(from: string, to: string): void {
    this.#each(from, to, (wire, direction) => wire.release(direction))
  }

  isHeld(from: string, to: string): boolean {
    return this.#wire(from, to).isHeld('forward') || this.#wire(to, from).isHeld('backward')
  }

  throttle(from: string, to: string, bytesPerSecond: number): void {
    this.#each(from, to, (wire, direction) => wire.throttle(direction, bytesPerSecond))
  }

  delay(from: string, to: string, delayMs: number): void {
    this.#each(from, to, (wire, direction) => wire.delay(direction, delayMs))
  }

  /** Resets what links the two, once `bytes` more went from `from` to `to`: wherever in a frame that is. */
  resetAfter(from: string, to: string, bytes: number): void {
    this.#each(from, to, (wire, direction) => wire.resetAfter(direction, bytes))
  }

  /** For a member that is down: who dials it is refused, as without a wire. */
  refuse(name: string): void {
    for (const other of this.#others(name)) this.#wire(other, name).refuse()
  }

  /** Ends `refuse`. */
  async accept(name: string): Promise<void> {
    await Promise.all(this.#others(name).map((other) => this.#wire(other, name).open()))
  }

  /** All wires as they were at the start. */
  async healEverything(): Promise<void> {
    for (const from of this.#ports.keys()) {
      for (const to of this.#others(from)) {
        this.delay(from, to, 0)
        this.throttle(from, to, Number.POSITIVE_INFINITY)
        this.release(from, to)
      }
    }
    await Promise.all([...this.#wires.values()].map((wire) => wire.open()))
  }

  /** Bytes that went from `from` to `to` since the start. */
  bytes(from: string, to: string): number {
    return this.#wire(from, to).bytes('forward') + this.#wire(to, from).bytes('backward')
  }

  /** Connections between the two that are open now. */
  connections(a: string, b: string): number {
    return this.#wire(a, b).connections + this.#wire(b, a).connections
  }

  async close(): Promise<void> {
    await Promise.all([...this.#wires.values()].map((wire) => wire.cut()))
  }

  #each(from: string, to: string, act: (wire: TcpProxy, direction: Direction) => void): void {
    act(this.#wire(from, to), 'forward')
    act(this.#wire(to, from), 'backward')
  }

  #others(name: string): string[] {
    return [...this.#ports.keys()].filter((other) => other !== name)
  }

  #wire(dialler: string, listener: string): TcpProxy {
    const wire = this.#wires.get(key(dialler, listener))
    if (wire === undefined) throw new Error(`no wire from ${dialler} to ${listener}`)
    return wire
  }
}

function key(dialler: string, listener: string): string {
  return `${dialler}>${listener}`
}
