/** The one source of chance in a simulated history: the seed decides everything. (sfc32, public domain.) */

export class Random {
  #a: number
  #b = 0x9e3779b9
  #c: number
  #counter = 1

  constructor(seed: number) {
    this.#a = seed | 0
    // (Of most seeds there is nothing above the 32 bits.)
    this.#c = 0x243f6a88 ^ Math.trunc(seed / 2 ** 32)
    for (let i = 0; i < 15; i++) this.next()
  }

  /** In [0, 1). */
  next = (): number => {
    const t = (this.#a + this.#b + this.#counter++) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t
    return (t >>> 0) / 2 ** 32
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  between(low: number, high: number): number {
    return low + this.next() * (high - low)
  }

  /** Most draws are near `low`, some come near `high`: delays, durations. */
  skewed(low: number, high: number): number {
    return low + this.next() ** 4 * (high - low)
  }

  integer(low: number, high: number): number {
    return Math.floor(this.between(low, high + 1))
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.next() * items.length)] as T
  }
}
