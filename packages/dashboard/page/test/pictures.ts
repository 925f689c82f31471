/** Pictures as a handler would send them, for the page's unit tests. */

import type { LinkReport, Sample } from 'sessionmesh'
import type { ShownEvent, ShownPicture } from '../../src/api.js'
import type { Told } from '../model.js'

export const AT_MS = 1_700_000_000_000

export function member(id: string, given: Partial<Told> = {}): Told {
  const name = given.name ?? id.replace(/\/.*/, '')
  return {
    id,
    name,
    address: `127.0.0.1:1${id.length}`,
    state: 'alive',
    sinceMs: AT_MS,
    samples: [],
    convergence: { verdict: 'identical', sinceMs: AT_MS, lacks: [] },
    ...given,
  }
}

export function told(given: Partial<NonNullable<Told['told']>> = {}): NonNullable<Told['told']> {
  const limits = { sessions: 1_000, tombstones: 1_000 }
  return {
    atMs: AT_MS,
    upMs: 1_000,
    node: 'v24.0.0',
    pid: 1,
    ready: true,
    limits,
    members: [],
    digest: [],
    ...given,
  }
}

/** The first of `members` tells. */
export function picture(members: readonly Told[], given: Partial<ShownPicture> = {}): ShownPicture {
  return {
    cluster: 'shop',
    by: members[0]!.id,
    atMs: AT_MS,
    members,
    troubles: [],
    summary: '',
    events: [],
    omitted: 0,
    ...given,
  }
}

export function sample(second: number, given: Partial<Sample> = {}): Sample {
  return {
    atMs: AT_MS + second * 1_000,
    sessions: 0,
    tombstones: 0,
    pending: 0,
    heldBytes: 0,
    rssBytes: 0,
    heapBytes: 0,
    loop: { p50Ms: 0, maxMs: 0 },
    writes: 0,
    touches: 0,
    deltasMerged: 0,
    waitedReads: 0,
    staleReads: 0,
    lostWrites: 0,
    writesDropped: 0,
    writesRefused: 0,
    links: [],
    ...given,
  }
}

export function link(peer: string, sentBytes = 0, given: Partial<LinkReport> = {}): LinkReport {
  return {
    peer,
    sentBytes,
    receivedBytes: 0,
    sentFrames: 0,
    receivedFrames: 0,
    bufferedBytes: 0,
    ...given,
  }
}

let number = 0

/** By the member `by`, whose id is its name; about `about`, likewise. */
export function event(by: string, name: string, about?: string, given: Partial<ShownEvent> = {}): ShownEvent {
  return {
    by: { id: by, name: by },
    number: ++number,
    atMs: AT_MS,
    event: name,
    ...(about !== undefined && { peer: { id: about, name: about.replace(/\/.*/, '') } }),
    ...given,
  }
}
