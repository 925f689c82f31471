/** What must stay small, whatever a peer sends. */

import type { Member } from './member.js'

export class Fault extends Error {}

/** What a member may hold for a single hostile one; beyond that a frame is refused. */
export const BOUNDS: Readonly<Record<string, number>> = {
  members: 1_200,
  origins: 60_000,
  candidates: 19_200,
  dials: 80,
  pending: 20_000,
  heldBytes: 33 * 1024 * 1024,
  sentBytes: 64 * 1024 * 1024,
}

/** What one member holds; the numbers that only grow with what honest members do are not among them. */
export function measure({ replica, dials }: Member): Record<string, number> {
  return {
    members: replica.peers().length,
    origins: replica.digest().length,
    candidates: replica.candidates,
    dials,
    pending: replica.pending,
    heldBytes: replica.heldBytes,
  }
}

/** Own properties of what all objects inherit from. */
export class Prototypes {
  readonly #before = describePrototypes()

  check(): void {
    const now = describePrototypes()
    if (now !== this.#before) throw new Fault(`a prototype is another: ${difference(this.#before, now)}`)
  }
}

const ROOTS = [Object, Array, Map, Set, Function, String, Number, Boolean, Uint8Array, Promise, Error]

function describePrototypes(): string {
  const lines = [globalThis, ...ROOTS.map(({ prototype }) => prototype)].map((each) =>
    Reflect.ownKeys(each as object)
      .map(String)
      .join(),
  )
  return lines.join('\n')
}

function difference(before: string, now: string): string {
  const known = new Set(before.split(/[\n,]/))
  return now
    .split(/[\n,]/)
    .filter((name) => !known.has(name))
    .join(', ')
}
