/**
 * Two parts of a cluster that were cut off from each other for longer than members are remembered. Nobody waited with
 * what was destroyed meanwhile, and where it is forgotten by now (see purged.ts) the two must not be mixed: one part
 * yields, and each of its members begins anew. The smaller part does, else the one without the lowest id; whoever holds
 * nothing has nothing to lose.
 */

import type { Context } from './context.js'
import { Digest, type DigestEntries } from './digest.js'
import type { Peer } from './members.js'
import type { Hello } from './messages.js'

/** `yield`: this member begins anew. `refuse`: the other end has to. */
export type Verdict = 'yield' | 'refuse' | undefined

export class Parts {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /** Of one who says hello. */
  ofHello({ id, digest, roster }: Hello): Verdict {
    const { purged, self } = this.#context
    if (!purged.isMissedBy(Digest.of(digest))) return undefined
    const linked = roster.filter(({ state }) => state === 'alive').map((entry) => entry.id)
    const isRemembered = roster.some((entry) => entry.id === self.id)
    return this.#isLess([id, ...linked], undefined, isRemembered) ? 'yield' : 'refuse'
  }

  /** Of a peer that is linked with both parts and has it of the other one by now: it must not come here. */
  ofPeer(peer: Peer, news: DigestEntries): Verdict {
    const { purged } = this.#context
    if (purged.isEmpty) return undefined
    const merged = Digest.of(peer.digest.entries())
    merged.join(news)
    if (!purged.isMissedBy(merged)) return undefined
    return this.#isLess([...peer.vouchesFor], peer, false) ? 'yield' : 'refuse'
  }

  /** Whether ours is the part that yields. Who is in both counts as ours. */
  #isLess(others: readonly string[], bridge: Peer | undefined, isRemembered: boolean): boolean {
    const { members, self, digest } = this.#context
    if (digest.size === 0) return true
    const peers = members.linked().filter((peer) => peer !== bridge)
    const ours = [self.id, ...peers.map(({ id }) => id)].sort()
    const theirs = others.filter((id) => !ours.includes(id) && id !== bridge?.id).sort()
    if (ours.length !== theirs.length) return ours.length < theirs.length
    return !isRemembered && (ours[0] as string) > (theirs[0] as string)
  }
}
