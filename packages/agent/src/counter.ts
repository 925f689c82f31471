/**
 * What stands in the slots of an attribute that counts: how much each member has added. The value is their sum, so what is
 * added at once on several members, or by several requests of one, all counts.
 */

import { SessionMeshError, type Value } from '@sessionmesh/core'
import { countIn, type Kind, NOTHING, type PackedCount, type Slot } from './slots.js'
import { packValue, unpackValue } from './values.js'

/**
 * For `sessions.merge`: of a number, what several requests add or take away at once adds up, as in `{ views: counter }`.
 * A counter that is removed is 0. Each run of a server that adds to it takes an attribute of its session (`maxAttributes`),
 * for as long as that lives.
 */
export const counter = (): never => {
  throw new Error('counter is given to joinCluster as it is: sessions: { merge: { views: counter } }')
}

export const counting: Kind = {
  read(name, slots) {
    const [first] = slots
    if (first === undefined) return NOTHING
    // What it was before somebody made it a counter. It can be read, and replaced by a number.
    if (slots.length === 1 && first.origin === '' && numberIn(name, first.held) === undefined)
      return { ...NOTHING, value: first.held }
    // In one order everywhere: fractions add up to another number in another.
    const inOrder = [...slots].sort((a, b) => (a.origin < b.origin ? -1 : 1))
    const sum = inOrder.reduce((total, slot) => total + added(name, slot), 0)
    return { ...NOTHING, value: packValue(name, sum) }
  },

  write(name, origin, value, hand, held) {
    const own = held.find((slot) => slot.origin === origin)
    const [before, writes] = own === undefined ? [0, 0] : countIn(name, own.held)
    const next = value === undefined ? 0 : numberIn(name, value)
    const total = before + (next ?? Number.NaN) - (hand.value ? (numberIn(name, hand.value) ?? 0) : 0)
    if (!Number.isFinite(total))
      throw new SessionMeshError(
        'SESSIONMESH_MERGE_FAILED',
        `The session attribute "${name}" is a counter: give a finite number`,
      )
    return {
      held: packValue(name, [total, writes + 1] satisfies PackedCount),
      hand: { ...NOTHING, value },
      isOver: () => false,
    }
  },
}

function added(name: string, { origin, held }: Slot): number {
  return origin === '' ? (numberIn(name, held) ?? 0) : countIn(name, held)[0]
}

function numberIn(name: string, held: Value): number | undefined {
  const value = unpackValue(name, held)
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}
