/** Asks each member each second what it has: one series for each run of each member. */

import type { Vitals } from '../support/measuring/protocol.js'
import type { MemberProcess } from '../support/member-process.js'
import { pause } from '../support/wait.js'

const EVERY_MS = 1_000
/** How often the heap is collected before. It stops the member for a moment, and a short run needs enough of them. */
const COLLECT_EVERY_MS = 5_000
const COLLECTED_AT_LEAST = 24

export interface Sample extends Vitals {
  /** After the start of the watch. */
  atMs: number
}

/** One run of a member's process. */
export interface Series {
  member: string
  samples: Sample[]
}

export class Watch {
  readonly #startMs = performance.now()
  readonly #series = new Map<string, Series>()
  /** One of so many looks is after a collection. Whole looks: a time between two would wait for the later, and they be too few. */
  readonly #collectEvery: number

  /** @param judgedMs for so long at most it is looked at */
  constructor(judgedMs: number) {
    const everyMs = Math.min(COLLECT_EVERY_MS, judgedMs / COLLECTED_AT_LEAST)
    this.#collectEvery = Math.max(1, Math.floor(everyMs / EVERY_MS))
  }

  get series(): readonly Series[] {
    return [...this.#series.values()]
  }

  /** Resolves when it `isOver`. A member that does not run is asked again when it does. */
  async run(members: readonly MemberProcess[], isOver: () => boolean): Promise<void> {
    await Promise.all(members.map((member) => this.#watch(member, isOver)))
  }

  async #watch(member: MemberProcess, isOver: () => boolean): Promise<void> {
    for (let looks = 0; !isOver(); looks++) {
      const sentMs = performance.now()
      const vitals = await this.#ask(member, looks % this.#collectEvery === 0)
      if (vitals !== undefined)
        this.#keep(member.name, { ...vitals, atMs: performance.now() - this.#startMs })
      await pause(Math.max(0, EVERY_MS - (performance.now() - sentMs)))
    }
  }

  async #ask(member: MemberProcess, isCollected: boolean): Promise<Vitals | undefined> {
    if (!member.isRunning) return undefined
    try {
      return await member.ask('vitals', isCollected)
    } catch {
      // It ended meanwhile, or has not joined yet.
      return undefined
    }
  }

  #keep(member: string, sample: Sample): void {
    const key = `${member} ${sample.pid}`
    const series = this.#series.get(key)
    if (series === undefined) this.#series.set(key, { member, samples: [sample] })
    else series.samples.push(sample)
  }
}
