/**
 * Several hosts on one machine: network namespaces, each with its own addresses, joined by a bridge in a namespace of
 * its own. Nothing of it is to be seen from outside. It needs Linux, root, and `ip` (Debian's iproute2).
 */

import { execFileSync } from 'node:child_process'
import { onCleanUp } from './cleanup.js'
import { IP } from './program.js'

/** Why there can be no such hosts here, for whoever reads that tests were skipped. */
export function whyNoHosts(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces need Linux'
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  try {
    const probe = `smesh-probe-${process.pid}`
    ip('netns', 'add', probe)
    ip('netns', 'del', probe)
  } catch (error) {
    return `network namespaces cannot be made here (is iproute2 there?): ${String(error).trim().split('\n').at(-1)}`
  }
}

let lans = 0

/** A network `10.<net>.0.0/24`, on which hosts have the numbers that they were added with. */
export class Lan {
  readonly #prefix: string
  readonly #net: number
  readonly #switch: string
  readonly #hosts: Host[] = []

  constructor() {
    this.#net = 100 + (lans++ % 100)
    this.#prefix = `smesh-${process.pid}-${lans}`
    this.#switch = `${this.#prefix}-switch`
    onCleanUp(() => this.#remove())
    ip('netns', 'add', this.#switch)
    // A bridge that guesses who wants multicast would hold back some of it.
    ip('-n', this.#switch, 'link', 'add', 'br0', 'type', 'bridge', 'mcast_snooping', '0')
    ip('-n', this.#switch, 'link', 'set', 'br0', 'up')
  }

  /** A host with one interface on this network. */
  host(number = this.#hosts.length + 1, device?: string): Host {
    const host = new Host(`${this.#prefix}-${number}`)
    this.#hosts.push(host)
    this.join(host, number, device)
    return host
  }

  hosts(count: number): Host[] {
    return Array.from({ length: count }, () => this.host())
  }

  /** One more interface of the host, on this network. */
  join(host: Host, number: number, device = `eth${host.interfaces.length}`): void {
    const port = `p${number}`
    ip(
      '-n',
      this.#switch,
      'link',
      'add',
      port,
      'type',
      'veth',
      'peer',
      'name',
      device,
      'netns',
      host.namespace,
    )
    ip('-n', this.#switch, 'link', 'set', port, 'master', 'br0', 'up')
    host.addInterface(device, this.address(number))
  }

  address(number: number): string {
    return `10.${this.#net}.0.${number}`
  }

  #remove(): void {
    for (const host of this.#hosts) host.remove()
    ip('netns', 'del', this.#switch)
  }
}

/** A host with no network but its own loopback. */
export function loneHost(): Host {
  const host = new Host(`smesh-${process.pid}-lone${++lans}`)
  onCleanUp(() => host.remove())
  return host
}

export class Host {
  readonly namespace: string
  readonly interfaces: { readonly device: string; address: string }[] = []

  constructor(namespace: string) {
    this.namespace = namespace
    ip('netns', 'add', namespace)
    this.#ip('link', 'set', 'lo', 'up')
  }

  /** Its first one. */
  get address(): string {
    return this.interfaces[0]?.address ?? '127.0.0.1'
  }

  addInterface(device: string, address: string): void {
    this.interfaces.push({ device, address })
    this.#ip('addr', 'add', `${address}/24`, 'dev', device)
    this.#ip('link', 'set', device, 'up')
  }

  /** More addresses on its first interface. */
  alias(...addresses: string[]): void {
    for (const address of addresses) this.#ip('addr', 'add', `${address}/24`, 'dev', 'eth0')
  }

  /**
   * Has no address on its first interface but this IPv6 one, which is reached from other hosts by the names of their
   * interfaces: `fe80::2%eth0`.
   */
  linkLocalOnly(address: string): void {
    const device = this.interfaces[0]!.device
    // The kernel would add one of its own as soon as it notices the cable.
    this.#ip('link', 'set', device, 'addrgenmode', 'none')
    this.#ip('addr', 'flush', 'dev', device)
    // Until it were proven that nobody else has it, nothing could listen there.
    this.#ip('addr', 'add', `${address}/64`, 'dev', device, 'nodad')
    this.interfaces[0]!.address = address
  }

  /** As when a cable is pulled. */
  linkDown(device = 'eth0'): void {
    this.#ip('link', 'set', device, 'down')
  }

  linkUp(device = 'eth0'): void {
    this.#ip('link', 'set', device, 'up')
  }

  /** As when a lease ends and another one begins. */
  readdress(address: string, device = 'eth0'): void {
    this.#ip('addr', 'flush', 'dev', device)
    this.#ip('addr', 'add', `${address}/24`, 'dev', device)
    const [at] = this.interfaces.filter((one) => one.device === device)
    if (at !== undefined) at.address = address
  }

  /** What this host sends there is lost; what comes from there is not. */
  blackhole(...others: Host[]): void {
    for (const { address } of others) this.#ip('route', 'add', 'blackhole', `${address}/32`)
  }

  unblackhole(...others: Host[]): void {
    for (const { address } of others) this.#ip('route', 'del', 'blackhole', `${address}/32`)
  }

  remove(): void {
    ip('netns', 'del', this.namespace)
  }

  #ip(...args: string[]): void {
    ip('-n', this.namespace, ...args)
  }
}

function ip(...args: string[]): void {
  execFileSync(IP, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
