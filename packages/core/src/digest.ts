/**
 * A digest says, per origin, up to which stamp every write of that origin is merged here: nothing missing,
 * nothing more. Equal digests mean equal state, and all repair rests on that.
 *
 * An origin that is dead for good, and of which no record bears a stamp any more, is *retired*: no longer
 * told to others (so that digests do not grow with every restart), but still known here, so that nothing of
 * it is asked for or merged again.
 */

import { dropOldest } from './bounded.js'
import { compareStamps, type Origin, type Stamp } from './stamp.js'

/** What travels: one stamp per origin. */
export type DigestEntries = readonly Stamp[]

/** Each restart of a member retires an origin: a bound for a cluster that runs for years. */
const MAX_RETIRED = 1_000

export class Digest {
  readonly #stamps = new Map<Origin, Stamp>()
  readonly #retired = new Map<Origin, Stamp>()

  static of(entries: DigestEntries): Digest {
    const digest = new Digest()
    for (const stamp of entries) digest.raise(stamp)
    return digest
  }

  /** The stamp up to which everything of `origin` is merged, retired origins included. */
  get(origin: Origin): Stamp | undefined {
    return this.#stamps.get(origin) ?? this.#retired.get(origin)
  }

  covers(stamp: Stamp): boolean {
    const known = this.get(stamp.origin)
    return known !== undefined && compareStamps(known, stamp) >= 0
  }

  coversAll(entries: Iterable<Stamp>): boolean {
    for (const stamp of entries) if (!this.covers(stamp)) return false
    return true
  }

  /** Raises the entry of the stamp's origin; never lowers it. */
  raise(stamp: Stamp): void {
    if (this.covers(stamp)) return
    this.#retired.delete(stamp.origin)
    this.#stamps.set(stamp.origin, stamp)
  }

  join(entries: Iterable<Stamp>): void {
    for (const stamp of entries) this.raise(stamp)
  }

  /** What `entries` claim and this digest lacks. */
  lacking(entries: Iterable<Stamp>): Stamp[] {
    const lacking: Stamp[] = []
    for (const stamp of entries) if (!this.covers(stamp)) lacking.push(stamp)
    return lacking
  }

  retire(origin: Origin): void {
    const stamp = this.#stamps.get(origin)
    if (stamp === undefined) return
    this.#stamps.delete(origin)
    this.#retired.set(origin, stamp)
    dropOldest(this.#retired, MAX_RETIRED)
  }

  /** The origin is not dead after all, and tells its own entry: told here as well, or digests would differ. */
  revive(origin: Origin): void {
    const stamp = this.#retired.get(origin)
    if (stamp === undefined) return
    this.#retired.delete(origin)
    this.#stamps.set(origin, stamp)
  }

  /** The origins that are told, and of those that are retired the half that stays for long. */
  lately(): ReadonlySet<Origin> {
    const retired = [...this.#retired.keys()].slice(-MAX_RETIRED / 2)
    return new Set([...this.#stamps.keys(), ...retired])
  }

  clear(): void {
    this.#stamps.clear()
    this.#retired.clear()
  }

  /** The entries that are told to others. */
  entries(): Stamp[] {
    return [...this.#stamps.values()]
  }

  /** All that `covers` says, retired origins included: what a pull must tell, or it is sent what it will skip. */
  all(): Stamp[] {
    return [...this.#stamps.values(), ...this.#retired.values()]
  }

  get size(): number {
    return this.#stamps.size
  }
}
