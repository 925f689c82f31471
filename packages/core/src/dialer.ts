/**
 * Which addresses to dial, and when. Every member dials every other; addresses come from the user, from
 * discovery and from other members, and an address is only a candidate until a hello proves it.
 */

import type { Config } from './config.js'
import type { Instant, Origin } from './stamp.js'

/**
 * Why an address is dialled. `named`: by the user, or by what the user trusts (DNS): never given up. `heard`: anybody
 * on the network may have said it (multicast): bounded, and given up until it is heard again. `told`: by members; it
 * goes with its member.
 */
export type Source = 'named' | 'heard' | 'told'

interface Candidate {
  readonly address: string
  readonly sources: Set<Source>
  /** Who answered there last. */
  member: Origin | undefined
  /** Who is said to be there. */
  rumoured: Origin | undefined
  isDialling: boolean
  /** There was an answer, or a refusal: what a joiner waits for. */
  wasTried: boolean
  /** It is our own address. */
  isSelf: boolean
  failures: number
  /** How many of the last failures in a row were refusals. */
  refusals: number
  nextMs: number
}

/**
 * `refused`: nobody listens there. `rejected`: somebody answered, and one end does not want the other.
 * `unreachable`: no answer, so somebody may be there.
 */
export type DialFailure = 'refused' | 'rejected' | 'unreachable'

/** Is there a link to that address, or to who answered there last? */
export type IsLinked = (address: string, member: Origin | undefined) => boolean

export class Dialer {
  readonly #config: Config
  readonly #random: () => number
  readonly #candidates = new Map<string, Candidate>()

  constructor(config: Config, random: () => number) {
    this.#config = config
    this.#random = random
  }

  get size(): number {
    return this.#candidates.size
  }

