/** Every metric, once: what Prometheus and OpenTelemetry are told is made of this table. */

import type { Counters, MemberState, Status } from 'sessionmesh'
import type { PeerTraffic } from './traffic.js'

export interface Definition {
  /** As OpenTelemetry has it, as in `sessionmesh.link.io`. */
  readonly name: string
  /** In UCUM: `s`, `By`, or what is counted, as in `{session}`. */
  readonly unit: string
  /** What only grows is a counter. What is summed over members or links to something that means anything is a level. */
  readonly kind: 'counter' | 'level' | 'gauge'
  readonly help: string
  /** Beside `cluster` and `member`, which all have. */
  readonly labels: readonly LabelName[]
  readonly read: (view: View) => readonly Point[]
}

export type LabelName = 'state' | 'peer' | 'direction' | 'percentile'

/** What a scrape reads: one status, for all metrics. */
export interface View {
  readonly status: Status
  /** By the name of the peer. */
  readonly traffic: readonly PeerTraffic[]
}

export interface Point {
  readonly value: number
  readonly labels?: Readonly<Partial<Record<LabelName, string>>>
}

/** (Records, so that a state or a counter that is missing here does not compile.) */
const states: Record<MemberState, true> = { alive: true, suspect: true, dead: true, left: true }

const counters: Record<keyof Counters, readonly [name: string, unit: string, help: string]> = {
  writes: ['writes', '{write}', 'Writes made here that created or changed a session.'],
  writesDropped: [
    'writes_dropped',
    '{write}',
    'Writes made here that came too late: their session was destroyed or had expired.',
  ],
  writesRefused: [
    'writes_refused',
    '{write}',
    'Writes asked for here that a limit refused: of the size of a session, or of how many there are.',
  ],
  touches: ['touches', '{touch}', 'Uses here that changed nothing and renewed the idle time.'],
  deltasSent: [
    'deltas_sent',
    '{delta}',
    'Writes and destroys made here, once for each peer that they went to.',
  ],
  deltasMerged: ['deltas_merged', '{delta}', 'Changes of sessions that came from peers as they were made.'],
  touchesSent: [
    'touches_sent',
    '{touch}',
    'Uses, and ends by time, once for each peer that was told of them.',
  ],
  gaps: ['gaps', '{gap}', 'Times that writes of a peer did not come by themselves and were asked for.'],
  pulls: ['pulls', '{pull}', 'Times that a peer was asked for all that is lacking here.'],
  transfersSent: ['transfers_sent', '{transfer}', 'Answers to pulls of peers, sent whole.'],
  transfersReceived: ['transfers_received', '{transfer}', 'Answers to own pulls, received whole.'],
  transfersAbandoned: [
    'transfers_abandoned',
    '{transfer}',
    'Answers to own pulls that broke off with their link, and are asked for again.',
  ],
  fetches: ['fetches', '{session}', 'Sessions that were asked for by id.'],
  waitedReads: ['reads_waited', '{read}', 'Reads that waited for what their client had seen elsewhere.'],
  staleReads: [
    'reads_stale',
    '{read}',
    'Reads that were served without all that their client had seen, since nobody who has it could be reached.',
  ],
  lostWrites: [
    'writes_lost',
    '{wait}',
    'Times that a read stopped waiting for, or showing, a write that no member has any more, since its writer is dead or cut off.',
  ],
  missedAcks: [
    'acks_missed',
    '{write}',
    'Writes whose acks did not come in time, or had no peer to come from.',
  ],
  expired: ['sessions_expired', '{session}', 'Sessions that ended here by time.'],
  takeovers: ['takeovers', '{takeover}', 'Members that died or left, for whose sessions others answer now.'],
  stalls: [
    'stalls',
    '{stall}',
    'Times that this process stood still: a blocked event loop, a freeze, a suspended host.',
  ],
  linksRefused: ['links_refused', '{link}', 'Links that were cut here for what came on them.'],
}

const strangers: Record<keyof Status['strangers'], readonly [name: string, help: string]> = {
  admitted: ['strangers_admitted', "Sockets to the members' port that were looked at, whoever opened them."],
  refused: [
    'strangers_refused',
    "Sockets to the members' port that were reset unread: more than members open.",
  ],
}

