/** Pictures of a mesh as a dashboard tells them, for tests of what is shown of them. */

import type { MeshEvent, MeshMember, MeshPicture } from '../src/diagnostics/mesh.js'
import { summaryOf, troublesOf } from '../src/diagnostics/troubles.js'
import type { LinkReport, Sample } from '../src/diagnostics/types.js'

/** Wall clock of all of them. */
export const AT_MS = Date.parse('2026-03-01T12:00:00Z')

export interface MemberSketch {
  state?: MeshMember['state']
  ready?: boolean
  verdict?: MeshMember['convergence']['verdict']
  forMs?: number
  lacks?: MeshMember['convergence']['lacks']
  /** As it sees others, by name; alive unless said. */
  sees?: Record<string, MeshMember['state'] | undefined>
  /** Of its links, by the name of the peer; `undefined`: there is none. */
  links?: Record<string, Partial<LinkReport> | undefined>
  /** One sample a second, the latest last. */
  samples?: readonly Partial<Sample>[]
  owners?: Record<string, number>
  isUntold?: boolean
}

/** Ids are `id-` and the name. */
export function sketch(
  members: Record<string, MemberSketch>,
  events: readonly Partial<MeshEvent & { ref: string }>[] = [],
): MeshPicture {
  const names = Object.keys(members)
  const all = names.map((name) => memberOf(name, members[name]!, names))
  const happened = events.map((event, i) => ({
    number: i + 1,
    atMs: AT_MS - 1_000 * (events.length - i),
    event: 'joined',
    by: { id: `id-${names[0]}`, name: names[0]! },
    ...event,
  }))
  const troubles = troublesOf({ members: all, events: happened, atMs: AT_MS })
  return {
    cluster: 'shop',
    by: `id-${names[0]}`,
    atMs: AT_MS,
    members: all,
    troubles,
    summary: summaryOf(all, troubles),
    events: happened,
    omitted: 0,
  }
}

function memberOf(name: string, sketched: MemberSketch, names: readonly string[]): MeshMember {
  const { state = 'alive', ready = true, verdict = 'identical', forMs = 60_000, lacks = [] } = sketched
  const { samples = [{}, {}], owners = {}, sees = {} } = sketched
  const others = names.filter((other) => other !== name)
  return {
    id: `id-${name}`,
    name,
    address: `10.0.0.${names.indexOf(name) + 1}:7373`,
    state,
    sinceMs: AT_MS - forMs,
    ...(!sketched.isUntold && {
      told: {
        atMs: AT_MS,
        upMs: 90_000,
        node: 'v20.19.0',
        pid: 4711,
        ready,
        limits: { sessions: 1_000_000, tombstones: 2_000_000 },
        members: others.map((other) => ({
          id: `id-${other}`,
          name: other,
          address: `10.0.0.${names.indexOf(other) + 1}:7373`,
          state: sees[other] ?? 'alive',
          sinceMs: AT_MS - 90_000,
        })),
        digest: [],
        census: { atMs: AT_MS, owners, bytes: 0 },
      },
    }),
    samples: samples.map((sample, i) => ({
      atMs: AT_MS - 1_000 * (samples.length - 1 - i),
      sessions: 0,
      tombstones: 0,
      pending: 0,
      heldBytes: 0,
      rssBytes: 100e6,
      heapBytes: 50e6,
      loop: { p50Ms: 0, p99Ms: 0, maxMs: 0 },
      writes: 0,
      touches: 0,
      deltasMerged: 0,
      waitedReads: 0,
      staleReads: 0,
      lostWrites: 0,
      writesDropped: 0,
      writesRefused: 0,
      links: others.flatMap((other) => linkTo(other, sketched)),
      ...sample,
    })),
    convergence: { verdict, sinceMs: AT_MS - forMs, lacks },
  }
}

function linkTo(other: string, { links = {} }: MemberSketch): LinkReport[] {
  if (other in links && links[other] === undefined) return []
  const none = { sentBytes: 0, receivedBytes: 0, sentFrames: 0, receivedFrames: 0, bufferedBytes: 0 }
  return [{ peer: `id-${other}`, ...none, ...links[other] }]
}
