/** Addresses that were heard of lately: bounded, whoever speaks. */

/** Processes of one host: of more the first ones that are linked tell. */
const MAX_PER_HOST = 16
const MAX_HEARD = 256
/** With more, one by chance makes room for another, but not at any rate. */
const REPLACE_MS = 50

export class Heard {
  readonly #periodMs: number
  /** By address: who is said to be there, when last, and when that was last news. */
  readonly #seen = new Map<string, { member: string; heardMs: number; newsMs: number }>()
  #replacedMs = Number.NEGATIVE_INFINITY

  /** @param periodMs how often whoever is there says so */
  constructor(periodMs: number) {
    this.#periodMs = periodMs
  }

  /** News: of an address that was not known, or that may have been given up since. */
  add(address: string, member: string, nowMs: number): { isNews: boolean; gone?: string } {
    const known = this.#seen.get(address)
    if (known !== undefined) {
      const isNews = known.member !== member || nowMs - known.newsMs > this.#periodMs / 2
      this.#seen.set(address, { member, heardMs: nowMs, newsMs: isNews ? nowMs : known.newsMs })
      return { isNews }
    }
    const host = hostOf(address)
    let ofHost = 0
    for (const other of this.#seen.keys()) if (hostOf(other) === host) ofHost++
    if (ofHost >= MAX_PER_HOST) return { isNews: false }
    const gone = this.#seen.size < MAX_HEARD ? undefined : this.#makeRoom(nowMs)
    if (this.#seen.size >= MAX_HEARD) return { isNews: false }
    this.#seen.set(address, { member, heardMs: nowMs, newsMs: nowMs })
    return gone === undefined ? { isNews: true } : { isNews: true, gone }
  }

  /** Forgets those that were not heard for three periods: of several answers some may be lost. */
  silent(nowMs: number): string[] {
    const silent = [...this.#seen].filter(([, { heardMs }]) => nowMs - heardMs > 3.5 * this.#periodMs)
    for (const [address] of silent) this.#seen.delete(address)
    return silent.map(([address]) => address)
  }

  #makeRoom(nowMs: number): string | undefined {
    if (nowMs - this.#replacedMs < REPLACE_MS) return undefined
    this.#replacedMs = nowMs
    const all = [...this.#seen.keys()]
    const gone = all[Math.floor(Math.random() * all.length)] as string
    this.#seen.delete(gone)
    return gone
  }
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'))
}
