/**
 * The stamps of destroyed sessions, in columns. There may be very many of them, for as long as a dead member is
 * remembered: an object for each, and another one for its time, would be more than half of what one costs.
 */

import type { Origin, Stamp } from './stamp.js'

/** Where a stamp stands. */
export type Slot = number

export class TombstoneTable {
  #columns = new Columns(0)
  /** What stands here moves into the others: most of its place was free. */
  #leaving: Columns | undefined

  get size(): number {
    return this.#columns.size + (this.#leaving?.size ?? 0)
  }

  add(stamp: Stamp): Slot {
    return this.#columns.add(stamp)
  }

  /** @param slot of one that was added, and not removed since. */
  get(slot: Slot): Stamp {
    return this.#of(slot).get(slot)
  }

  remove(slot: Slot): void {
    this.#of(slot).remove(slot)
    if (this.#leaving?.size === 0) this.#leaving = undefined
  }

  /** Gives back what a peak took: from now on each has to be `moved`, which only those can do who know the slots. */
  shrink(): void {
    if (this.#leaving !== undefined || !this.#columns.isMostlyFree) return
    if (this.#columns.size > 0) this.#leaving = this.#columns
    this.#columns = new Columns(this.#columns.end)
  }

  /** Where it stands from now on. */
  moved(slot: Slot): Slot {
    if (this.#of(slot) === this.#columns) return slot
    const stamp = this.get(slot)
    this.remove(slot)
    return this.add(stamp)
  }

  #of(slot: Slot): Columns {
    return this.#leaving !== undefined && slot < this.#columns.first ? this.#leaving : this.#columns
  }
}

/** Below this there is nothing to give back. */
const FEW = 1_000

class Columns {
  readonly first: Slot
  readonly #times: number[] = []
  readonly #counters: number[] = []
  readonly #origins: Origin[] = []
  /** Slots of what was removed. */
  readonly #free: Slot[] = []

  constructor(first: Slot) {
    this.first = first
  }

  get end(): Slot {
    return this.first + this.#times.length
  }

  get size(): number {
    return this.#times.length - this.#free.length
  }

  get isMostlyFree(): boolean {
    return this.#times.length > FEW && 4 * this.size < this.#times.length
  }

  add({ time, counter, origin }: Stamp): Slot {
    const slot = this.#free.pop() ?? this.end
    const at = slot - this.first
    this.#times[at] = time
    this.#counters[at] = counter
    this.#origins[at] = origin
    return slot
  }

  get(slot: Slot): Stamp {
    const at = slot - this.first
    return {
      time: this.#times[at] as number,
      counter: this.#counters[at] as number,
      origin: this.#origins[at] as Origin,
    }
  }

  remove(slot: Slot): void {
    this.#free.push(slot)
  }
}
