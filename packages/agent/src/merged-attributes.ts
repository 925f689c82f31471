/**
 * Attributes of which concurrent values are merged by a function of the user's, in place of the later one winning.
 *
 * The core knows nothing of it. Of such an attribute each member writes under a name of its own, `cart` NUL `member`, so
 * that no two members ever write the same and none overwrites what it has not seen. There stand this member's siblings:
 * values that no later write has replaced, each with what its writer had seen. What a request sees is the merge of all
 * siblings that nobody had seen who wrote another one. So one request after another replaces, also with less than there
 * was, and only what really was concurrent is merged.
 *
 * Who has no function for the attribute takes part all the same, and sees one of such siblings, the same everywhere.
 */

import { type Base, SessionMeshError } from '@sessionmesh/core'
import { Packr } from 'msgpackr'
import { CausalContext, type Dot, type PackedContext } from './causal-context.js'
import { packValue, SEPARATOR, unpackValue, unreadable } from './values.js'

/** Has to be commutative, associative and idempotent, and the same on all members. */
export type Merge = (a: never, b: never) => unknown

type Attributes = ReadonlyMap<string, Uint8Array>

interface Sibling {
  readonly dot: Dot
  /** Undefined: removed. */
  readonly value: Uint8Array | undefined
  readonly seen: CausalContext
}

/** What a request has of an attribute, and which writes that is made of. */
interface InHand {
  readonly value: Uint8Array | undefined
  readonly seen: CausalContext
}

interface ToHold {
  readonly attributes: Attributes
  /** To be told of the base that the write has given: the next write of the same request goes on from it. */
  note(base: Base | undefined): void
}

type PackedSibling = [count: number, value: Uint8Array | null, seen: PackedContext]

/** What an attribute held as such before somebody gave it a merge: the one write of nobody. */
const BEFORE: Dot = { origin: '', count: 1 }

export class MergedAttributes {
  readonly #merges: ReadonlyMap<string, Merge>
  readonly #inHand = new WeakMap<Base, ReadonlyMap<string, InHand>>()

  constructor(merges: ReadonlyMap<string, Merge>) {
    this.#merges = merges
  }

  /**
   * The attributes as a request sees them, still as bytes.
   * @throws SessionMeshError `SESSIONMESH_MERGE_FAILED`, `SESSIONMESH_UNREADABLE_ATTRIBUTE`
   */
  view(base: Base): Attributes {
    const inHand = this.#handsOf(base)
    if (inHand.size === 0) return base.attributes
    const attributes = new Map<string, Uint8Array>()
    for (const [name, value] of base.attributes)
      if (!inHand.has(attributeOf(name))) attributes.set(name, value)
    for (const [name, { value }] of inHand) if (value !== undefined) attributes.set(name, value)
    return attributes
  }

