/** What one seed is about: how big, how busy, how hostile. Some histories are calm, and some are hell. */

import type { Config } from '@sessionmesh/core'
import type { Random } from './random.js'

export const faults = [
  /** Links break, and what is in flight is lost. */
  'reset',
  /** Members cannot reach each other: pairs, islands, halves, a bridge, a ring of majorities. */
  'cut',
  /** Members cannot reach each other from the first fault to the last, or for long: two of them most often. */
  'apart',
  /** Nothing arrives in one direction. */
  'oneway',
  /** A process dies, or its host loses power, and comes back as a new run. */
  'crash',
  /** The member that sends a joiner its first state dies. */
  'donor',
  /** A process stands still, longer than `deadAfterMs` perhaps. */
  'freeze',
  /** An event loop is blocked for a moment. */
  'stall',
  /** A member says goodbye, and comes back as a new run. */
  'leave',
  /** A member says goodbye for good: the cluster is made smaller. */
  'shrink',
  /** A link delays everything. */
  'slow',
  /** A wall clock is set, or goes to and fro. */
  'jump',
  'strobe',
  /** A wall clock is set wrong by more than is allowed, until somebody mends it and starts the server anew. */
  'leap',
  /** Members join while the others work. */
  'late',
  /** Somebody answers by multicast whatever he likes. */
  'forged',
] as const
export type Fault = (typeof faults)[number]

/** What a deploy does, and nothing that goes wrong. */
export const ORDERLY: ReadonlySet<Fault> = new Set(['leave', 'shrink', 'late'])

/** How members find each other: by the lists of their users, by a name server, or by multicast. */
export type Finding = 'list' | 'names' | 'multicast'

export interface Scenario {
  readonly members: number
  readonly finding: Finding
  /** Addresses in everybody's list; the others are learnt of, or found. */
  readonly listed: number
  /** Instead: the first host names nobody, and all the others name it. */
  readonly isOneSided: boolean
  /** How often members look for others, and how often an answer gets lost. */
  readonly lookEveryMs: number
  readonly lossShare: number
  /** Members listen on all addresses of their hosts, and are where others see them. */
  readonly areEverywhere: boolean
  /** Hosts have a second network, on which they are found as well. */
  readonly hasTwoNetworks: boolean
  /** Each run of a member has another address, as those of containers have. */
  readonly areMoving: boolean
  readonly faults: readonly Fault[]
  /** Mean time from one fault to the next, and the longest that one lasts. */
  readonly faultEveryMs: number
  readonly longestFaultMs: number
  /** How long clients work and faults strike. */
  readonly lastsMs: number
  /** Scale of the network's delays. */
  readonly delayMs: number
  /** How far wall clocks are off, at most, to either side. */
  readonly maxSkewMs: number
  readonly clients: number
  readonly requestEveryMs: number
  /** How often a client's request goes to the member that the balancer chose for this client, if that one serves. */
  readonly stickiness: number
  readonly ttlMs: number
  /** Tombstones outlive the faults, so that even members that nobody knew of learn of every destroy. */
  readonly hasGrace: boolean
  /** Of the requests those that only read. */
  readonly readShare: number
  readonly destroyShare: number
  readonly regenerateShare: number
  readonly valueBytes: number
  readonly config: Partial<Config>
}

/** What a user may fix; the seed draws the rest. */
export interface Wishes {
  readonly members?: number | undefined
  readonly faults?: readonly Fault[] | undefined
}

/** So that a reader that stands still for a moment makes them run over. */
function smallBuffers(members: number): Partial<Config> {
  // What members tell of each other grows with their number, and has to fit.
  const maxLinkBufferBytes = 3_500 + 1_500 * members
  return { maxLinkBufferBytes, maxSessionBytes: 1_500, maxBatchBytes: 1_000, transferChunkBytes: 1_000 }
}

/** From the end of the faults until all is the same everywhere; well above what that may take. */
const HEAL_MS = 13_000

/** Until members that never met have found each other: of several answers some are lost. */
export function meetWithinMs({ finding, lookEveryMs }: Pick<Scenario, 'finding' | 'lookEveryMs'>): number {
  return finding === 'list' ? 0 : 4 * lookEveryMs
}

export const LONG_TTL_MS = 3_600_000
const SHORT_TTL_MS = 2_000

