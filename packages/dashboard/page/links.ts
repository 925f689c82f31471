/** The links between members as they are now, by what either end tells. */

import type { LinkReport, Sample } from 'sessionmesh'
import { isLiving, type Place } from './model.js'
import { grownBy } from './series.js'

export interface Link {
  /** Keys of the places, `a` before `b` in their order. */
  readonly a: string
  readonly b: string
  /** `missing`: both are alive, and neither tells of a link to the other. */
  readonly state: 'alive' | 'suspect' | 'missing'
  /** In a second, in either direction. */
  readonly fromABytes: number
  readonly fromBBytes: number
  /** The worst p99 of the last second, in either direction. */
  readonly lagMs?: number | undefined
}

interface End {
  readonly place: Place
  readonly latest: Sample
  readonly before: Sample | undefined
}

export function linksOf(places: readonly Place[]): Link[] {
  const living = places.filter(({ run }) => isLiving(run))
  const links: Link[] = []
  for (const [i, a] of living.entries())
    for (const b of living.slice(i + 1)) {
      const link = linkOf(a, b)
      if (link !== undefined) links.push(link)
    }
  return links
}

function linkOf(a: Place, b: Place): Link | undefined {
  const ends = [endOf(a), endOf(b)] as const
  const ab = ends[0] && trafficOf(ends[0], b)
  const ba = ends[1] && trafficOf(ends[1], a)
  const isSuspect = a.run.state === 'suspect' || b.run.state === 'suspect'
  const nothing = { a: a.key, b: b.key, fromABytes: 0, fromBBytes: 0 }
  if (ab === undefined && ba === undefined) {
    const isMissing = !isSuspect && ends[0] !== undefined && ends[1] !== undefined
    return isMissing ? { ...nothing, state: 'missing' } : undefined
  }
  const lags = [ab?.lagMs, ba?.lagMs].filter((lag) => lag !== undefined)
  return {
    ...nothing,
    state: isSuspect ? 'suspect' : 'alive',
    fromABytes: ab?.sentBytes ?? ba?.receivedBytes ?? 0,
    fromBBytes: ba?.sentBytes ?? ab?.receivedBytes ?? 0,
    lagMs: lags.length > 0 ? Math.max(...lags) : undefined,
  }
}

/** What one who does not answer told last says nothing of now. */
function endOf(place: Place): End | undefined {
  const { samples, convergence } = place.run
  const latest = samples.at(-1)
  if (latest === undefined || convergence.verdict === 'unknown') return undefined
  return { place, latest, before: samples.at(-2) }
}

function trafficOf({ latest, before }: End, peer: Place) {
  const toPeer = ({ links }: Sample) => links.find((link) => link.peer === peer.run.id)
  const now = toPeer(latest)
  if (now === undefined) return undefined
  const earlier = before && toPeer(before)
  const seconds = before ? Math.max(0.1, (latest.atMs - before.atMs) / 1_000) : 1
  const rate = (counter: 'sentBytes' | 'receivedBytes') => rateOf(now, earlier, counter) / seconds
  return { sentBytes: rate('sentBytes'), receivedBytes: rate('receivedBytes'), lagMs: now.lag?.p99Ms }
}

function rateOf(now: LinkReport, before: LinkReport | undefined, counter: 'sentBytes' | 'receivedBytes') {
  return before === undefined ? 0 : grownBy(now[counter], before[counter])
}
