/**
 * `host:port`, as people write it in configuration and as members tell it to each other. One spelling per
 * address: members compare these texts to know whom they have dialled already.
 */
import { isIPv4, isIPv6 } from 'node:net'
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { SessionMeshError } from '@sessionmesh/core'

export interface Address {
  host: string
  port: number
}

/**
 * Parses `host:port`; IPv6 stands in brackets, as in `[::1]:7373`. Case and surrounding space don't matter, but in
 * the name of a network interface, as in `[fe80::1%enA0]:7373`.
 *
 * @throws SessionMeshError `SESSIONMESH_BAD_ADDRESS`, naming the text and the mend.
 */
export function parseAddress(text: string): Address {
  const bad = (what: string) =>
    new SessionMeshError(
      'SESSIONMESH_BAD_ADDRESS',
      `${JSON.stringify(text)} is not an address: ${what}. Write host:port, as in 10.0.0.7:7373, ` +
        'app-2.internal:7373 or [::1]:7373.',
    )
  if (typeof text !== 'string') throw bad('it is no text')
  const parts = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(lowered(text.trim()))
  if (parts === null) throw bad(whatIsWrong(text.trim()))
  const [, bracketed, plain, digits] = parts
  const port = Number(digits)
  if (port < 1 || port > 65535) throw bad(`port ${digits} is not between 1 and 65535`)
  if (bracketed !== undefined) {
    if (!isIPv6(bracketed)) throw bad(`${JSON.stringify(bracketed)} is not an IPv6 address`)
    return { host: shortest(unmapHost(bracketed)), port }
  }
  const host = plain ?? ''
  if (host === '') throw bad('it has no host')
  if (!isIPv4(host) && !isHostName(host)) throw bad(`${JSON.stringify(host)} is not a host name`)
  return { host, port }
}

/** The text that `parseAddress` reads: IPv6 in brackets and its shortest spelling, an IPv4-mapped address as plain IPv4. */
export function formatAddress(host: string, port: number): string {
  const plain = shortest(unmapHost(lowered(host)))
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`
}

/**
 * One spelling per address: members compare these texts.
 *
 * @throws SessionMeshError `SESSIONMESH_BAD_ADDRESS`
 */
export function canonical(text: string): string {
  const { host, port } = parseAddress(text)
  return formatAddress(host, port)
}

/** Whether only this machine can reach `host`: 127.0.0.0/8, ::1 or localhost. */
export function isLoopback(host: string): boolean {
  const plain = unmapHost(host.toLowerCase())
  return (isIPv4(plain) && plain.startsWith('127.')) || plain === '::1' || plain === 'localhost'
}

/** Whether it means all addresses of a machine: to listen there is to listen everywhere, and nobody can dial it. */
export function isWildcard(host: string): boolean {
  const plain = shortest(unmapHost(host))
  return plain === '' || plain === '0.0.0.0' || plain === '::'
}

/** Whether it leads beyond this machine. What is no address at all does not: its dial tells. */
export function isFar(address: string): boolean {
  try {
    return !isLoopback(parseAddress(address).host)
  } catch {
    return false
  }
}

/** Whether the address is this machine's, with the port that is listened on. */
export function isOwn(address: string, listensOn: number): boolean {
  const { host, port } = parseAddress(address)
  return port === listensOn && (isLoopback(host) || own().some((each) => each.address === host))
}

/** One of this machine's addresses, for people to see: what is listened on is all of them. */
export function shown(port: number): string {
  const far = own().filter(({ internal }) => !internal)
  const [first] = [...far.filter(({ family }) => family === 'IPv4'), ...far]
  return formatAddress(first?.address ?? '127.0.0.1', port)
}

/** Where this machine may be seen by others, with the port that is listened on. */
export function ownAddresses(listensOn: number): string[] {
  return own().map(({ address }) => formatAddress(address, listensOn))
}

function own(): NetworkInterfaceInfo[] {
  return Object.values(systemInterfaces()).flatMap((addresses = []) => addresses)
}

let lastTold: ReturnType<typeof networkInterfaces> = {}

/** By name. A process without a file descriptor left cannot ask the system, which throws: then what it told last. */
export function systemInterfaces(): ReturnType<typeof networkInterfaces> {
  try {
    lastTold = networkInterfaces()
  } catch {
    // As it was, until it can be asked again.
  }
  return lastTold
}

/** A dual-stack socket shows IPv4 peers as `::ffff:a.b.c.d`. */
export function unmapHost(host: string): string {
  const v4 = host.startsWith('::ffff:') ? host.slice('::ffff:'.length) : ''
  return isIPv4(v4) ? v4 : host
}

/** The zone is the name of a network interface of this host, and the system knows it by its case. */
function lowered(text: string): string {
  return text.replace(/^[^%]*/, (all) => all.toLowerCase())
}

/** IPv6 has many spellings. (One with a scope, as in `fe80::1%eth0`, is no host of a URL.) */
function shortest(host: string): string {
  return isIPv6(host) && !host.includes('%') ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host
}

function whatIsWrong(text: string): string {
  if (text.includes(',')) return 'it seems to be several; make each an entry of its own'
  if (text === '') return 'it is empty'
  if (text.includes('://')) return 'it is a URL'
  if (/^\d+$/.test(text)) return 'it has no host'
  if (!text.startsWith('[') && /:.*:/.test(text)) return 'IPv6 needs brackets'
  if (!/:\d*$/.test(text)) return 'it has no port, or one that is not a number'
  return 'its host or port is malformed'
}

/** A last label of digits alone would be read as an IPv4 address, and `isIPv4` has said that it is none. */
function isHostName(host: string): boolean {
  const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/
  const labels = host.replace(/\.$/, '').split('.')
  return host.length <= 253 && labels.every((l) => label.test(l)) && !/^\d+$/.test(labels.at(-1) ?? '')
}
