/** Stamps and digests as the checks see them. */

import type { Stamp } from '@sessionmesh/core'

export type DigestMap = Map<string, Stamp>

/** The total order of the design: time, counter, origin. */
export function compareStamps(a: Stamp, b: Stamp): number {
  if (a.time !== b.time) return a.time - b.time
  if (a.counter !== b.counter) return a.counter - b.counter
  return a.origin < b.origin ? -1 : a.origin > b.origin ? 1 : 0
}

export function stampKey({ time, counter, origin }: Stamp): string {
  return `${time}.${counter}@${origin}`
}

export function covers(digest: DigestMap, stamp: Stamp): boolean {
  const known = digest.get(stamp.origin)
  return known !== undefined && compareStamps(known, stamp) >= 0
}

export function raise(digest: DigestMap, stamp: Stamp): void {
  if (!covers(digest, stamp)) digest.set(stamp.origin, stamp)
}

export function join(digest: DigestMap, stamps: Iterable<Stamp>): DigestMap {
  for (const stamp of stamps) raise(digest, stamp)
  return digest
}

/** A client's token names this stamp, or a later one of its origin. */
export function isNamed(token: readonly Stamp[], stamp: Stamp): boolean {
  return token.some((entry) => entry.origin === stamp.origin && compareStamps(entry, stamp) >= 0)
}
