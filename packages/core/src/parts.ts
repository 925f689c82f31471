/**
 * Two parts of a cluster that were cut off from each other for longer than members are remembered. Nobody waited with
 * what was destroyed meanwhile, so the two must not be mixed: one part yields, and each of its members begins anew.
 * The smaller part does, else the one without the lowest id; whoever holds nothing has nothing to lose.
 */

import type { Context } from './context.js'
import type { Peer } from './members.js'
import type { Hello, RosterEntry } from './messages.js'

/** `yield`: this member begins anew. `refuse`: the other end has to. */
export type Verdict = 'yield' | 'refuse' | undefined

export class Parts {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /** Of one who says hello: it, or one that it is linked with, was forgotten here. */
  ofHello({ id, digest, roster }: Hello): Verdict {
    const { members, self } = this.#context
    const linked = roster.filter(({ state }) => state === 'alive').map((entry) => entry.id)
    const isForgotten = [id, ...linked].some((each) => members.isForgotten(each))
    if (digest.length === 0 || !isForgotten) return undefined
    const isRemembered = roster.some((entry) => entry.id === self.id)
    return this.#isLess([id, ...linked], undefined, isRemembered) ? 'yield' : 'refuse'
  }

  /** Of a peer that turns out to be linked with both parts: what it has of the other one must not come here. */
  ofPeer(peer: Peer, roster: readonly RosterEntry[]): Verdict {
    const { members } = this.#context
    if (!roster.some(({ id, state }) => state === 'alive' && members.isForgotten(id))) return undefined
    const living = roster.filter(({ state }) => state === 'alive' || state === 'suspect')
    const theirs = living.map(({ id }) => id).filter((id) => members.isForgotten(id))
    return this.#isLess(theirs, peer, false) ? 'yield' : 'refuse'
  }

  /** Whether ours is the part that yields. Who is in both counts as ours. */
  #isLess(others: readonly string[], bridge: Peer | undefined, isRemembered: boolean): boolean {
    const { members, self, digest } = this.#context
    if (digest.size === 0) return true
    const peers = members.linked().filter((peer) => peer !== bridge)
    const ours = [self.id, ...peers.map(({ id }) => id)].sort()
    const theirs = others.filter((id) => !ours.includes(id)).sort()
    if (ours.length !== theirs.length) return ours.length < theirs.length
    return !isRemembered && (ours[0] as string) > (theirs[0] as string)
  }
}
