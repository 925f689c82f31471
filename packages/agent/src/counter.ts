/**
 * What stands in the slots of an attribute that counts: how much each member has added. The value is their sum, so what is
 * added at once on several members, or by several requests of one, all counts.
 */

import { type Kind, NOTHING, type Slot } from './siblings.js'
import { packValue, unpackValue } from './values.js'

/**
 * For `sessions.merge`: of a number, what several requests add or take away at once adds up, as in `{ views: counter }`.
 * A counter that is removed is 0. Each run of a server that adds to it takes an attribute of its session (`maxAttributes`),
 * for as long as that lives.
 */
export const counter = (): never => {
  throw new Error('counter is given to joinCluster as it is: sessions: { merge: { views: counter } }')
}

/** Whether a slot is a counter's: so that who does not know of it does not make something else of it. */
export function isCount(bytes: Uint8Array): boolean {
  // MessagePack's array of one; siblings are arrays of arrays.
  const [array = 0, item = 0] = bytes
  return array === 0x91 && (item < 0x90 || item > 0x9f)
}

/** Throws an Error when a value is no number. */
export const counting: Kind = {
  read(name, slots) {
    if (slots.length === 0) return NOTHING
    // In one order everywhere: fractions add up to another number in another.
    const inOrder = [...slots].sort((a, b) => (a.origin < b.origin ? -1 : 1))
    const sum = inOrder.reduce((total, slot) => total + added(name, slot), 0)
    return { ...NOTHING, value: packValue(name, sum) }
  },

  write(name, origin, value, hand, held) {
    const own = held.find((slot) => slot.origin === origin)
    const before = own === undefined ? 0 : added(name, own)
    const total = before + numberOf(name, value) - numberOf(name, hand.value)
    return { bytes: packValue(name, [total]), hand: { ...NOTHING, value }, isOver: () => false }
  },
}

function added(name: string, { origin, bytes }: Slot): number {
  if (origin === '') return numberOf(name, bytes)
  const [total] = unpackValue(name, bytes) as [number]
  return total
}

function numberOf(name: string, bytes: Uint8Array | undefined): number {
  if (bytes === undefined) return 0
  const value = unpackValue(name, bytes)
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw new TypeError(`a counter is a finite number, and this is ${String(value)}`)
  return value
}
