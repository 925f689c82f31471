/**
 * What goes wrong, one fault after the other, for the whole time: drawn from a seed. Each begins on a cluster that is whole,
 * where all members have all that was written before. So no death excuses a loss.
 */

import type { Random } from '../sim/random.js'
import { drawFault, type Fault, KINDS, type Kind } from '../support/faults/faults.js'

/** Their processes end and begin anew; … */
const RESTARTED = ['c', 'd', 'e']
/** … this one is frozen, and cut off, and lives as long as the run; … */
const ENDURING = 'b'
/** … and to this one nothing is done, so that its curves are those of the load alone, and of what happens to others. */
const SPARED = 'a'

export const MEMBERS = [SPARED, ENDURING, ...RESTARTED]
/** Those that are never restarted. */
export const LASTING = [SPARED, ENDURING]

export class Faults {
  readonly #random: Random
  #deck: Kind[] = []

  constructor(random: Random) {
    this.#random = random
  }

  /** Every kind comes once before any comes again: also a short run has many. */
  next(): Fault {
    if (this.#deck.length === 0) this.#deck = shuffled(KINDS, this.#random)
    const kind = this.#deck.pop()!
    const where = kind === 'kill' || kind === 'leave' ? RESTARTED : [ENDURING, ...RESTARTED]
    return drawFault(this.#random, kind, where, MEMBERS, 0)
  }

  /** From one to the next. */
  pauseMs(): number {
    return this.#random.between(500, 5_000)
  }
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const rest = [...items]
  const result: T[] = []
  while (rest.length > 0) result.push(...rest.splice(random.integer(0, rest.length - 1), 1))
  return result
}