export const definitions: readonly Definition[] = [
  level('sessions', '{session}', 'Sessions held.', ({ sessions }) => sessions),
  level(
    'tombstones',
    '{session}',
    'Destroyed sessions that are remembered until every member knows.',
    ({ tombstones }) => tombstones,
  ),
  level('ready', '{member}', '1 while a load balancer should send requests here, else 0.', ({ ready }) =>
    Number(ready),
  ),
  {
    name: 'sessionmesh.members',
    unit: '{member}',
    kind: 'level',
    help: 'Members in each state as this one sees them, itself included.',
    labels: ['state'],
    read: ({ status: { members } }) =>
      Object.keys(states).map((state) => ({
        value: members.filter((member) => member.state === state).length,
        labels: { state },
      })),
  },
  level(
    'pending',
    '{operation}',
    'Questions, reads and transfers that wait for peers.',
    ({ pending }) => pending,
  ),
  level(
    'held',
    'By',
    'Writes of peers that are held back until a gap before them is closed.',
    ({ heldBytes }) => heldBytes,
  ),
  ...Object.entries(counters).map(([counter, [name, unit, help]]): Definition => {
    const read = ({ status }: View) => [{ value: status.counters[counter as keyof Counters] }]
    return { name: `sessionmesh.${name}`, unit, kind: 'counter', help, labels: [], read }
  }),
  ...Object.entries(strangers).map(([count, [name, help]]): Definition => {
    const read = ({ status }: View) => [{ value: status.strangers[count as keyof Status['strangers']] }]
    return { name: `sessionmesh.${name}`, unit: '{socket}', kind: 'counter', help, labels: [], read }
  }),
  {
    name: 'sessionmesh.link.io',
    unit: 'By',
    kind: 'counter',
    help: 'Payload of frames on the links to a peer.',
    labels: ['peer', 'direction'],
    read: ({ traffic }) => traffic.flatMap((each) => bothWays(each.peer, each.sentBytes, each.receivedBytes)),
  },
  {
    name: 'sessionmesh.link.frames',
    unit: '{frame}',
    kind: 'counter',
    help: 'Frames on the links to a peer.',
    labels: ['peer', 'direction'],
    read: ({ traffic }) =>
      traffic.flatMap((each) => bothWays(each.peer, each.sentFrames, each.receivedFrames)),
  },
  {
    name: 'sessionmesh.link.buffered',
    unit: 'By',
    kind: 'level',
    help: 'What waits for the operating system to take it to a peer.',
    labels: ['peer'],
    read: ({ traffic }) =>
      traffic.flatMap(({ peer, bufferedBytes }) =>
        bufferedBytes === undefined ? [] : [{ value: bufferedBytes, labels: { peer } }],
      ),
  },
  {
    name: 'sessionmesh.link.lag',
    unit: 's',
    kind: 'gauge',
    help: 'How long writes of a peer took to be merged here, above its quickest frame, over the last minute.',
    labels: ['peer', 'percentile'],
    read: ({ traffic }) =>
      traffic.flatMap(({ peer, lag }) =>
        lag === undefined
          ? []
          : [
              { value: lag.p50Ms / 1_000, labels: { peer, percentile: '50' } },
              { value: lag.p99Ms / 1_000, labels: { peer, percentile: '99' } },
            ],
      ),
  },
]

/**
 * The name at Prometheus. It is made as OpenTelemetry's specification makes it for what is exported there, so that both ways
 * of measuring give the same names.
 */
export function prometheusName({ name, unit, kind }: Definition): string {
  const suffix = { s: '_seconds', By: '_bytes' }[unit] ?? ''
  return name.replaceAll('.', '_') + suffix + (kind === 'counter' ? '_total' : '')
}

function level(name: string, unit: string, help: string, read: (status: Status) => number): Definition {
  return {
    name: `sessionmesh.${name}`,
    unit,
    kind: 'level',
    help,
    labels: [],
    read: ({ status }) => [{ value: read(status) }],
  }
}

function bothWays(peer: string, sent: number, received: number): Point[] {
  return [
    { value: sent, labels: { peer, direction: 'transmit' } },
    { value: received, labels: { peer, direction: 'receive' } },
  ]
}
