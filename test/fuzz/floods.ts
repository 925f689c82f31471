/** Frames of the hostile member's own making: what is well-formed, and more of it than anybody should take. */

import { Packed } from '@sessionmesh/core'
import type { Random } from '../sim/random.js'
import { NUMBERS, odd } from './mutations.js'

/** What it knows. */
export interface Known {
  readonly wallMs: number
  readonly driftMs: number
  /** Of honest members. */
  readonly ids: readonly string[]
  readonly self: string
  /** The number of the last pull that it was sent on this link. */
  readonly pull: number
  readonly random: Random
  /** It sends much at once. */
  readonly isHeavy: boolean
  /** Of made-up members, origins, sessions. */
  next(): number
}

type Flood = (known: Known) => unknown

const [DELTA, ACK, HEARTBEAT, PULL, STATE, LEAVE] = [1, 2, 3, 4, 5, 6]

/** Most are small, few are of thousands. */
function many({ random, isHeavy }: Known, most: number): number {
  return Math.ceil(isHeavy ? random.next() ** 4 * most : random.next() ** 6 * Math.min(most, 40))
}

function list<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i))
}

/** Stamps of so many origins, each of its own or of an honest member. */
function stampsOf({ random, ids, wallMs, driftMs, next }: Known, count: number) {
  const origins = list(count, () => (random.chance(0.02) ? random.pick(ids) : `o${next()}`))
  if (random.chance(0.2)) origins.push(random.pick(ids))
  const base = wallMs + random.pick([0, 0, -1_000, driftMs - 1_000, driftMs, driftMs + 1])
  const counter = random.pick([0, 1, 2 ** 31, 2 ** 31 + 1])
  return {
    origins,
    stamps: [base, ...origins.flatMap((_, i) => [i + 1, random.pick([0, 1, 5_000]), counter])],
  }
}

const indices = (count: number) => list(count, (i) => i + 1)

function roster({ random, ids, next }: Known, count: number): unknown[] {
  return list(count, () => {
    const id = random.chance(0.1) ? random.pick(ids) : `g${next()}`
    const address = random.pick([`h${next()}:1`, `h${next()}:1`, ':7373', '', 'm:7373'])
    return [id, random.pick(['ghost', 'A', 'B', '']), address, random.integer(0, 3), 0]
  })
}

function ownStamps({ wallMs, random }: Known): number[] {
  return [wallMs - random.integer(0, 50), 0, 0, random.pick([0, 1, 7, 2 ** 31])]
}

