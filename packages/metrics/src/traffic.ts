/** What went over the links to each peer, by the peer's name. */

import type { LinkReport, Status } from 'sessionmesh'

/**
 * By name and not by id: a name stays when a process is started anew, while each run has an id of its own, and would leave
 * series behind that nothing adds to any more.
 */
export interface PeerTraffic extends Traffic {
  readonly peer: string
  /** `undefined` while there is no link. */
  readonly bufferedBytes?: number
  /** The worst, should several be linked that have this name. */
  readonly lag?: { readonly p50Ms: number; readonly p99Ms: number }
}

type Traffic = Pick<LinkReport, (typeof COUNTED)[number]>

const COUNTED = ['sentBytes', 'receivedBytes', 'sentFrames', 'receivedFrames'] as const

/**
 * A link counts from its own beginning, and counters only grow: so they go on here from one link to the next, as long as
 * the peer's name is known to the cluster.
 */
export class TrafficMeter {
  /** As they were last, by the id of the peer. */
  #links = new Map<string, LinkReport>()
  #totals = new Map<string, Traffic>()

  read({ members, links }: Status): PeerTraffic[] {
    const names = new Map(members.map(({ id, name }) => [id, name]))
    const known = new Set(names.values())
    for (const name of this.#totals.keys()) if (!known.has(name)) this.#totals.delete(name)
    const now = new Map<string, PeerTraffic>()
    for (const link of links) {
      const peer = names.get(link.peer)
      if (peer === undefined) continue
      this.#totals.set(peer, added(this.#totals.get(peer), link, this.#links.get(link.peer)))
      const other = now.get(peer)
      const lag = slower(other?.lag, link.lag)
      const bufferedBytes = (other?.bufferedBytes ?? 0) + link.bufferedBytes
      now.set(peer, { peer, ...this.#totals.get(peer)!, bufferedBytes, ...(lag !== undefined && { lag }) })
    }
    this.#links = new Map(links.map((link) => [link.peer, link]))
    return [...this.#totals].map(([peer, total]) => now.get(peer) ?? { peer, ...total })
  }
}

function added(total: Traffic | undefined, link: LinkReport, before: LinkReport | undefined): Traffic {
  // What has less than it had is another link.
  const isSame = before !== undefined && COUNTED.every((each) => link[each] >= before[each])
  const sum = (each: (typeof COUNTED)[number]) =>
    (total?.[each] ?? 0) + link[each] - (isSame ? before[each] : 0)
  return {
    sentBytes: sum('sentBytes'),
    receivedBytes: sum('receivedBytes'),
    sentFrames: sum('sentFrames'),
    receivedFrames: sum('receivedFrames'),
  }
}

function slower(a: PeerTraffic['lag'], b: PeerTraffic['lag']): PeerTraffic['lag'] {
  if (a === undefined || b === undefined) return a ?? b
  return { p50Ms: Math.max(a.p50Ms, b.p50Ms), p99Ms: Math.max(a.p99Ms, b.p99Ms) }
}
