/** Numbers on their way to where they shall be; at once for those who want no motion. */

const calm = matchMedia('(prefers-reduced-motion: reduce)')

export function isCalm(): boolean {
  return calm.matches
}

/** Draws with each frame until all are there. */
export class Tween {
  readonly #draw: (values: ReadonlyMap<string, number>) => void
  readonly #durationMs: number
  #from = new Map<string, number>()
  #now = new Map<string, number>()
  #to: ReadonlyMap<string, number> = new Map()
  #startMs = 0
  #frame: number | undefined

  constructor(durationMs: number, draw: (values: ReadonlyMap<string, number>) => void) {
    this.#durationMs = durationMs
    this.#draw = draw
  }

  /**
   * New ones come from `first`, or stand at once where there is none. All that is changed by less than `least` of the whole is
   * there at once: nobody sees it move.
   */
  to(
    values: ReadonlyMap<string, number>,
    { first, least = 0 }: { first?: number; least?: number } = {},
  ): void {
    if (isSame(values, this.#to)) return
    const hasNone = this.#to.size === 0
    const isSmall = largestChange(values, this.#now) < least * sumOf(values)
    this.#to = values
    this.#from = new Map(
      [...values].map(([key, value]) => [key, this.#now.get(key) ?? (hasNone ? value : (first ?? value))]),
    )
    this.#startMs = performance.now()
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame)
    this.#step(isCalm() || document.hidden || hasNone || isSmall ? Number.POSITIVE_INFINITY : this.#startMs)
  }

  #step(atMs: number): void {
    const share = Math.min(1, Math.max(0, (atMs - this.#startMs) / this.#durationMs))
    const eased = 1 - (1 - share) ** 3
    this.#now = new Map(
      [...this.#to].map(([key, to]) => {
        const from = this.#from.get(key) ?? to
        return [key, from + (to - from) * eased]
      }),
    )
    this.#draw(this.#now)
    this.#frame = share < 1 ? requestAnimationFrame((at) => this.#step(at)) : undefined
  }
}

function isSame(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value)
}

function largestChange(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  return Math.max(0, ...[...a].map(([key, value]) => Math.abs(value - (b.get(key) ?? 0))))
}

function sumOf(values: ReadonlyMap<string, number>): number {
  return [...values.values()].reduce((sum, value) => sum + value, 0)
}
