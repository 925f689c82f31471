/**
 * Multicast DNS on one network interface. A host has several (the LAN, a VPN, Docker's bridges), and a socket sends
 * multicast to one of them only.
 */

import { createHash } from 'node:crypto'
import type { Socket } from 'node:dgram'
import { EventEmitter } from 'node:events'
import { BlockList } from 'node:net'
import { Bonjour, Browser, type Service } from 'bonjour-service'
import { formatAddress, systemInterfaces } from '../address.js'
import type { Announcement } from './discovery.js'
import { Gate, gatedSocket } from './gate.js'

const MULTICAST = '224.0.0.251'
const TYPE = 'sessionmesh'
const PROTOCOL = '1'
/** Services in one packet: a member has one. Reading them takes the square of their number. */
const MAX_SERVICES = 8
const MAX_NAME = 200
/** Answers a second: whoever asks is answered at once, and so are all others who have just asked. */
const MAX_ANSWERS = 20
const SERVICE = `_${TYPE}._tcp.local`
/** When it asks, in ms after its start; then once a period. The first packets of a network are lost at times. */
const ASKS_MS = [0, 100, 300, 700, 1_500, 3_000, 6_000]
export const PERIOD_MS = 10_000

/** An IPv4 network of this host. */
export interface Interface {
  readonly name: string
  readonly address: string
  /** As in `10.0.0.7/24`. */
  readonly cidr: string
  readonly mac: string
  readonly isLoopback: boolean
}

export interface NetworkEvents {
  /** A member of this cluster is said to be at `address`. */
  heard(address: string, member: string): void
  failed(message: string): void
}

/** Multicast DNS has IPv6 too, but a LAN without IPv4 is rare, and link-local addresses need a scope to be dialled. */
export function interfaces(): Interface[] {
  return Object.entries(systemInterfaces()).flatMap(([name, addresses = []]) => {
    const v4 = addresses.filter(({ family }) => family === 'IPv4')
    return v4.map(({ address, cidr, internal, mac }) => {
      return { name, address, cidr: cidr ?? `${address}/32`, mac, isLoopback: internal }
    })
  })
}

export class Network {
  readonly #self: Announcement
  readonly #events: NetworkEvents
  readonly #address: string
  readonly #socket: Socket
  readonly #bonjour: Bonjour
  readonly #mdns: Mdns
  #answers = { second: 0, count: 0 }
  #timer: NodeJS.Timeout | undefined
  #asked = 0
  #isBound = false
  #isStopped = false

