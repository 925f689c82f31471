/** Which quantities grow in which runs of which members. */

import { QUANTITIES, type Quantity } from './quantities.js'
import { grows, type Slope, slopeOf } from './slope.js'
import type { Series } from './watch.js'

export interface Judged {
  member: string
  pid: number
  quantity: Quantity
  slope: Slope
  grows: boolean
}

/** A process is judged by what it has once it has run for `warmUpMs`. Nothing is said of what is too short. */
export function judge({ member, samples }: Series, warmUpMs: number): Judged[] {
  const fromMs = (samples[0]?.atMs ?? 0) + warmUpMs
  const warm = samples.filter(({ atMs }) => atMs >= fromMs)
  return QUANTITIES.flatMap((quantity) => {
    const points = warm.flatMap((sample) => {
      const value = quantity.of(sample)
      return value === undefined ? [] : [{ atMs: sample.atMs, value }]
    })
    const slope = slopeOf(points)
    if (slope === undefined) return []
    return [{ member, pid: samples[0]!.pid, quantity, slope, grows: grows(slope, quantity.allowed) }]
  })
}
