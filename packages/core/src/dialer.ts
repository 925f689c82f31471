/**
 * Which addresses to dial, and when. Every member dials every other; addresses come from the user, from
 * discovery and from other members, and an address is only a candidate until a hello proves it.
 */

import type { Config } from './config.js'
import type { Instant, Origin } from './stamp.js'

/**
 * Why an address is dialled. `named`: by the user, or by what the user trusts (DNS): never given up. `heard`: anybody
 * on the network may have said it (multicast): bounded, and given up until it is heard again. `former`: the run before
 * this one knew it; it goes when this one has joined. (What members tell goes with the member that is there.)
 */
export type Source = 'named' | 'heard' | 'former'

interface Candidate {
  readonly address: string
  readonly sources: Set<Source>
  /** Those of whom members have told that they are there. */
  readonly told: Set<Origin>
  /** Who answered there last. */
  member: Origin | undefined
  /** Who is there, as anybody may say. */
  rumoured: Origin | undefined
  /** Until then nobody is believed who only says that somebody else is there now. */
  doubtedMs: number
  /** There was an answer, or a refusal: what a joiner waits for. */
  wasTried: boolean
  /** It is our own address. */
  isSelf: boolean
  failures: number
  /** How many of the last failures in a row were refusals. */
  refusals: number
  nextMs: number
}

interface Dial {
  readonly sinceMs: number
  /** Of an address that was only heard of then. */
  readonly isHearsay: boolean
}

/**
 * `refused`: nobody listens there. `rejected`: somebody answered, and one end does not want the other.
 * `unreachable`: no answer, so somebody may be there.
 */
export type DialFailure = 'refused' | 'rejected' | 'unreachable'

/** Whom nobody need dial. */
export interface Links {
  /** Is there a link to that address, or to that member? */
  isLinked(address: string, member: Origin | undefined): boolean
  /** Grows whenever `isLinked` may answer otherwise than before. */
  readonly linkChanges: number
}

export class Dialer {
  readonly #config: Config
  readonly #random: () => number
  readonly #links: Links
  readonly #candidates = new Map<string, Candidate>()
  /** Under way, by address: each is a socket, and has to end, though the address be wanted no more. */
  readonly #dials = new Map<string, Dial>()
  /** Where each member was told to be, the latest last. */
  readonly #toldOf = new Map<Origin, Set<string>>()
  #isJoining = true
  /** What `nextMs` came to, and with which links; dropped when a candidate changes. Most inputs change neither. */
  #reckoned: { readonly nextMs: number; readonly linkChanges: number } | undefined

  constructor(config: Config, random: () => number, links: Links) {
    this.#config = config
    this.#random = random
    this.#links = links
  }

  get size(): number {
    return this.#candidates.size
  }

