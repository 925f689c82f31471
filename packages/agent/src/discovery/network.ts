/**
 * Multicast DNS on one network interface. A host has several (the LAN, a VPN, Docker's bridges), and a socket sends
 * multicast to one of them only.
 */

import { EventEmitter } from 'node:events'
import { BlockList } from 'node:net'
import { networkInterfaces } from 'node:os'
import { Bonjour, Browser, type Service } from 'bonjour-service'
import { formatAddress } from '../address.js'
import type { Announcement } from './discovery.js'
import { Gate, gatedSocket } from './gate.js'

/** `_sessionmesh._tcp.local` */
const TYPE = 'sessionmesh'
const PROTOCOL = '1'
/** More is no answer of ours: it has one service, and an address record or two for each of its interfaces. */
const MAX_RECORDS = 256
/** When it asks, in ms after its start; then once a period. The first packets of a network are lost at times. */
const ASKS_MS = [0, 100, 300, 700, 1_500, 3_000, 6_000]
export const PERIOD_MS = 10_000

/** An IPv4 network of this host. */
export interface Interface {
  readonly name: string
  readonly address: string
  /** As in `10.0.0.7/24`. */
  readonly cidr: string
  readonly isLoopback: boolean
}

export interface NetworkEvents {
  /** A member of this cluster is said to be at `address`. */
  heard(address: string, member: string): void
  failed(message: string): void
}

/** Multicast DNS has IPv6 too, but a LAN without IPv4 is rare, and link-local addresses need a scope to be dialled. */
export function interfaces(): Interface[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) => {
    const first = addresses.find(({ family }) => family === 'IPv4')
    if (first === undefined) return []
    const { address, cidr, internal } = first
    return [{ name, address, cidr: cidr ?? `${address}/32`, isLoopback: internal }]
  })
}

export class Network {
  readonly #self: Announcement
  readonly #events: NetworkEvents
  readonly #bonjour: Bonjour
  readonly #mdns: Mdns
  #timer: NodeJS.Timeout | undefined
  #asked = 0
  #isStopped = false

  constructor({ address, cidr }: Interface, self: Announcement, events: NetworkEvents) {
    this.#self = self
    this.#events = events
    const fail = (error: Error) => this.#fail(error)
    const socket = gatedSocket(new Gate(isWithin(cidr)))
    // (A socket that is bound to the address of its interface would receive no multicast.)
    const options = { interface: address, bind: '0.0.0.0', socket } as object
    this.#bonjour = new Bonjour(options, fail)
    this.#mdns = (this.#bonjour as unknown as { server: { mdns: Mdns } }).server.mdns
    this.#mdns.on('error', fail)
    this.#mdns.on('response', (packet, from) => this.#onResponse(packet, from.address))
    this.#bonjour.publish({
      // Unique, or living namesakes would be seen to go down. So there is no need to look for one first either.
      name: self.id,
      probe: false,
      type: TYPE,
      port: self.port,
      txt: { cluster: self.cluster, id: self.id, protocol: PROTOCOL },
    })
    this.#ask()
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    clearTimeout(this.#timer)
    // A goodbye that can't be sent is not worth waiting for.
    await within(500, (done) => this.#bonjour.unpublishAll(done))
    await within(500, (done) => this.#bonjour.destroy(done))
  }

  #ask(): void {
    this.#mdns.query(`_${TYPE}._tcp.local`, 'PTR')
    const [lastMs = 0, nextMs = lastMs + PERIOD_MS] = ASKS_MS.slice(this.#asked)
    this.#asked = Math.min(this.#asked + 1, ASKS_MS.length - 1)
    this.#timer = setTimeout(() => this.#ask(), nextMs - lastMs).unref()
  }

  #onResponse(packet: Packet, from: string): void {
    if (this.#isStopped) return
    for (const { name, port, txt } of servicesIn(packet, from)) {
      if (txt?.cluster !== this.#self.cluster || txt.id !== name || name === this.#self.id) continue
      // Where the packet came from is where somebody is; the addresses in it may be of any host, or of none.
      if (port >= 1 && port <= 65_535) this.#events.heard(formatAddress(from, port), name)
    }
  }

  #fail(error: Error): void {
    if (!this.#isStopped) this.#events.failed(error.message)
  }
}

/**
 * Packet by packet: a browser remembers whatever it has heard without bound, and of each service the address from
 * which it came first.
 */
function servicesIn(packet: Packet, from: string): Service[] {
  const records = packet.answers.length + packet.additionals.length
  if (records > MAX_RECORDS || !packet.answers.some(({ type }) => type === 'PTR')) return []
  const source = Object.assign(new EventEmitter(), { query: () => {} })
  const browser = new Browser(source, { type: TYPE })
  source.emit('response', packet, { address: from })
  browser.stop()
  return browser.services
}

function isWithin(cidr: string): (host: string) => boolean {
  const [address = '', bits] = cidr.split('/')
  const list = new BlockList()
  list.addSubnet(address, Number(bits), 'ipv4')
  return (host) => list.check(host, 'ipv4')
}

/** Ends at the latest after so many ms. */
function within(ms: number, act: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    act(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}

interface Packet {
  readonly answers: readonly { readonly type: string }[]
  readonly additionals: readonly { readonly type: string }[]
}

/** What bonjour-service stands on, and does not show in its types. */
interface Mdns extends EventEmitter {
  query(name: string, type: 'PTR'): void
  on(event: 'error', listener: (error: Error) => void): this
  on(event: 'response', listener: (packet: Packet, from: { address: string }) => void): this
}
