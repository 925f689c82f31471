/**
 * How many sockets of strangers are looked at. TLS costs work before anybody has proven anything: some 0.4 ms for a
 * handshake that fails, 0.07 ms for a socket that says nothing, against 0.02 ms for one that is reset unread. Whoever
 * reaches the port may open thousands a second, and the loop in which they are served is that of the user's application.
 *
 * So each socket takes a token, of its address and of all together, and has it back when it becomes a link: restarts of
 * members cost nothing that lasts, only failures do.
 */

import { isIPv6 } from 'node:net'

export interface Rate {
  /** At once. */
  burst: number
  perSecond: number
}

export interface AdmissionOptions {
  perAddress: Rate
  /** Of all addresses that no member came from. Half of the burst is for those that have not come often. */
  ofUnknown: Rate
}

/** Sockets since the start that came from anybody: looked at, and reset unread. */
export interface Strangers {
  admitted: number
  refused: number
}

/** `address`: too many came from there. `all`: too many from addresses that no member came from. */
export type Verdict = 'admitted' | 'address' | 'all'

/**
 * Of an address: of 32 processes of one host that start at once each is dialled by 31, with three secrets in their rings
 * by each up to three times, of which two fail: 93, and those above come back after 50 ms, 200 ms, and a second. Then one
 * such dial from each in two seconds. (At 16 failing handshakes a second it takes 0.3 % of a core.)
 *
 * Of all: a hundred hosts that a newcomer meets at once, twice and more, and then 1.3 % of a core in failing handshakes
 * for as long as a flood lasts.
 */
export const rates: AdmissionOptions = {
  perAddress: { burst: 128, perSecond: 16 },
  ofUnknown: { burst: 256, perSecond: 64 },
}

/** Of IPv6 a network: its hosts have any address in it. */
const ipv6PrefixGroups = 4
/**
 * A newcomer's dials, one for each secret and again. So who floods from a few addresses, whose every socket is one of many,
 * leaves him the reserve.
 */
const rarely = 8
/** Who comes from more addresses than these is held by the rate of all. */
const maxAddresses = 1_024
/** A cluster has fewer hosts; more would only serve to remember those that are gone. */
const maxKnown = 1_024

export class Admission {
  readonly #options: AdmissionOptions
  /** By where they came from. Who came last is last. */
  readonly #buckets = new Map<string, Bucket>()
  /**
   * Where members have come from, the latest last. They take from their own bucket alone, so who floods from elsewhere,
   * from however many addresses, keeps none of them from coming back. Their own rate holds for them as well: behind one
   * address may be a member and somebody else (NAT, a shared host). He can keep new links from there out for as long as he
   * goes on, unless this end dials, and no more than that: to exempt them would let him take all of our time.
   */
  readonly #known = new Set<string>()
  readonly #all: Bucket
  readonly counts: Strangers = { admitted: 0, refused: 0 }

  constructor(options: AdmissionOptions) {
    this.#options = options
    this.#all = new Bucket(options.ofUnknown)
  }

  admit(host: string, nowMs: number): Verdict {
    const verdict = this.#verdictOn(host, nowMs)
    this.counts[verdict === 'admitted' ? 'admitted' : 'refused']++
    return verdict
  }

  #verdictOn(host: string, nowMs: number): Verdict {
    const source = sourceOf(host)
    const bucket = this.#buckets.get(source) ?? new Bucket(this.#options.perAddress)
    // (Also of who is refused, or who goes on would be the oldest, be forgotten, and have his burst again.)
    keep(this.#buckets, source, bucket)
    const isRare = bucket.tokens(nowMs) > this.#options.perAddress.burst - rarely
    if (!bucket.take(nowMs, 0)) return 'address'
    if (this.#known.has(source)) return 'admitted'
    const reserve = isRare ? 0 : this.#options.ofUnknown.burst / 2
    return this.#all.take(nowMs, reserve) ? 'admitted' : 'all'
  }

  /** A socket from there has become a link. (Who was known took nothing from all, and gives it all the same: a member may.) */
  proven(host: string): void {
    const source = sourceOf(host)
    this.#buckets.get(source)?.giveBack()
    this.#all.giveBack()
    this.#known.delete(source)
    this.#known.add(source)
    dropOldest(this.#known, maxKnown)
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#buckets.size + this.#known.size
  }
}

class Bucket {
  readonly #rate: Rate
  #tokens: number
  #atMs = 0

  constructor(rate: Rate) {
    this.#rate = rate
    this.#tokens = rate.burst
  }

  tokens(nowMs: number): number {
    const { burst, perSecond } = this.#rate
    const gained = (Math.max(0, nowMs - this.#atMs) * perSecond) / 1_000
    this.#tokens = Math.min(burst, this.#tokens + gained)
    this.#atMs = nowMs
    return this.#tokens
  }

  /** One, if that leaves the reserve. */
  take(nowMs: number, reserve: number): boolean {
    if (this.tokens(nowMs) < reserve + 1) return false
    this.#tokens--
    return true
  }

  giveBack(): void {
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + 1)
  }
}

function keep(buckets: Map<string, Bucket>, source: string, bucket: Bucket): void {
  buckets.delete(source)
  buckets.set(source, bucket)
  dropOldest(buckets, maxAddresses)
}

function dropOldest(
  kept: { keys(): Iterable<string>; size: number; delete(key: string): boolean },
  max: number,
): void {
  if (kept.size <= max) return
  const [oldest] = kept.keys()
  if (oldest !== undefined) kept.delete(oldest)
}

/** Whom an address stands for: itself, and of IPv6 its /64, of which one host may have all. */
export function sourceOf(host: string): string {
  if (!isIPv6(host)) return host
  const [head = '', tail = ''] = host.replace(/%.*/, '').split('::')
  const groups = head === '' ? [] : head.split(':')
  const after = tail === '' ? [] : tail.split(':')
  while (host.includes('::') && groups.length + after.length < 8) groups.push('0')
  const prefix = [...groups, ...after].slice(0, ipv6PrefixGroups)
  return `${prefix.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}