const FLOODS: readonly Flood[] = [
  // Rosters of made-up members, and digests of theirs.
  (known) => {
    const { origins, stamps } = stampsOf(known, many(known, 3_000))
    const entries = roster(known, many(known, 3_000))
    return [HEARTBEAT, origins, stamps, 1, 0, indices(origins.length), entries]
  },
  (known) => {
    const { origins, stamps } = stampsOf(known, many(known, 50))
    const entries = roster(known, many(known, 200)).map((entry) => [
      ...(entry as unknown[]).slice(0, 4),
      indices(origins.length),
    ])
    return [STATE, origins, stamps, 1, known.pull, [], 0, [indices(origins.length), entries, [], 1]]
  },
  // Digests that claim writes of members that nobody knows.
  (known) => {
    const { origins, stamps } = stampsOf(known, many(known, 5_000))
    return [PULL, origins, stamps, known.random.integer(0, 9), indices(origins.length), 0]
  },
  (known) => {
    const { origins, stamps } = stampsOf(known, many(known, 3_000))
    return [STATE, origins, stamps, 1, known.pull, [], 0, [indices(origins.length), [], [], 1]]
  },
  // A transfer of nothing, and what some honest member is said to have written by its end.
  ({ random, ids, wallMs, driftMs, pull }) => {
    const stamps = [wallMs + random.pick([0, 5_000, driftMs - 1_000]), 1, 0, 0]
    return [STATE, [random.pick(ids)], stamps, 1, pull, [], 0, [[1], [], [], 1]]
  },
  // Removals of made-up origins.
  (known) => {
    const { origins, stamps } = stampsOf(known, many(known, 300))
    const writers = list(many(known, 300), () => `w${known.next()}`)
    const purged = [[indices(origins.length), writers]]
    return [STATE, origins, stamps, 1, known.pull, [], 0, [[], [], purged, 1]]
  },
  // Sessions without end: written, in part, touched, destroyed, staged.
  (known) => {
    const flags = known.random.integer(0, 3)
    const count = many(known, 150)
    const deltas = list(count, () => [`f${known.next()}`, 1, 0, 1, flags, 0, 0, 'a', 1, 1])
    return [DELTA, [], ownStamps(known), 1, 0, 1, known.random.integer(0, 1), deltas]
  },
  (known) => {
    const deltas = list(many(known, 100), () => [`f${known.next()}`, 1, -1, 0, 0, 1, 0])
    return [DELTA, [], ownStamps(known), 1, 0, 1, 0, deltas]
  },
  // Uses of sessions that are not here, and of one that may be.
  (known) => {
    const deltas = list(many(known, 100), () => [
      `f${known.next()}`,
      1,
      0,
      1,
      known.random.integer(0, 3),
      0,
      0,
    ])
    return [DELTA, [], ownStamps(known), 1, 0, 1, 0, [['large', 1, 0, 1, 0, 0, 0], ...deltas]]
  },
  (known) => {
    const records = list(many(known, 100), () => [`f${known.next()}`, 1, 0, 1, 0, 0, 0, 'a', 1, 1])
    return [STATE, [], ownStamps(known), 1, known.pull, records, 0, 0]
  },
  // One session of many attributes, of long names, of large values.
  (known) => {
    const attributes = list(many(known, 20_000), (i) => [`a${i}`, 1, 1]).flat()
    return [DELTA, [], ownStamps(known), 1, 0, 1, 0, [['large', 1, 0, 1, 0, 0, 0, ...attributes]]]
  },
  (known) => {
    const { random } = known
    const name = random.pick(['n'.repeat(300), 'n'.repeat(65_535), '__proto__', 'constructor', '', '\u0000'])
    const value = random.pick([new Packed('\xd4\x72\x40'.repeat(10)), null, 'v', 1e308, -0, true])
    return [DELTA, [], ownStamps(known), 1, 0, 1, 0, [['large', 1, 0, 1, 0, 0, [1, 1], name, value, 1]]]
  },
  // Lifetimes, ages and moments of any size.
  (known) => {
    const { random } = known
    const session = [
      `f${known.next()}`,
      1,
      random.pick(NUMBERS),
      1,
      0,
      0,
      [random.pick(NUMBERS), 1],
      'a',
      1,
      1,
    ]
    return [DELTA, [], ownStamps(known), random.pick(NUMBERS), 0, 1, 0, [session]]
  },
  (known) => {
    const sentMs = known.random.pick([Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** 50, -(2 ** 50)])
    const sessions = [0, 2 ** 50, 2 ** 53].map((idleMs) => [
      `f${known.next()}`,
      1,
      idleMs,
      1,
      0,
      0,
      0,
      'a',
      1,
      1,
    ])
    return [DELTA, [], ownStamps(known), sentMs, 0, 1, 0, sessions.slice(0, known.random.integer(1, 3))]
  },
  ({ random }) => random.pick(NUMBERS),
  // A gap that nothing closes, and deltas of nothing behind it.
  (known) => [DELTA, [], [...ownStamps(known), 0, 7, 0], 1, 2, 1, 1, []],
  // Questions: of one session again and again, of many that are not there, answers that nobody asked for.
  (known) => [PULL, [], [0], known.next(), 0, list(many(known, 3_000), () => 'large')],
  (known) => [PULL, [], [0], known.next(), 0, list(many(known, 1_000), (i) => `none${i}`)],
  (known) => {
    const records = list(many(known, 50), () => ['large', 1, 0, 1, 0, 0, 0, 'a', 1, 1])
    const pull = known.pull - known.random.integer(0, 2)
    return [STATE, [], ownStamps(known), 1, Math.max(0, pull), records, [], [[], [], [], 1]]
  },
  // Acks of what was never written, goodbyes.
  ({ random, ids, wallMs }) => [ACK, [random.pick(ids)], [wallMs + 5_000, 1, 0, 0], 1],
  () => [LEAVE, [], [0]],
  // Beside the protocol.
  ({ random }) => [
    'ask',
    random.pick(NUMBERS),
    random.pick(['report', 'session', '', '__proto__']),
    odd(random),
  ],
  ({ random }) => [
    'ask',
    1,
    'report',
    new Map([
      ['sample', random.pick(NUMBERS)],
      ['event', 0],
    ]),
  ],
  ({ random }) => ['ask', 1, 'session', random.pick(['large', '__proto__', ''])],
  ({ random }) => ['answer', random.integer(0, 3), new Map<unknown, unknown>([['member', odd(random)]])],
]

export function flood(known: Known): unknown {
  return known.random.pick(FLOODS)(known)
}
