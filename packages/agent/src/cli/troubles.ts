/** Links that are missing or slow, in words. (What needs a person the picture says itself.) */

import { figuresOf, lagOf } from './figures.js'
import type { Member, Picture } from './picture.js'
import { bytes, ms } from './units.js'

/** Writes that take so long wait for something: a network, or an event loop. */
const SLOW_MS = 250
const QUEUED_BYTES = 1024 * 1024

export interface LinkTrouble {
  /** Name of the member that tells. */
  readonly at: string
  readonly peer: string
  readonly isMissing: boolean
  readonly words: string
}

/** Of members that answer: the links that they miss, and those that are slow. */
export function linkTroubles(picture: Picture): LinkTrouble[] {
  const heard = figuresOf(picture).filter(({ isHeard }) => isHeard)
  return heard.flatMap(({ member }) => picture.members.flatMap((peer) => troubleOf(member, peer) ?? []))
}

function troubleOf(member: Member, peer: Member): LinkTrouble | undefined {
  // (Of one that is suspect nobody need say so again.)
  if (member.id === peer.id || peer.state !== 'alive') return undefined
  const between = { at: member.name, peer: peer.name }
  const latest = member.samples.at(-1)
  const link = latest?.links.find((each) => each.peer === peer.id)
  const seen = member.told?.members.find(({ id }) => id === peer.id)?.state
  // (A sample is a second old: of a link that it lacks its member may say since that it is there.)
  if (seen !== 'alive' && latest !== undefined) {
    const words =
      link === undefined ? 'no link' : `a link, but nothing is heard: it is ${seen ?? 'unknown'} there`
    return { ...between, isMissing: true, words }
  }
  if (link === undefined) return undefined
  const queued = link.bufferedBytes
  if (queued >= QUEUED_BYTES)
    return { ...between, isMissing: false, words: `slow: ${bytes(queued)} wait to be sent` }
  const lag = lagOf(
    member.samples.map((sample) => ({
      ...sample,
      links: sample.links.filter((each) => each.peer === peer.id),
    })),
  )
  if (lag === undefined || lag.p99Ms < SLOW_MS) return undefined
  return {
    ...between,
    isMissing: false,
    words: `slow: writes take ${ms(lag.p50Ms)} ms, the slowest ${ms(lag.p99Ms)} ms`,
  }
}

/** Whether all is well, in one line. */
export function summary({ troubles, summary }: Picture): string {
  return `${troubles.length === 0 ? 'All is well' : 'Not well'}: ${summary}.`
}