  /** @param member who is said to be there: several addresses of one member are dialled one after the other. */
  add(address: string, source: Source, now: Instant, member?: Origin): void {
    this.#changed()
    const known = this.#candidates.get(address)
    if (known !== undefined) return this.#addSource(known, source, now, member)
    if (source === 'heard' && !this.#makeRoom()) return
    this.#candidate(address, member, now).sources.add(source)
  }

  /** A member is linked there, or others say so. (They tell of what they may not reach themselves.) */
  tell(address: string, member: Origin, now: Instant): void {
    const told = this.#toldOf.get(member) ?? new Set()
    this.#toldOf.set(member, told)
    told.delete(address)
    told.add(address)
    const candidate = this.#candidates.get(address) ?? this.#candidate(address, undefined, now)
    if (candidate.told.has(member)) return
    this.#changed()
    candidate.told.add(member)
    // (Its host may have another address every day.)
    for (const oldest of told) {
      if (told.size <= MAX_TOLD) break
      this.#untell(oldest, member)
      told.delete(oldest)
    }
  }

  remove(address: string, source: Source): void {
    this.#changed()
    const candidate = this.#candidates.get(address)
    if (candidate?.sources.delete(source)) this.#deleteUnwanted(candidate)
  }

  /** This run has joined, or waits for nobody any more: what was only heard is given up as soon as it may be. */
  ready(): void {
    this.#isJoining = false
  }

  /** This run has joined, or is ready and linked: whoever is there is told of by those that it has met. */
  joined(): void {
    for (const { address, sources } of this.#candidates.values())
      if (sources.has('former')) this.remove(address, 'former')
  }

  /** It has left, or was dead for too long. */
  memberGone(member: Origin): void {
    this.#changed()
    for (const address of this.#toldOf.get(member) ?? []) this.#untell(address, member)
    this.#toldOf.delete(member)
  }

  /** Dial there now, whatever the back-off said: its link has just closed. */
  hurry(address: string, now: Instant): void {
    this.#changed()
    const candidate = this.#candidates.get(address)
    if (candidate === undefined) return
    candidate.failures = 0
    candidate.refusals = 0
    candidate.nextMs = now.monoMs
  }

  /** The addresses to dial now. */
  due(now: Instant): string[] {
    if (this.nextMs() > now.monoMs) return []
    const due: Candidate[] = []
    for (const candidate of this.#candidates.values()) {
      if (candidate.nextMs > now.monoMs || this.#dials.has(candidate.address)) continue
      if (!this.#isReached(candidate)) due.push(candidate)
    }
    // What was tried in vain comes after what is waiting for its first attempt.
    due.sort((a, b) => Number(a.failures > 0) - Number(b.failures > 0) || a.nextMs - b.nextMs)
    const dialled = due.filter((candidate) => {
      const isFree = this.#freeMs(candidate) <= now.monoMs
      if (isFree) this.#dial(candidate, now)
      return isFree
    })
    return dialled.map(({ address }) => address)
  }

  /** A dial of it led to this member itself. */
  isSelf(address: string): boolean {
    return this.#candidates.get(address)?.isSelf === true
  }

  answered(address: string, member: Origin, isSelf: boolean, now: Instant): void {
    this.#hangUp(address)
    const candidate = this.#candidates.get(address)
    if (candidate === undefined) return
    const { rumoured } = candidate
    Object.assign(candidate, { member, isSelf, rumoured: undefined, wasTried: true })
    // Addresses change hands, and a name may lead to each member in turn.
    if (isSelf) candidate.nextMs = now.monoMs + RECHECK_MS
    // Who says again and again that somebody else is there shall not make us link anew each time.
    if (rumoured !== undefined && rumoured !== member) candidate.doubtedMs = now.monoMs + RECHECK_MS
  }

  /** Who is there was giving this joiner his state, and was cut off: another answer, or a refusal, is waited for. */
  brokenOff(address: string): void {
    const candidate = this.#candidates.get(address)
    if (candidate !== undefined) candidate.wasTried = false
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
    this.#hangUp(address)
    const candidate = this.#candidates.get(address)
    if (candidate === undefined) return
    if (failure !== 'unreachable') candidate.wasTried = true
    this.#backOff(candidate, failure, now)
  }

  /** A link to that member has ended, since one end does not want the other: it was met at each of these addresses. */
  rejected(address: string, member: Origin, now: Instant): void {
    this.#changed()
    for (const candidate of this.#candidates.values())
      if (candidate.address === address || candidate.member === member)
        this.#backOff(candidate, 'rejected', now)
  }

  #backOff(candidate: Candidate, failure: DialFailure, now: Instant): void {
    const { redialMs, dialBackoffMs, maxDialBackoffMs } = this.#config
    candidate.refusals = failure === 'refused' ? candidate.refusals + 1 : 0
    const isSoon = failure !== 'rejected' && (candidate.failures === 0 || candidate.refusals === 1)
    const backoffMs = Math.min(dialBackoffMs * 2 ** Math.max(0, candidate.failures - 1), maxDialBackoffMs)
    candidate.nextMs = now.monoMs + (isSoon ? redialMs : backoffMs * (1 + this.#random() / 2))
    candidate.failures = Math.min(candidate.failures + 1, 16)
    candidate.isSelf = false
    // (Somebody may be there who has what nobody else has: a joiner goes on trying as long as it waits.)
    const isHopeless = candidate.failures >= MAX_HEARD_FAILURES && (candidate.wasTried || !this.#isJoining)
    if (isHearsay(candidate) && isHopeless) this.#delete(candidate)
  }

  /**
   * The addresses that have neither answered nor refused yet.
   *
   * @param isAlone nobody was met who had joined: then those that were only heard of are waited for as well. Else
   * whoever is there is known to who was met, and anybody may have made up the rest.
   * @param isGone the member is dead, or has left: where it was told to be nobody is expected.
   */
  waiting(isAlone: boolean, isGone: (member: Origin) => boolean): string[] {
    const waiting: string[] = []
    for (const candidate of this.#candidates.values()) {
      const { address, wasTried, isSelf, sources, told } = candidate
      if (wasTried || isSelf || this.#isReached(candidate)) continue
      if (sources.size === 0 && [...told].every(isGone)) continue
      if (isAlone || !isHearsay(candidate)) waiting.push(address)
    }
    return waiting
  }

  /** When an address is due, unless something changes before. */
  nextMs(): number {
    const { linkChanges } = this.#links
    if (this.#reckoned?.linkChanges !== linkChanges)
      this.#reckoned = { nextMs: this.#reckonNextMs(), linkChanges }
    return this.#reckoned.nextMs
  }

  #reckonNextMs(): number {
    let nextMs = Number.POSITIVE_INFINITY
    for (const candidate of this.#candidates.values()) {
      if (candidate.nextMs >= nextMs || this.#dials.has(candidate.address)) continue
      if (this.#isReached(candidate)) continue
      nextMs = Math.min(nextMs, this.#freeMs(candidate))
    }
    return nextMs
  }

  #changed(): void {
    this.#reckoned = undefined
  }

  #addSource(candidate: Candidate, source: Source, now: Instant, member: Origin | undefined): void {
    const isNews = source === 'heard' && member !== undefined && member !== memberAt(candidate)
    const isOther = isNews && now.monoMs >= candidate.doubtedMs
    // Somebody else is there now: who was there may be linked elsewhere. (Where nobody has answered yet, another name
    // for him makes no haste.)
    const isChanged = isOther && candidate.member !== undefined
    if (isOther) Object.assign(candidate, { member: undefined, rumoured: member, isSelf: false })
    if (candidate.sources.has(source) && !isChanged) return
    candidate.sources.add(source)
    this.hurry(candidate.address, now)
  }

  /**
   * From when on it may be dialled; never, if the end of another dial has to be waited for. (A member's addresses
   * follow each other as those of a host do in Happy Eyeballs, RFC 8305: the first to answer is enough, and one where
   * nobody answers holds up none.)
   */
  #freeMs(candidate: Candidate): number {
    const isHeard = isHearsay(candidate)
    if (isHeard && this.#heardDials() >= MAX_HEARD_DIALS) return Number.POSITIVE_INFINITY
    if (isTold(candidate) && this.#dials.size >= MAX_TOLD_DIALS) return Number.POSITIVE_INFINITY
    const member = memberAt(candidate)
    let freeMs = candidate.nextMs
    if (member === undefined) return freeMs
    for (const [address, dial] of this.#dials) {
      const other = this.#candidates.get(address)
      // (Who is said to be there is hearsay as well, and holds up nothing else.)
      if (other !== undefined && memberAt(other) === member && (isHeard || !dial.isHearsay))
        freeMs = Math.max(freeMs, dial.sinceMs + STAGGER_MS)
    }
    return freeMs
  }

  #heardDials(): number {
    let count = 0
    for (const { isHearsay } of this.#dials.values()) if (isHearsay) count++
    return count
  }

  #dial(candidate: Candidate, now: Instant): void {
    this.#changed()
    this.#dials.set(candidate.address, { sinceMs: now.monoMs, isHearsay: isHearsay(candidate) })
  }

  #hangUp(address: string): void {
    this.#changed()
    this.#dials.delete(address)
  }

  /**
   * Who floods the network with names keeps nobody out for long: what was not tried yet stays, in the order in which it
   * came, and of what was tried in vain, or leads to who is linked already, one goes by chance. (More than one, where
   * members were forgotten whose addresses are only heard of since.)
   */
  #makeRoom(): boolean {
    const heard = [...this.#candidates.values()].filter(isHearsay)
    if (heard.length < MAX_HEARD) return true
    const tried = heard.filter((candidate) => {
      const isOfUse = candidate.failures === 0 && !candidate.isSelf && !this.#isReached(candidate)
      return !isOfUse && !this.#dials.has(candidate.address)
    })
    let count = heard.length
    for (; count >= MAX_HEARD && tried.length > 0; count--) {
      const [gone] = tried.splice(Math.floor(this.#random() * tried.length), 1)
      this.#delete(gone as Candidate)
    }
    return count < MAX_HEARD
  }

  #candidate(address: string, rumoured: Origin | undefined, now: Instant): Candidate {
    const candidate: Candidate = {
      address,
      sources: new Set(),
      told: new Set(),
      member: undefined,
      rumoured,
      doubtedMs: Number.NEGATIVE_INFINITY,
      wasTried: false,
      isSelf: false,
      failures: 0,
      refusals: 0,
      nextMs: now.monoMs,
    }
    this.#candidates.set(address, candidate)
    return candidate
  }

  /**
   * There is a link there already, or to who is there. Until somebody has answered there, that is all of those who are
   * said to be, and of an address that the user named nobody knows it: hearsay keeps nobody from being dialled.
   */
  #isReached({ address, member, rumoured, sources, told }: Candidate): boolean {
    if (this.#links.isLinked(address, member)) return true
    if (member !== undefined || sources.has('named') || sources.has('former')) return false
    const said = sources.has('heard') && rumoured !== undefined ? [...told, rumoured] : [...told]
    return said.length > 0 && said.every((id) => this.#links.isLinked(address, id))
  }

  #untell(address: string, member: Origin): void {
    const candidate = this.#candidates.get(address)
    if (candidate?.told.delete(member)) this.#deleteUnwanted(candidate)
  }

  #deleteUnwanted(candidate: Candidate): void {
    if (candidate.sources.size === 0 && candidate.told.size === 0) this.#delete(candidate)
  }

  #delete(candidate: Candidate): void {
    this.#candidates.delete(candidate.address)
  }
}

/** Who is there, as far as known: from himself, from members, or of what was only heard as it was said. */
function memberAt({ member, told, sources, rumoured }: Candidate): Origin | undefined {
  if (member !== undefined) return member
  const [first] = told
  return first ?? (sources.has('heard') && sources.size === 1 ? rumoured : undefined)
}

/** By members, be it to the run before this one. */
function isTold({ sources, told }: Candidate): boolean {
  return !sources.has('named') && (told.size > 0 || sources.has('former'))
}

function isHearsay({ sources, told }: Candidate): boolean {
  return told.size === 0 && sources.size === 1 && sources.has('heard')
}

/**
 * From one dial of a member to the next. (RFC 8305 advises 100 ms for the Internet; within a LAN answers come sooner,
 * and a joiner has tried all addresses that somebody made up for a member before `joinTimeoutMs` is over.)
 */
const STAGGER_MS = 50
/** Until an address is looked at again where we met ourselves, or somebody else than was said to be there. */
const RECHECK_MS = 10_000
/** Of one member: where peers see it, each by a network of its own, and where it was. */
const MAX_TOLD = 16
/** Dials at once, beyond which none begins where members alone say that somebody is: each is a socket. */
const MAX_TOLD_DIALS = 64
/** Addresses that were only heard of: more members than these are told of by those that are found. */
const MAX_HEARD = 64
/** Dials there at once: each costs a handshake, with whoever it may be. */
const MAX_HEARD_DIALS = 16
const MAX_HEARD_FAILURES = 4
