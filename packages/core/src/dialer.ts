/**
 * Which addresses to dial, and when. Every member dials every other; addresses come from the user, from
 * discovery and from other members, and an address is only a candidate until a hello proves it.
 */

import type { Config } from './config.js'
import type { Instant, Origin } from './stamp.js'

interface Candidate {
  readonly address: string
  /** Named by the user or by discovery: never given up. The others go with their member. */
  readonly isFixed: boolean
  /** Who answered there last. */
  member: Origin | undefined
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

  add(address: string, isFixed: boolean, now: Instant): void {
    const known = this.#candidates.get(address)
    if (known !== undefined && (known.isFixed || !isFixed)) return
    this.#candidates.set(address, {
      address,
      isFixed,
      member: known?.member,
      isDialling: known?.isDialling ?? false,
      wasTried: known?.wasTried ?? false,
      isSelf: known?.isSelf ?? false,
      failures: 0,
      refusals: 0,
      nextMs: now.monoMs,
    })
  }

  remove(address: string): void {
    if (this.#candidates.get(address)?.isFixed === false) this.#candidates.delete(address)
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
      const { address, member, isDialling, isSelf, nextMs } = candidate
      if (isDialling || isSelf || nextMs > now.monoMs || isLinked(address, member)) continue
      candidate.isDialling = true
      due.push(address)
    }
    return due
  }

  answered(address: string, member: Origin, isSelf: boolean): void {
    const candidate = this.#candidates.get(address)
    if (candidate === undefined) return
    Object.assign(candidate, { member, isSelf, isDialling: false, wasTried: true })
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
    if (failure !== 'unreachable') candidate.wasTried = true
  }

  /** The addresses that have neither answered nor refused yet. */
  waiting(isLinked: IsLinked): string[] {
    const waiting: string[] = []
    for (const { address, member, wasTried, isSelf } of this.#candidates.values()) {
      if (!wasTried && !isSelf && !isLinked(address, member)) waiting.push(address)
    }
    return waiting
  }

  nextMs(isLinked: IsLinked): number {
    let nextMs = Number.POSITIVE_INFINITY
    for (const { address, member, isDialling, isSelf, nextMs: at } of this.#candidates.values()) {
      if (!isDialling && !isSelf && at < nextMs && !isLinked(address, member)) nextMs = at
    }
    return nextMs
  }
}
