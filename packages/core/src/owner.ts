/**
 * The owner of a session (Tomcat calls it primary) is the member that answers for it. It is computed, never
 * sent: each member finds the same one from the record's last stamp and the members it knows to be alive, so
 * nothing has to move when a member dies.
 */

import type { Origin, Stamp } from './stamp.js'

/** The last writer while it is alive, else the rendezvous choice among the living. */
export function ownerOf(sid: string, lastStamp: Stamp, living: ReadonlySet<Origin>): Origin | undefined {
  return living.has(lastStamp.origin) ? lastStamp.origin : rendezvous(sid, living)
}

/**
 * Highest random weight: each session ranks the members by a hash of both, and takes the first. A member
 * that goes moves only its own sessions, spread evenly over the rest. (Thaler and Ravishankar, 1996.)
 */
export function rendezvous(sid: string, living: ReadonlySet<Origin>): Origin | undefined {
  let best: Origin | undefined
  let bestWeight = -1
  for (const origin of living) {
    const weight = hash(sid, hash(origin, 0x811c9dc5))
    if (weight > bestWeight || (weight === bestWeight && best !== undefined && origin < best)) {
      best = origin
      bestWeight = weight
    }
  }
  return best
}

/** 32-bit FNV-1a over UTF-16 units, then murmur3's finaliser: FNV alone spreads the last characters poorly. */
function hash(text: string, seed: number): number {
  let h = seed
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