  constructor({ address, cidr }: Interface, self: Announcement, events: NetworkEvents) {
    this.#self = self
    this.#events = events
    const fail = (error: Error) => this.#fail(error)
    this.#address = address
    this.#socket = gatedSocket(new Gate(isWithin(cidr)))
    this.#socket.once('listening', () => {
      this.#isBound = true
    })
    // (A socket that is bound to the address of its interface would receive no multicast.)
    const options = { interface: address, bind: '0.0.0.0', socket: this.#socket } as object
    this.#bonjour = new Bonjour(options, fail)
    const { server } = this.#bonjour as unknown as { server: Server }
    this.#mdns = server.mdns
    // It would answer each of a thousand questions in one packet.
    this.#mdns.removeAllListeners('query')
    this.#mdns.on('query', ({ questions }) => {
      const ours = questions.slice(0, MAX_SERVICES).find(({ name }) => name.toLowerCase() === SERVICE)
      if (ours !== undefined && this.#mayAnswer()) server.respondToQuery({ questions: [ours] })
    })
    this.#mdns.on('error', fail)
    this.#mdns.on('response', (packet, from) => this.#onResponse(packet, from.address))
    this.#bonjour.publish({
      // Unique, or living namesakes would be seen to go down. So there is no need to look for one first either.
      name: self.id,
      // (Its own would be the host's name, which may be no name in DNS.)
      host: `${self.id}.local`,
      probe: false,
      type: TYPE,
      port: self.port,
      txt: { cluster: tagOf(self.cluster), id: self.id, protocol: PROTOCOL },
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
    if (this.#isBound) this.#joinAgain()
    this.#mdns.query(SERVICE, 'PTR')
    const [lastMs = 0, nextMs = lastMs + PERIOD_MS] = ASKS_MS.slice(this.#asked)
    this.#asked = Math.min(this.#asked + 1, ASKS_MS.length - 1)
    this.#timer = setTimeout(() => this.#ask(), nextMs - lastMs).unref()
  }

  /** An interface may have been made anew under its old name and address, and membership goes with the old one. */
  #joinAgain(): void {
    for (const act of ['dropMembership', 'addMembership'] as const)
      try {
        this.#socket[act](MULTICAST, this.#address)
      } catch {
        // It is not a member, or not there: asked for again with the next question.
      }
    try {
      this.#socket.setMulticastInterface(this.#address)
    } catch {
      // As above.
    }
  }

  #mayAnswer(): boolean {
    const second = Math.floor(performance.now() / 1_000)
    if (second !== this.#answers.second) this.#answers = { second, count: 0 }
    return ++this.#answers.count <= MAX_ANSWERS
  }

  #onResponse(packet: Packet, from: string): void {
    if (this.#isStopped) return
    for (const { name, port, txt } of servicesIn(packet, from)) {
      if (txt?.cluster !== tagOf(this.#self.cluster) || txt.id !== name || name === this.#self.id) continue
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
  const records = [...packet.answers, ...packet.additionals].filter(({ name }) => name.length <= MAX_NAME)
  const ptrs = records.filter(({ type, name }) => type === 'PTR' && name.toLowerCase() === SERVICE)
  const services = ptrs.filter(({ data }) => typeof data === 'string' && data.length <= MAX_NAME)
  if (services.length === 0) return []
  // Addresses in it are of no use, and a host may have hundreds.
  const told = records.filter(({ type }) => type === 'SRV' || type === 'TXT')
  const answers = [...services.slice(0, MAX_SERVICES), ...told.slice(0, 2 * MAX_SERVICES)]
  const source = Object.assign(new EventEmitter(), { query: () => {} })
  const browser = new Browser(source, { type: TYPE })
  source.emit('response', { answers, additionals: [] }, { address: from })
  browser.stop()
  return browser.services
}

function isWithin(cidr: string): (host: string) => boolean {
  const [address = '', bits] = cidr.split('/')
  const list = new BlockList()
  list.addSubnet(address, Number(bits), 'ipv4')
  return (host) => list.check(host, 'ipv4')
}

/** Ends at the latest after so many ms, and at once if it can't be done. */
function within(ms: number, act: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    const done = () => {
      clearTimeout(timer)
      resolve()
    }
    try {
      act(done)
    } catch {
      done()
    }
  })
}

/** TXT records hold a little text without control characters: of other names of clusters a digest is told. */
function tagOf(cluster: string): string {
  if (/^[\w .:/-]{1,100}$/.test(cluster)) return cluster
  return `sha256 ${createHash('sha256').update(cluster).digest('base64url')}`
}

interface Entry {
  readonly type: string
  readonly name: string
  readonly data?: unknown
}

interface Packet {
  readonly answers: readonly Entry[]
  readonly additionals: readonly Entry[]
}

interface Query {
  readonly questions: readonly { readonly name: string; readonly type: string }[]
}

interface Server {
  readonly mdns: Mdns
  respondToQuery(query: Query): void
}

/** What bonjour-service stands on, and does not show in its types. */
interface Mdns extends EventEmitter {
  query(name: string, type: 'PTR'): void
  on(event: 'error', listener: (error: Error) => void): this
  on(event: 'query', listener: (query: Query) => void): this
  on(event: 'response', listener: (packet: Packet, from: { address: string }) => void): this
}