  /**
   * What has to be held for a request to have written `next`.
   *
   * @param base what it had loaded; without one it replaces what is held
   * @param heldNow gives what is held now
   * @param isGone the member writes no more
   */
  write(
    origin: string,
    next: Attributes,
    base: Base | undefined,
    heldNow: () => Base | undefined,
    isGone: (origin: string) => boolean,
  ): ToHold {
    if (base !== undefined && this.#merges.size === 0 && this.#handsOf(base).size === 0) return plain(next)
    const held = heldNow()
    const loaded = base ?? held
    const hands = loaded === undefined ? NONE : this.#handsOf(loaded)
    const names = new Set([...hands.keys(), ...[...this.#merges.keys()].filter((name) => next.has(name))])
    if (names.size === 0) return plain(next)
    const attributes = new Map([...next].filter(([name]) => !names.has(name)))
    const after = new Map<string, InHand>()
    for (const name of names) {
      const hand = hands.get(name) ?? { value: undefined, seen: new CausalContext() }
      const value = next.get(name)
      const before = rawOf(name, loaded?.attributes)
      if (isSame(value, hand.value)) {
        for (const [raw, bytes] of before) attributes.set(raw, bytes)
        after.set(name, hand)
        continue
      }
      const siblings = siblingsOf(name, held?.attributes)
      const count =
        1 + Math.max(...[hand.seen, ...siblings.map(knownTo)].map((context) => context.latest(origin)))
      const sibling = { dot: { origin, count }, value, seen: hand.seen }
      const own = siblings.filter(({ dot }) => dot.origin === origin && !hand.seen.covers(dot))
      const seen = hand.seen.copy()
      seen.add(sibling.dot)
      for (const [raw, bytes] of before) {
        const writer = raw.slice(name.length + SEPARATOR.length)
        const isOver = siblings.every(({ dot }) => dot.origin !== writer || hand.seen.covers(dot))
        // (Who still writes must not have taken from it what nobody has seen.)
        if (raw !== name && !(isOver && isGone(writer))) attributes.set(raw, bytes)
      }
      attributes.set(slot(name, origin), pack([...own, sibling]))
      after.set(name, { value, seen })
    }
    return { attributes, note: (written) => written !== undefined && this.#inHand.set(written, after) }
  }

  #handsOf(base: Base): ReadonlyMap<string, InHand> {
    const known = this.#inHand.get(base)
    if (known !== undefined) return known
    const names = this.#namesIn(base.attributes)
    if (names.size === 0) return NONE
    const hands = new Map<string, InHand>()
    for (const name of names) {
      const siblings = siblingsOf(name, base.attributes)
      const seen = new CausalContext()
      for (const sibling of siblings) seen.join(knownTo(sibling))
      hands.set(name, { value: this.#merged(name, siblings), seen })
    }
    this.#inHand.set(base, hands)
    return hands
  }

  #namesIn(attributes: Attributes): Set<string> {
    const names = new Set<string>()
    for (const raw of attributes.keys()) {
      const name = attributeOf(raw)
      if (name !== raw || this.#merges.has(name)) names.add(name)
    }
    return names
  }

  #merged(name: string, siblings: readonly Sibling[]): Uint8Array | undefined {
    const isReplaced = ({ dot }: Sibling) => siblings.some(({ seen }) => seen.covers(dot))
    const values = siblings
      .filter((sibling) => sibling.value !== undefined && !isReplaced(sibling))
      .sort((a, b) => a.dot.count - b.dot.count || (a.dot.origin < b.dot.origin ? -1 : 1))
      .map(({ value }) => value!)
    const merge = this.#merges.get(name)
    if (values.length < 2 || merge === undefined) return values.at(-1)
    try {
      const [first, ...others] = values.map((value) => unpackValue(name, value))
      return packValue(
        name,
        others.reduce((a, b) => merge(a as never, b as never), first),
      )
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new SessionMeshError(
        'SESSIONMESH_MERGE_FAILED',
        `The merge of the session attribute "${name}" failed: ${why}`,
        { cause },
      )
    }
  }
}

function plain(attributes: Attributes): ToHold {
  return { attributes, note: () => {} }
}

const NONE: ReadonlyMap<string, InHand> = new Map()

const packr = new Packr({ useRecords: false })

function slot(name: string, origin: string): string {
  return `${name}${SEPARATOR}${origin}`
}

/** All that is held of an attribute, under the names of the core. */
function rawOf(name: string, attributes: Attributes = new Map()): [raw: string, bytes: Uint8Array][] {
  return [...attributes].filter(([raw]) => attributeOf(raw) === name)
}

function siblingsOf(name: string, attributes: Attributes | undefined): Sibling[] {
  return rawOf(name, attributes).flatMap(([raw, bytes]) =>
    raw === name
      ? [{ dot: BEFORE, value: bytes, seen: new CausalContext() }]
      : unpack(name, raw.slice(name.length + SEPARATOR.length), bytes),
  )
}

function pack(siblings: readonly Sibling[]): Uint8Array {
  const packed = siblings.map(
    ({ dot, value, seen }): PackedSibling => [dot.count, value ?? null, seen.pack()],
  )
  return new Uint8Array(packr.pack(packed))
}

/** @throws SessionMeshError `SESSIONMESH_UNREADABLE_ATTRIBUTE` */
function unpack(name: string, origin: string, bytes: Uint8Array): Sibling[] {
  try {
    const packed: PackedSibling[] = packr.unpack(bytes)
    return packed.map(([count, value, seen]) => ({
      dot: { origin, count },
      value: value ?? undefined,
      seen: CausalContext.unpack(seen),
    }))
  } catch (cause) {
    throw unreadable(name, cause)
  }
}

/** All that its writer had seen, and itself. */
function knownTo({ dot, seen }: Sibling): CausalContext {
  const known = seen.copy()
  known.add(dot)
  return known
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return Buffer.compare(a, b) === 0
}

/** The attribute of the user's to which a name of the core belongs. */
export function attributeOf(raw: string): string {
  const end = raw.indexOf(SEPARATOR)
  return end === -1 ? raw : raw.slice(0, end)
}
