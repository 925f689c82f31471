/** Members on the same LAN, or on the same machine, by multicast DNS: no addresses, no order of starting. */

import { isIPv4, isIPv6 } from 'node:net'
import { isLoopback } from '../address.js'
import { badOption, isObject } from '../errors.js'
import type { Announcement, Discovery, Report, Search } from './discovery.js'
import { Heard } from './heard.js'
import { type Interface, interfaces, Network, PERIOD_MS } from './network.js'

export interface MdnsOptions {
  /** Names or IPv4 addresses of the network interfaces to use. Default: all that this member listens on. */
  readonly interfaces?: readonly string[]
}

/** A member answers at once; on Wi-Fi a packet may wait for the next beacon, or be lost. */
const LOOK_MS = 1_000
/** Interfaces come and go: cables, Wi-Fi, VPNs. */
const INTERFACES_MS = 1_000
const MAX_INTERFACES = 32

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function mdns(options: MdnsOptions = {}): Discovery {
  if (!isObject(options)) throw badOption("mdns takes an object, as in { interfaces: ['eth0'] }")
  const stray = Object.keys(options).find((key) => key !== 'interfaces')
  if (stray !== undefined) throw badOption(`mdns: ${stray} is not an option. Known is: interfaces`)
  const { interfaces: only } = options
  if (only !== undefined && (!Array.isArray(only) || only.length === 0)) {
    throw badOption("mdns: interfaces must be a list of names or addresses, as in ['eth0']")
  }
  return {
    name: 'mDNS',
    source: 'heard',
    start: (self, report) => new MdnsSearch(only, self, report),
  }
}

class MdnsSearch implements Search {
  readonly looked: Promise<void>
  readonly #only: readonly string[] | undefined
  readonly #self: Announcement
  readonly #report: Report
  readonly #networks = new Map<string, Network>()
  readonly #heard = new Heard(PERIOD_MS)
  readonly #timer: NodeJS.Timeout
  #look: NodeJS.Timeout | undefined
  #onStop = () => {}
  /** Networks that are gone, until they have said goodbye. */
  readonly #stopping = new Set<Promise<void>>()
  #isStopped = false
  /** What it has told that it cannot do: once for each network, until that one is made anew. */
  readonly #told = new Set<string>()

  constructor(only: readonly string[] | undefined, self: Announcement, report: Report) {
    this.#only = only
    this.#self = self
    this.#report = report
    this.#useInterfaces()
    this.#timer = setInterval(() => this.#tick(), INTERFACES_MS).unref()
    this.looked = new Promise((resolve) => this.#waitLook(resolve))
  }

  async stop(): Promise<void> {
    if (!this.#isStopped) {
      this.#isStopped = true
      clearInterval(this.#timer)
      clearTimeout(this.#look)
      this.#onStop()
      for (const network of this.#networks.values()) this.#stopNetwork(network)
    }
    await Promise.all(this.#stopping)
  }

  /** A loop that stood still has read nothing of what came meanwhile: then it looks once more. */
  #waitLook(done: () => void): void {
    const since = performance.now()
    const isLate = () => performance.now() - since > 1.25 * LOOK_MS
    this.#onStop = done
    this.#look = setTimeout(() => (isLate() ? this.#waitLook(done) : done()), LOOK_MS).unref()
  }

  #tick(): void {
    this.#useInterfaces()
    for (const address of this.#heard.silent(performance.now())) this.#report.lost(address)
  }

  #useInterfaces(): void {
    const wanted = new Map(this.#wanted().map((one) => [`${one.name} ${one.mac} ${one.cidr}`, one]))
    for (const [key, network] of this.#networks) {
      if (wanted.has(key)) continue
      this.#networks.delete(key)
      this.#told.delete(key)
      this.#stopNetwork(network)
    }
    for (const [key, one] of wanted)
      if (!this.#networks.has(key)) this.#networks.set(key, this.#use(key, one))
    if (this.#networks.size === 0) this.#failed('none', 'there is no IPv4 network to look on')
    else this.#told.delete('none')
  }

  #stopNetwork(network: Network): void {
    const stopping = network.stop().finally(() => this.#stopping.delete(stopping))
    this.#stopping.add(stopping)
  }

  /** A member that listens on one address can be reached there alone. */
  #wanted(): Interface[] {
    const { host } = this.#self
    const isWanted = ({ name, address, isLoopback: isInternal }: Interface) => {
      if (this.#only !== undefined && !this.#only.includes(name) && !this.#only.includes(address))
        return false
      if (isIPv6(host) && host !== '::') return false
      if (isLoopback(host)) return isInternal
      return !isIPv4(host) || host === '0.0.0.0' || host === address
    }
    // (Those with a network behind them first: addresses of services are /32.)
    const isLone = ({ cidr }: Interface) => Number(cidr.endsWith('/32'))
    const wanted = interfaces()
      .filter(isWanted)
      .sort((a, b) => isLone(a) - isLone(b))
    if (wanted.length > MAX_INTERFACES)
      this.#failed('many', `of ${wanted.length} networks ${MAX_INTERFACES} are used; name those that matter`)
    return wanted.slice(0, MAX_INTERFACES)
  }

  #use(key: string, one: Interface): Network {
    return new Network(one, this.#self, {
      heard: (address, member) => this.#onHeard(address, member),
      failed: (message) => this.#failed(key, `on ${one.name} (${one.address}): ${message}`),
    })
  }

  #onHeard(address: string, member: string): void {
    if (this.#isStopped) return
    const { isNews, gone } = this.#heard.add(address, member, performance.now())
    if (gone !== undefined) this.#report.lost(gone)
    if (isNews) this.#report.found(address, member)
  }

  /** Once each: what fails is tried again and again. */
  #failed(what: string, message: string): void {
    if (this.#isStopped || this.#told.has(what)) return
    this.#told.add(what)
    this.#report.failed(`mDNS cannot look everywhere: ${message}`)
  }
}
