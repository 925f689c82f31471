/** What is not as it should be, in words: of links, of members, and of all of them together. */

import { type Figures, figuresOf, isLiving, lagOf } from './figures.js'
import type { Member, Picture } from './picture.js'
import { bytes, duration, list, ms, wholeDuration } from './units.js'

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

/** What needs a person, each in some words that begin with who it is about. */
export function troubles(picture: Picture): string[] {
  const ofMembers = figuresOf(picture).flatMap((figures) => troublesOf(figures, picture))
  return [...ofMembers, ...ofMissingLinks(linkTroubles(picture))]
}

function troublesOf({ member, ready }: Figures, picture: Picture): string[] {
  const { name, state, sinceMs: stateSinceMs, told, convergence } = member
  const { verdict, sinceMs } = convergence
  if (state === 'left') return []
  if (state === 'dead') return [`${name} is dead for ${wholeDuration(picture.atMs - stateSinceMs)}`]
  const since = wholeDuration(picture.atMs - sinceMs)
  const found: string[] = []
  if (state === 'suspect') found.push(`${name} is suspect${heardBy(member, picture)}`)
  else if (told === undefined) found.push(`${name} has not answered yet`)
  else if (verdict === 'unknown') found.push(`${name} has not answered for ${since}`)
  if (verdict === 'behind')
    found.push(`${name} is behind for ${since}: it lacks writes of ${lacking(member, picture)}`)
  if (verdict === 'differs') {
    found.push(
      `${name} differs for ${since}: it has merged the same writes as another member, and holds something else, ` +
        'which is a fault of sessionmesh',
    )
  }
  if (ready === false) found.push(`${name} is not ready`)
  return found
}

/** The member that tells may be the one that is cut off. */
function heardBy({ id }: Member, picture: Picture): string {
  const hearing = figuresOf(picture).filter(
    ({ member, isHeard }) =>
      isHeard && member.told?.members.some((seen) => seen.id === id && seen.state === 'alive'),
  )
  return hearing.length === 0 ? '' : `, though ${list(hearing.map(({ member }) => member.name))} can hear it`
}

/** By name; of a member that nobody lists the beginning of its id. */
export function lacking({ convergence }: Member, picture: Picture): string {
  const names = new Map(
    picture.members.flatMap(({ told }) => told?.members ?? []).map(({ id, name }) => [id, name]),
  )
  for (const { id, name } of picture.members) names.set(id, name)
  const origins = convergence.lacks.map(({ origin, byMs }) => {
    const who = names.get(origin) ?? `a former member (${origin.slice(0, 8)})`
    return byMs > 0 ? `${who} (${duration(byMs)})` : who
  })
  return list(origins)
}

/** Once for each pair. */
function ofMissingLinks(links: readonly LinkTrouble[]): string[] {
  const pairs = new Map<string, string>()
  for (const { at, peer, isMissing } of links) {
    const pair = [at, peer].sort().join('\n')
    if (isMissing && !pairs.has(pair)) pairs.set(pair, `${at} has no working link to ${peer}`)
  }
  return [...pairs.values()]
}

/** Whether all is well, in one line. */
export function summary(picture: Picture): string {
  const found = troubles(picture)
  if (found.length > 0) return `Not well: ${found.join('; ')}.`
  const living = picture.members.filter(isLiving)
  const [only] = living
  if (living.length === 1)
    return `All is well: ${only?.name} is alive and ready. It is alone: nobody else holds its sessions.`
  const following = living.filter(({ convergence }) => convergence.verdict === 'following')
  const members = `All is well: ${living.length} members are alive and ready`
  if (following.length === 0) return `${members}, and hold the same.`
  return `${members}; writes are on their way to ${following.length}.`
}
