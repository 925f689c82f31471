/** Addresses that were heard of lately: bounded, whoever speaks. */

/** Processes of one host: of more those that are linked tell. */
const MAX_PER_HOST = 16
const MAX_HEARD = 256
/** With more, one by chance makes room for another, but not at any rate. */
const REPLACE_MS = 50
/** Who was told of an address may have had no room for it, or have given it up since. */
const REPEAT_MS = 1_000

export class Heard {
  readonly #periodMs: number
  /** By address: who is said to be there, when last, and when that was last told. */
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
      const isNews = known.member !== member || nowMs - known.newsMs >= REPEAT_MS
      this.#seen.set(address, { member, heardMs: nowMs, newsMs: isNews ? nowMs : known.newsMs })
      return { isNews }
    }
    const all = [...this.#seen.keys()]
    const ofHost = all.filter((other) => hostOf(other) === hostOf(address))
    // (Anybody can send in the name of a member's host: the address that is real must get its turn.)
    const rivals = ofHost.length >= MAX_PER_HOST ? ofHost : all.length >= MAX_HEARD ? all : []
    const gone = this.#makeRoom(rivals, nowMs)
    if (rivals.length > 0 && gone === undefined) return { isNews: false }
    this.#seen.set(address, { member, heardMs: nowMs, newsMs: nowMs })
    return gone === undefined ? { isNews: true } : { isNews: true, gone }
  }

  /** Forgets those that were not heard for three periods and a half: of several answers some may be lost. */
  silent(nowMs: number): string[] {
    const silent = [...this.#seen].filter(([, { heardMs }]) => nowMs - heardMs > 3.5 * this.#periodMs)
    for (const [address] of silent) this.#seen.delete(address)
    return silent.map(([address]) => address)
  }

  #makeRoom(rivals: readonly string[], nowMs: number): string | undefined {
    const gone = rivals[Math.floor(Math.random() * rivals.length)]
    if (gone === undefined || nowMs - this.#replacedMs < REPLACE_MS) return undefined
    this.#replacedMs = nowMs
    this.#seen.delete(gone)
    return gone
  }
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'))
}
