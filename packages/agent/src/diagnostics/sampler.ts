/** One sample a second, of the last five minutes: whoever comes to look sees what was before. */

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Ring } from './journal.js'
import { round } from './link-meter.js'
import type { Sample } from './types.js'

const EVERY_MS = 1_000
const KEPT = 300
/** Of the event loop's histogram: less wakes an idle process more often, more overlooks short blocks. */
const RESOLUTION_MS = 50

export class Sampler {
  readonly #take: (loop: Sample['loop']) => Sample
  readonly #samples = new Ring<{ number: number; sample: Sample }>(KEPT)
  readonly #loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  #timer: NodeJS.Timeout | undefined
  #last = 0

  constructor(take: (loop: Sample['loop']) => Sample) {
    this.#take = take
  }

  start(): void {
    this.#loop.enable()
    this.#timer = setInterval(() => this.#sample(), EVERY_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#loop.disable()
  }

  get last(): number {
    return this.#last
  }

  after(number: number): Sample[] {
    const since = number > this.#last ? 0 : number
    return this.#samples.latest((each) => each.number > since).map(({ sample }) => sample)
  }

  #sample(): void {
    const lateMs = (ns: number) => Math.max(0, round(ns / 1e6 - RESOLUTION_MS))
    const loop = {
      p50Ms: lateMs(this.#loop.percentile(50)),
      maxMs: this.#loop.count === 0 ? 0 : lateMs(this.#loop.max),
    }
    this.#loop.reset()
    this.#samples.push({ number: ++this.#last, sample: this.#take(loop) })
  }
}