export function drawScenario(random: Random, wishes: Wishes = {}): Scenario {
  const drawn = random.pick([2, 3, 3, 3, 4, 4, 5, 5, random.integer(6, 9)])
  const members = wishes.members ?? drawn
  // Parts that forget each other, and what was destroyed meanwhile.
  const isForgetful = random.chance(0.1)
  // Sessions that are used for longer than any fault lasts, by members of which two hear of each other by a third.
  const isRelayed = !isForgetful && members > 2 && random.chance(0.1)
  const lastsMs = isForgetful || isRelayed ? 8_000 : random.pick([500, 1_000, 2_000, 4_000, 8_000])
  const shortTtlMs = random.pick([LONG_TTL_MS, LONG_TTL_MS, LONG_TTL_MS, SHORT_TTL_MS])
  const ttlMs = isRelayed ? random.pick([10_000, 20_000]) : shortTtlMs
  // Most are few. (Where something has to be destroyed first, or has to end by time, few would show nothing.)
  const requests = random.skewed(isForgetful || ttlMs < LONG_TTL_MS ? 100 : 10, 800)
  const hasGrace = !isForgetful && random.chance(0.7)
  const hasSmallBuffers = random.chance(0.3)
  // (What is on its way counts against the buffers: small ones want a quick network.)
  const delayMs = random.pick(hasSmallBuffers ? [0.1, 0.2, 0.5, 1] : [0.2, 1, 5, 20])
  const drawnShare = random.pick([0, 0.3, 0.6, 1])
  const share = isRelayed ? drawnShare / 3 : drawnShare
  const isDeploy = share === 0 && random.chance(0.5)
  const finding = random.pick<Finding>(['list', 'list', 'list', 'names', 'multicast', 'multicast'])
  const isListed = finding === 'list'
  const hasTwoNetworks = finding === 'multicast' && random.chance(0.3)
  const listed = isListed ? (random.chance(0.7) ? members : Math.min(2, members)) : random.pick([0, 0, 1])
  const lookEveryMs = random.pick([500, 1_000, 2_000, 4_000])
  const healMs = HEAL_MS + meetWithinMs({ finding, lookEveryMs })
  return {
    members,
    finding,
    listed,
    isOneSided: isListed && random.chance(0.15),
    lookEveryMs,
    lossShare: random.pick([0, 0, 0.1, 0.4]),
    areEverywhere: hasTwoNetworks || random.chance(0.5),
    hasTwoNetworks,
    areMoving: listed === 0 && random.chance(0.3),
    faults: faults.filter((fault) => {
      const isDrawn =
        random.chance(isDeploy && ORDERLY.has(fault) ? 0.7 : share) ||
        (fault === 'apart' && (isForgetful || isRelayed))
      return isDrawn && (wishes.faults?.includes(fault) ?? true)
    }),
    faultEveryMs: random.pick([200, 500, 1_500]),
    longestFaultMs: random.pick([300, 3_000, 8_000]),
    lastsMs,
    delayMs,
    maxSkewMs: random.pick([0, 0, 200, 4_000]),
    clients: random.pick([2, 5, 15]),
    requestEveryMs: lastsMs / requests,
    stickiness: random.pick([0, 0, 0.95]),
    ttlMs,
    hasGrace,
    readShare: isRelayed ? 0.95 : random.pick([0.1, 0.4, 0.4, 0.95]),
    destroyShare: isRelayed ? 0.01 : random.pick([0.01, 0.05, 0.2]),
    regenerateShare: isRelayed ? 0 : random.pick([0, 0.02, 0.1]),
    valueBytes: hasSmallBuffers ? 200 : 4,
    config: {
      // A transfer in tiny chunks over a slow network ends, but not in two seconds.
      transferChunkRecords: random.pick([delayMs > 1 ? 20 : 3, 50, 1_000]),
      ...(hasSmallBuffers && smallBuffers(members)),
      ...(isForgetful && { forgetDeadAfterMs: 2_500 }),
      ...(!isForgetful && random.chance(0.1) && { forgetDeadAfterMs: random.pick([2_500, 5_000]) }),
      // What sessions are given counts, not what they would have without.
      ttlMs: ttlMs !== SHORT_TTL_MS ? ttlMs : random.pick([ttlMs, ttlMs / 2, 4 * ttlMs]),
      tombstoneGraceMs: hasGrace ? lastsMs + healMs : random.pick([1, 1, 2_000]),
      // (Of more members each alone could have as many, and together more than any of them takes.)
      ...(members <= 3 && random.chance(0.4) && { maxSessions: random.pick([2, 5, 10]) }),
    },
  }
}

export function describeScenario(scenario: Scenario): string {
  return Object.entries({ ...scenario, ...scenario.config, config: undefined })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(',') || 'none' : round(value)}`)
    .join(' · ')
}

function round(value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 100) / 100 : value
}
