/** Messages and events as a person reads them in a transcript. */

import { type CoreEvent, formatStamp, type Message, type Stamp } from '@sessionmesh/core'

type Record = Extract<Message, { kind: 'delta' }>['deltas'][number]

/** When virtual time begins: its digits say nothing to a reader. */
export const EPOCH_MS = 1_750_000_000_000

export function short(stamp: Stamp | undefined): string {
  return stamp === undefined ? '-' : formatStamp({ ...stamp, time: stamp.time - EPOCH_MS })
}

function digest(entries: readonly Stamp[]): string {
  return `[${entries.map(short).join(' ')}]`
}

function record({ sid, created, attributes, lifetime, destroyed, usedMs }: Record, sentMs: number): string {
  const fields = attributes.map(
    ({ name, value, stamp }) => `${name}${value ? '' : ' removed'} ${short(stamp)}`,
  )
  if (lifetime !== undefined) fields.push(`ttl ${lifetime.ttlMs} ${short(lifetime.stamp)}`)
  if (destroyed !== undefined) fields.push(`destroyed ${short(destroyed)}`)
  const idle = usedMs === undefined ? '' : `, idle ${(sentMs - usedMs).toFixed(0)}`
  return `${sid}{created ${short(created)}, ${fields.join(', ') || 'touch'}${idle}}`
}

export function describeMessage(message: Message): string {
  switch (message.kind) {
    case 'hello':
    case 'heartbeat': {
      const roster = message.roster.map(({ id, state }) => `${id} ${state}`).join(', ')
      return `${message.kind} ${digest(message.digest)} knows ${roster}`
    }
    case 'delta': {
      const span = `${short(message.previous)} .. ${short(message.upTo)}`
      return `delta ${span} ${message.wantsAck ? 'wants ack ' : ''}${message.deltas.map((delta) => record(delta, message.sentMs)).join(' ')}`
    }
    case 'ack':
      return `ack ${short(message.upTo)}`
    case 'pull':
      return `pull ${message.pull} ${message.digest ? digest(message.digest) : message.sids?.join(' ')}`
    case 'state': {
      const missing = message.missing?.length ? ` missing ${message.missing.join(' ')}` : ''
      const end = message.end ? ` end ${digest(message.end.digest)}` : ''
      return `state ${message.pull} ${message.records.map((each) => record(each, message.sentMs)).join(' ')}${missing}${end}`
    }
    case 'leave':
      return 'leave'
  }
}

export function describeEvent(event: CoreEvent): string {
  switch (event.type) {
    case 'member':
      return `${event.peer.id} is ${event.state}`
    case 'takeover':
      return `takes over ${event.sids.length} sessions of ${event.peer.id}`
    case 'sync':
      return `sync with ${event.peer.id} ${event.phase}${event.phase === 'end' && !event.complete ? ' incomplete' : ''}`
    case 'session':
      return `session ${event.sid} ${event.change}${event.owned ? ', owned' : ''}`
    case 'warning':
      return `warning ${event.code}`
    case 'ready':
      return 'ready'
  }
}
