/** A session as all members hold it: its attributes side by side, and where they differ. */

import type { StampReport } from 'sessionmesh'
import type { ShownAttribute, ShownSession } from '../src/api.js'

export interface Holding {
  /** Names of the members that hold it so. */
  readonly members: readonly string[]
  /** `undefined`: they hold nothing of it. */
  readonly attribute: ShownAttribute | undefined
}

export interface AttributeRow {
  readonly name: string
  readonly slotOf?: string | undefined
  /** One where all members that answer hold the same; a mark of removal and nothing are the same. */
  readonly holdings: readonly Holding[]
  readonly isSame: boolean
}

/** By name, then by slot. */
export function attributeRows({ members }: Pick<ShownSession, 'members'>): AttributeRow[] {
  const answering = members.filter(({ error }) => error === undefined)
  const keys = new Map<string, Pick<ShownAttribute, 'name' | 'slotOf'>>()
  for (const { report } of answering)
    for (const { name, slotOf } of report?.attributes ?? [])
      keys.set(keyOf({ name, slotOf }), { name, slotOf })
  return [...keys.values()]
    .sort((a, b) => compare(a.name, b.name) || compare(a.slotOf ?? '', b.slotOf ?? ''))
    .map(({ name, slotOf }) => {
      const holdings = new Map<string, { members: string[]; attribute: ShownAttribute | undefined }>()
      for (const member of answering) {
        const attribute = member.report?.attributes.find((each) => keyOf(each) === keyOf({ name, slotOf }))
        const key = attribute === undefined ? '' : `${stampKey(attribute.stamp)} ${attribute.removed}`
        const holding = holdings.get(key) ?? { members: [], attribute }
        holding.members.push(member.name)
        holdings.set(key, holding)
      }
      const held = [...holdings.values()]
      const kept = held.filter(({ attribute }) => attribute !== undefined && !attribute.removed)
      return { name, slotOf, holdings: held, isSame: kept.length === 0 || held.length === 1 }
    })
}

/** When it ends if nobody uses it, in ms from now; less than 0 when it has. */
export function expiresInMs({ ttlMs, idleMs }: { ttlMs: number; idleMs: number }): number {
  return ttlMs - idleMs
}

export function stampKey({ origin, timeMs, counter }: StampReport): string {
  return `${timeMs} ${counter} ${origin}`
}

function keyOf({ name, slotOf }: Pick<ShownAttribute, 'name' | 'slotOf'>): string {
  return JSON.stringify([name, slotOf])
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
