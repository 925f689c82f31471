/**
 * When what was sent outlives this process. A link that takes nothing for a while is not waited for again until it has taken
 * all: who stands still, or is slower than what is written, holds up for a moment once, and not each response.
 */

import type { Link } from './link.js'

/** As long as a heartbeat: a loop that is busy for less is waited for. */
const PATIENCE_MS = 250

export class Safety {
  readonly #clogged = new WeakSet<Link>()

  /** `undefined`: all is safe, but for what is clogged. */
  reached(links: Iterable<Link>): Promise<void> | undefined {
    const left = new Set([...links].filter((link) => !link.isSafe && !this.#clogged.has(link)))
    if (left.size === 0) return undefined
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        for (const link of left) this.#isClogged(link)
        resolve()
      }, PATIENCE_MS).unref()
      for (const link of left)
        link.onSafe(() => {
          left.delete(link)
          if (left.size > 0) return
          clearTimeout(timer)
          resolve()
        })
    })
  }

  #isClogged(link: Link): void {
    this.#clogged.add(link)
    link.onSafe(() => {
      if (link.isSafe) this.#clogged.delete(link)
      else this.#isClogged(link)
    })
  }
}