  /** @param member who is said to be there: of several addresses of one member one is dialled at a time. */
  add(address: string, source: Source, now: Instant, member?: Origin): void {
    const known = this.#candidates.get(address)
    if (known !== undefined) return this.#addSource(known, source, now, member)
    if (source === 'heard' && !this.#makeRoom()) return
    this.#candidates.set(address, {
      address,
      sources: new Set([source]),
      member: undefined,
      rumoured: member,
      isDialling: false,
      wasTried: false,
      isSelf: false,
      failures: 0,
      refusals: 0,
      nextMs: now.monoMs,
    })
  }

  remove(address: string, source: Source): void {
    const candidate = this.#candidates.get(address)
    if (candidate?.sources.delete(source) && candidate.sources.size === 0) this.#candidates.delete(address)
  }

  /** Dial there now, whatever the back-off said: its link has just closed. */
  hurry(address: string, now: Instant): void {
    const candidate = this.#candidates.get(address)
    if (candidate === undefined) return
    candidate.failures = 0
    candidate.refusals = 0
    candidate.nextMs = now.monoMs
  }

  /** The addresses to dial now. */
  due(now: Instant, isLinked: IsLinked): string[] {
    const due: string[] = []
    for (const candidate of this.#candidates.values()) {
      const { address, nextMs } = candidate
      if (nextMs > now.monoMs || isLinked(address, memberAt(candidate)) || !this.#mayDial(candidate)) continue
      candidate.isDialling = true
      due.push(address)
    }
    return due
  }

  answered(address: string, member: Origin, isSelf: boolean, now: Instant): void {
    const candidate = this.#candidates.get(address)
    if (candidate === undefined) return
    Object.assign(candidate, { member, isSelf, isDialling: false, wasTried: true })
    // Addresses change hands, and a name may lead to each member in turn.
    if (isSelf) candidate.nextMs = now.monoMs + SELF_MS
  }

  /** The link there has proven itself. Before that an answer is no success: it may be refused again and again. */
  proven(member: Origin): void {
    for (const candidate of this.#candidates.values()) {
      if (candidate.member !== member) continue
      candidate.failures = 0
      candidate.refusals = 0
    }
  }

  /**
   * A second refusal decides over life and death, so it follows the first one soon; and a port that is just
   * being closed may reset a connection before it refuses the next. Anything after backs off.
   */
  failed(address: string, failure: DialFailure, now: Instant): void {
    const candidate = this.#candidates.get(address)
    if (candidate === undefined) return
    const { redialMs, dialBackoffMs, maxDialBackoffMs } = this.#config
    candidate.refusals = failure === 'refused' ? candidate.refusals + 1 : 0
    const isSoon = failure !== 'rejected' && (candidate.failures === 0 || candidate.refusals === 1)
    const backoffMs = Math.min(dialBackoffMs * 2 ** Math.max(0, candidate.failures - 1), maxDialBackoffMs)
    candidate.nextMs = now.monoMs + (isSoon ? redialMs : backoffMs * (1 + this.#random() / 2))
    candidate.failures = Math.min(candidate.failures + 1, 16)
    candidate.isDialling = false
    candidate.isSelf = false
    if (failure !== 'unreachable') candidate.wasTried = true
    if (isHearsay(candidate) && candidate.failures >= MAX_HEARD_FAILURES) this.#candidates.delete(address)
  }

  /**
   * The addresses that have neither answered nor refused yet.
   *
   * @param isAlone nobody was met: then those that were only heard of are waited for as well. Else whoever is there
   * is known to who was met, and anybody may have made up the rest.
   */
  waiting(isLinked: IsLinked, isAlone = true): string[] {
    const waiting: string[] = []
    for (const candidate of this.#candidates.values()) {
      const { address, wasTried, isSelf } = candidate
      if (wasTried || isSelf || isLinked(address, memberAt(candidate))) continue
      if (isAlone || !isHearsay(candidate)) waiting.push(address)
    }
    return waiting
  }

  nextMs(isLinked: IsLinked): number {
    let nextMs = Number.POSITIVE_INFINITY
    for (const candidate of this.#candidates.values()) {
      const { address, nextMs: atMs } = candidate
      if (atMs < nextMs && !isLinked(address, memberAt(candidate)) && this.#mayDial(candidate)) nextMs = atMs
    }
    return nextMs
  }

  #addSource(candidate: Candidate, source: Source, now: Instant, member: Origin | undefined): void {
    // Somebody else is there now: who was there may be linked elsewhere.
    const isOther = source === 'heard' && member !== undefined && member !== memberAt(candidate)
    if (isOther) Object.assign(candidate, { member: undefined, rumoured: member })
    if (candidate.sources.has(source) && !isOther) return
    candidate.sources.add(source)
    // (Members tell of what they may not reach themselves.)
    if (source !== 'told') this.hurry(candidate.address, now)
  }

  /** Whether a dial may begin, if it is due; else the end of another one is waited for. */
  #mayDial(candidate: Candidate): boolean {
    if (candidate.isDialling) return false
    const member = memberAt(candidate)
    let heard = 0
    for (const other of this.#candidates.values()) {
      if (!other.isDialling) continue
      if (member !== undefined && memberAt(other) === member) return false
      if (isHearsay(other)) heard++
    }
    return !isHearsay(candidate) || heard < MAX_HEARD_DIALS
  }

  /**
   * Who floods the network with names keeps nobody out for long: what was not tried yet stays, in the order in which it
   * came, and of what was tried in vain one goes by chance.
   */
  #makeRoom(): boolean {
    const heard = [...this.#candidates.values()].filter(isHearsay)
    if (heard.length < MAX_HEARD) return true
    const tried = heard.filter(({ isDialling, failures, isSelf }) => !isDialling && (failures > 0 || isSelf))
    const gone = tried[Math.floor(this.#random() * tried.length)]
    if (gone === undefined) return false
    this.#candidates.delete(gone.address)
    return true
  }
}

function memberAt({ member, rumoured }: Candidate): Origin | undefined {
  return member ?? rumoured
}

function isHearsay({ sources }: Candidate): boolean {
  return sources.size === 1 && sources.has('heard')
}

/** Until an address that was our own is looked at again. */
const SELF_MS = 10_000
/** Addresses that were only heard of: more members than these are told of by those that are found. */
const MAX_HEARD = 64
/** Dials there at once: each costs a handshake, with whoever it may be. */
const MAX_HEARD_DIALS = 16
const MAX_HEARD_FAILURES = 4
