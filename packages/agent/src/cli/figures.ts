/** What there is to say of each member, worked out of a picture. */

import { isLiving } from '../diagnostics/mesh.js'
import type { Member, Picture, Sample } from './picture.js'

export interface Figures {
  readonly member: Member
  /** It has not ended, and answers: its figures are of now. */
  readonly isHeard: boolean
  readonly ready?: boolean | undefined
  readonly sessions?: number | undefined
  /** Of the living sessions, those for which it answers: 0 to 1. */
  readonly owned?: number | undefined
  readonly writesPerS?: number | undefined
  /** Of the link on which writes take longest. */
  readonly lag?: { readonly p50Ms: number; readonly p99Ms: number } | undefined
  readonly loopMs?: number | undefined
  readonly rssBytes?: number | undefined
  readonly queuedBytes?: number | undefined
}

export function figuresOf({ members }: Picture): Figures[] {
  return members.map((member) => {
    const { told, samples } = member
    const latest = samples.at(-1)
    if (!isHeard(member)) return { member, isHeard: false }
    return {
      member,
      isHeard: true,
      ready: told?.ready,
      owned: ownedBy(member),
      lag: lagOf(samples),
      ...(latest !== undefined && {
        sessions: latest.sessions,
        writesPerS: writesPerS(samples.at(-2), latest),
        loopMs: latest.loop.maxMs,
        rssBytes: latest.rssBytes,
        queuedBytes: latest.links.reduce((sum, { bufferedBytes }) => sum + bufferedBytes, 0),
      }),
    }
  })
}

function isHeard(member: Member): boolean {
  return isLiving(member) && member.told !== undefined && member.convergence.verdict !== 'unknown'
}

function ownedBy({ id, told }: Member): number | undefined {
  const owners = told?.census?.owners
  if (owners === undefined) return undefined
  const all = Object.values(owners).reduce((sum, each) => sum + each, 0)
  return all === 0 ? undefined : (owners[id] ?? 0) / all
}

/** Between two samples of one member; `undefined` when it counts anew. */
export function writesPerS(before: Sample | undefined, after: Sample): number | undefined {
  if (before === undefined || after.atMs <= before.atMs || after.writes < before.writes) return undefined
  return ((after.writes - before.writes) / (after.atMs - before.atMs)) * 1_000
}

/** Of the slowest link, in the latest of these samples in which there was a write. */
export function lagOf(samples: readonly Sample[]): Figures['lag'] {
  for (const { links } of samples.toReversed()) {
    const lags = links.flatMap(({ lag }) => lag ?? [])
    if (lags.length > 0) return lags.reduce((worst, lag) => (lag.p99Ms > worst.p99Ms ? lag : worst))
  }
  return undefined
}
