/**
 * Which writes of an attribute somebody has seen. Each write is a dot: its origin, and the how-many-th of that origin it
 * is. Two requests on one member may each have seen what the other has not, so the highest number does not do: what comes
 * after a gap is kept dot by dot. (Almeida, Baquero et al., "Scalable and accurate causality tracking for eventually
 * consistent stores", DAIS 2014; dotted version vectors.)
 */

export interface Dot {
  readonly origin: string
  /** From 1. */
  readonly count: number
}

/** As it is stored: `[origin, all up to this one, more beyond it...]`. */
export type PackedContext = [origin: string, upTo: number, ...beyond: number[]][]

export class CausalContext {
  readonly #upTo = new Map<string, number>()
  readonly #beyond = new Map<string, Set<number>>()

  static unpack(packed: PackedContext): CausalContext {
    const context = new CausalContext()
    for (const [origin, upTo, ...beyond] of packed) {
      context.#upTo.set(origin, upTo)
      for (const count of beyond) context.add({ origin, count })
    }
    return context
  }

  pack(): PackedContext {
    const origins = new Set([...this.#upTo.keys(), ...this.#beyond.keys()])
    return [...origins].map((origin) => [
      origin,
      this.#upTo.get(origin) ?? 0,
      ...(this.#beyond.get(origin) ?? []),
    ])
  }

  covers({ origin, count }: Dot): boolean {
    return count <= (this.#upTo.get(origin) ?? 0) || this.#beyond.get(origin)?.has(count) === true
  }

  /** The highest number seen of that origin. */
  latest(origin: string): number {
    return Math.max(this.#upTo.get(origin) ?? 0, ...(this.#beyond.get(origin) ?? []))
  }

  add({ origin, count }: Dot): void {
    if (this.covers({ origin, count })) return
    const beyond = this.#beyond.get(origin) ?? new Set()
    beyond.add(count)
    let upTo = this.#upTo.get(origin) ?? 0
    while (beyond.delete(upTo + 1)) upTo++
    if (upTo > 0) this.#upTo.set(origin, upTo)
    if (beyond.size > 0) this.#beyond.set(origin, beyond)
    else this.#beyond.delete(origin)
  }

  join(other: CausalContext): void {
    for (const [origin, upTo] of other.#upTo) {
      if (upTo <= (this.#upTo.get(origin) ?? 0)) continue
      this.#upTo.set(origin, upTo)
      const beyond = [...(this.#beyond.get(origin) ?? [])]
      this.#beyond.delete(origin)
      for (const count of beyond) this.add({ origin, count })
    }
    for (const [origin, beyond] of other.#beyond) for (const count of beyond) this.add({ origin, count })
  }

  copy(): CausalContext {
    const copy = new CausalContext()
    copy.join(this)
    return copy
  }
}
