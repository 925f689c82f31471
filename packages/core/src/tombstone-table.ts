/**
 * The stamps of destroyed sessions, in columns. There may be very many of them, for as long as a dead member is
 * remembered: an object for each, and another one for its time, would be more than half of what one costs.
 */

import type { Origin, Stamp } from './stamp.js'

/** Where a stamp stands. */
export type Slot = number

export class TombstoneTable {
  #times: number[] = []
  #counters: number[] = []
  #origins: Origin[] = []
  /** Slots of what was removed. */
  #free: Slot[] = []

  get size(): number {
    return this.#times.length - this.#free.length
  }

  add({ time, counter, origin }: Stamp): Slot {
    const slot = this.#free.pop() ?? this.#times.length
    this.#times[slot] = time
    this.#counters[slot] = counter
    this.#origins[slot] = origin
    return slot
  }

  /** @param slot of one that was added, and not removed since. */
  get(slot: Slot): Stamp {
    return {
      time: this.#times[slot] as number,
      counter: this.#counters[slot] as number,
      origin: this.#origins[slot] as Origin,
    }
  }

  remove(slot: Slot): void {
    this.#free.push(slot)
    // What a peak took is given back with the last one.
    if (this.size === 0) this.clear()
  }

  clear(): void {
    this.#times = []
    this.#counters = []
    this.#origins = []
    this.#free = []
  }
}
