/**
 * Attributes of which concurrent values become one, in place of the later one winning: by a function of the user's, or as
 * counters.
 *
 * The core knows nothing of it. Of such an attribute each member writes under a name of its own, `cart` NUL `member`, its
 * slot, so that no two members ever write the same and none overwrites what it has not seen. What a request sees is made of
 * all slots (`siblings`, `counter`).
 *
 * Who has no function for the attribute takes part all the same, and sees one of the values that would be merged, the same
 * everywhere.
 */

import { type Base, sameValue, type Value } from '@sessionmesh/core'
import { counter, counting } from './counter.js'
import { type Merge, siblings } from './siblings.js'
import { type InHand, isCount, type Kind, NOTHING, type Slot } from './slots.js'
import { SEPARATOR } from './values.js'

type Attributes = ReadonlyMap<string, Value>

interface ToHold {
  readonly attributes: Attributes
  /** To be told of the base that the write has given: the next write of the same request goes on from it. */
  note(base: Base | undefined): void
}

export class MergedAttributes {
  readonly #merges: ReadonlyMap<string, Merge>
  readonly #failed: (name: string, cause: unknown) => void
  readonly #inHand = new WeakMap<Base, ReadonlyMap<string, InHand>>()

  /** @param failed a function of the user's threw, or gave what cannot be stored: one of the values is shown */
  constructor(merges: ReadonlyMap<string, Merge>, failed: (name: string, cause: unknown) => void = () => {}) {
    this.#merges = merges
    this.#failed = failed
  }

  /**
   * The attributes as a request sees them, still as bytes.
   * @throws SessionMeshError `SESSIONMESH_UNREADABLE_ATTRIBUTE`
   */
  view(base: Base): Attributes {
    const inHand = this.#handsOf(base)
    if (inHand.size === 0) return base.attributes
    const attributes = new Map<string, Value>()
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
   * @param isGone the member writes no more, and all that it wrote is here
   * @throws SessionMeshError as `view`, and `SESSIONMESH_MERGE_FAILED` for a counter that is to be no number
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
      const hand = hands.get(name) ?? NOTHING
      const value = next.get(name)
      const had = slotsOf(name, loaded)
      if (sameValue(value, hand.value)) {
        put(attributes, name, had)
        after.set(name, hand)
        continue
      }
      const now = slotsOf(name, held)
      const written = this.#kindOf(name, now).write(name, origin, value, hand, now)
      // (Who still writes must not have taken from it what nobody has seen.)
      const isDone = (writer: string) => written.isOver(writer) && (writer === '' || isGone(writer))
      const others = had.filter((slot) => !isDone(slot.origin))
      put(attributes, name, [...others, { origin, held: written.held }])
      after.set(name, written.hand)
    }
    return { attributes, note: (base) => base !== undefined && this.#inHand.set(base, after) }
  }

  #handsOf(base: Base): ReadonlyMap<string, InHand> {
    const known = this.#inHand.get(base)
    if (known !== undefined) return known
    const names = this.#namesIn(base.attributes)
    if (names.size === 0) return NONE
    const hands = new Map<string, InHand>()
    for (const name of names) {
      const slots = slotsOf(name, base)
      hands.set(name, this.#kindOf(name, slots).read(name, slots))
    }
    this.#inHand.set(base, hands)
    return hands
  }

  #namesIn(attributes: Attributes): ReadonlySet<string> {
    let names: Set<string> | undefined
    for (const raw of attributes.keys()) {
      const name = attributeOf(raw)
      if (name !== raw || this.#merges.has(name)) names = (names ?? new Set()).add(name)
    }
    return names ?? NO_NAMES
  }

  /** What stands in the slots counts, whatever this member was told of the attribute. */
  #kindOf(name: string, slots: readonly Slot[]): Kind {
    const merge = this.#merges.get(name)
    const written = slots.filter(({ origin }) => origin !== '')
    const isCounter = written.length > 0 ? written.every(({ held }) => isCount(held)) : merge === counter
    const asked = merge === counter ? undefined : merge
    return isCounter ? counting : siblings(asked, (cause) => this.#failed(name, cause))
  }
}

/** The attribute of the user's to which a name of the core belongs. */
export function attributeOf(raw: string): string {
  const end = raw.indexOf(SEPARATOR)
  return end === -1 ? raw : raw.slice(0, end)
}

/** Of such names each attribute once. */
export function attributesOf(raws: string[]): string[] {
  // (Hardly ever is one a slot.)
  return raws.some((raw) => raw.includes(SEPARATOR)) ? [...new Set(raws.map(attributeOf))] : raws
}

/** The member whose slot it is; `undefined` for an attribute as a whole. */
export function slotOf(raw: string): string | undefined {
  const end = raw.indexOf(SEPARATOR)
  return end === -1 ? undefined : raw.slice(end + SEPARATOR.length)
}

const NONE: ReadonlyMap<string, InHand> = new Map()
const NO_NAMES: ReadonlySet<string> = new Set()

function plain(attributes: Attributes): ToHold {
  return { attributes, note: () => {} }
}

function rawName(name: string, origin: string): string {
  return origin === '' ? name : `${name}${SEPARATOR}${origin}`
}

function put(attributes: Map<string, Value>, name: string, slots: readonly Slot[]): void {
  for (const { origin, held } of slots) attributes.set(rawName(name, origin), held)
}

function slotsOf(name: string, base: Base | undefined): Slot[] {
  if (base === undefined) return []
  return [...base.attributes]
    .filter(([raw]) => attributeOf(raw) === name)
    .map(([raw, held]) => ({ origin: raw.slice(name.length + SEPARATOR.length), held }))
}
