/**
 * The whole cluster as one member can tell of it: what pages and terminals show. Plain data, as JSON has it. All times are on the
 * wall clock of the member that tells, ms since the epoch.
 */

import type { MemberState } from '@sessionmesh/core'
import type { Census, DiagnosticEvent, MemberReport, Sample } from './types.js'

/** As a whole, or what is new since the one before: then `samples` and `events` are the new ones alone. */
export interface MeshPicture {
  readonly cluster: string
  /** Id of the member that tells. */
  readonly by: string
  /** ms since the epoch, on its wall clock. */
  readonly atMs: number
  /** The one that tells first, then by name. */
  readonly members: readonly MeshMember[]
  /** What needs a person, the worst first; none when all is well. */
  readonly troubles: readonly Trouble[]
  /** One sentence on how it is. */
  readonly summary: string
  /** Of all members, by their time. */
  readonly events: readonly MeshEvent[]
  /** Events that came too fast to be kept, since somebody looks. */
  readonly omitted: number
}

export interface Trouble {
  /** `bad`: somebody is dead, or holds what he should not. */
  readonly tone: 'warn' | 'bad'
  /** The id of whom it is about. */
  readonly member: string
  /** For people; it begins with that one's name. */
  readonly text: string
}

export interface MeshMember {
  readonly id: string
  readonly name: string
  readonly address: string
  /** As the member that tells sees it. */
  readonly state: MemberState
  /** Since when, on the wall clock of the member that tells; of itself, since it joined. */
  readonly sinceMs: number
  /** What it told last; `undefined` before its first answer. It stays when it is gone: see `atMs` there. */
  readonly told?: Told | undefined
  /** One a second, for five minutes at the most. */
  readonly samples: readonly Sample[]
  readonly convergence: Convergence
}

export type Told = Pick<
  MemberReport,
  'atMs' | 'upMs' | 'node' | 'pid' | 'ready' | 'limits' | 'members' | 'digest'
> & {
  readonly census?: Pick<Census, 'atMs' | 'owners' | 'bytes'> | undefined
}

export interface MeshEvent extends DiagnosticEvent {
  /** Id and name of the member that tells of it. */
  readonly by: { readonly id: string; readonly name: string }
}

/** It is there, as far as anybody knows: neither dead nor left. */
export function isLiving({ state }: { readonly state: MemberState }): boolean {
  return state === 'alive' || state === 'suspect'
}

/**
 * The latest of events in their order: `count` of sessions, and as many others. Changes of sessions are many, and must not push
 * out what happened to the cluster.
 */
export function latestEvents<E extends { readonly event: string }>(events: readonly E[], count: number): E[] {
  const left = { ofSessions: count, others: count }
  const isKept = ({ event }: E) => left[event.startsWith('session:') ? 'ofSessions' : 'others']-- > 0
  return events.toReversed().filter(isKept).reverse()
}

/** How a member's state stands to that of the others, as far as they told. */
export interface Convergence {
  /**
   * `identical`: it has merged all that anybody has. `following`: it lacks what is on its way. `behind`: it has lacked
   * something for longer than that takes. `differs`: it has merged the same writes as another member, and holds something
   * else, which is a fault of sessionmesh. `unknown`: it does not answer.
   */
  readonly verdict: 'identical' | 'following' | 'behind' | 'differs' | 'unknown'
  /** Since when it is so, on the wall clock of the member that tells. */
  readonly sinceMs: number
  /** By origin: how much later, in ms, the latest write that it lacks was made than the latest that it has; 0 if it has none. */
  readonly lacks: readonly { readonly origin: string; readonly byMs: number }[]
  /** Of its present state, in hex: the same for members whose state is the same. `undefined` while writes come. */
  readonly fingerprint?: string | undefined
}
