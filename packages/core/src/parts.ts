/**
 * Two members that may not be mixed, since one has forgotten removals that the other one lacks (see purged.ts): they
 * were cut off from each other for longer than members are remembered. One begins anew, and so does, one by one, all of
 * its part of the cluster.
 *
 * Both ends decide by the same two hellos, and all members of a part nearly alike, whomever they happen to reach: or one would
 * yield here and another one there, or both, or nobody. So it is decided by the removals, which a part has in common,
 * and not by its size, which each of its members may see otherwise. (Where one has removed what another of its part is still
 * about to, one more may yield than has to. But who has removed the most yields to nobody, so its part goes on.)
 */

import { Digest, type DigestEntries } from './digest.js'
import { type Purge, Purged } from './purged.js'
import type { Origin } from './stamp.js'

/** `yield`: this member begins anew. `refuse`: the other end has to. */
export type Verdict = 'yield' | 'refuse' | undefined

/** What a hello tells of its sender's state. */
export interface Told {
  readonly digest: DigestEntries
  readonly purged: readonly Purge[]
}

/** Who has missed nothing goes on; else that part in which more members have removed what the other one misses. */
export function verdictOf(ours: Told, theirs: Told): Verdict {
  const theyMiss = missed(ours, theirs)
  const weMiss = missed(theirs, ours)
  if (theyMiss.length === weMiss.length && weMiss.length > 0)
    return lowest(theyMiss) < lowest(weMiss) ? 'refuse' : 'yield'
  if (theyMiss.length === weMiss.length) return undefined
  return theyMiss.length > weMiss.length ? 'refuse' : 'yield'
}

function missed({ purged }: Told, { digest }: Told): Origin[] {
  return Purged.of(purged).missedBy(Digest.of(digest))
}

function lowest(origins: readonly Origin[]): Origin {
  return [...origins].sort()[0] as Origin
}
