/** Much work in turns of the loop that leave links and timers theirs. */

import { setImmediate as nextTurn } from 'node:timers/promises'

/** Enough to load a member, and few enough: what is written in one turn waits in the outbox until it ends. */
const PER_TURN = 100

/** Acts on 0, 1, … below `count`; what the acts of one turn promise is awaited before the next one. */
export async function byTurns(count: number, act: (index: number) => unknown): Promise<void> {
  for (let first = 0; first < count; first += PER_TURN) {
    const acts = Math.min(PER_TURN, count - first)
    await Promise.all(Array.from({ length: acts }, (_, i) => act(first + i)))
    await nextTurn()
  }
}
