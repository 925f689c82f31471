/** Messages and events as a person reads them in a transcript. */

import { type CoreEvent, formatStamp, type Message, type Stamp } from '@sessionmesh/core'
import { valueId } from './history.js'

type Record = Extract<Message, { kind: 'delta' }>['deltas'][number]

/** When virtual time begins: its digits say nothing to a reader. */
export const EPOCH_MS = 1_750_000_000_000

export function short(stamp: Stamp | undefined): string {
  return stamp === undefined ? '-' : formatStamp({ ...stamp, time: stamp.time - EPOCH_MS })
}

function digest(entries: readonly Stamp[] | undefined): string {
  if (entries === undefined) return '[as before]'
  return `[${entries.map(short).join(' ')}]`
}

function record(
  { sid, created, attributes, lifetime, destroyed, used, isPartial }: Record,
  sentMs: number,
): string {
  const fields = attributes.map(
    ({ name, value, stamp }) => `${name} ${value ? valueId(value) : 'removed'} ${short(stamp)}`,
  )
  if (isPartial) fields.push('a part')
  if (lifetime !== undefined) fields.push(`ttl ${lifetime.ttlMs} ${short(lifetime.stamp)}`)
  if (destroyed !== undefined) fields.push(`destroyed ${short(destroyed)}`)
  const idle = used === undefined ? '' : `, idle ${(sentMs - used.atMs).toFixed(0)}`
  return `${sid}{created ${short(created)}, ${fields.join(', ') || 'touch'}${idle}}`
}

function roster(entries: Extract<Message, { kind: 'heartbeat' }>['roster']): string {
  if (entries === undefined) return 'the same'
  return entries.map(({ id, state }) => `${id} ${state}`).join(', ') || 'nobody'
}

type Hello = Extract<Message, { kind: 'hello' }>

function state({
  digest: entries,
  roster: members,
  purged,
}: Pick<Hello, 'digest' | 'roster' | 'purged'>): string {
  const purges = purged.map(
    ({ removals, writers }) => ` purged [${removals.map(short).join(' ')}] of ${writers.join(' ')}`,
  )
  return `${digest(entries)} knows ${roster(members)}${purges.join('')}`
}

export function describeMessage(message: Message): string {
  switch (message.kind) {
    case 'hello':
      return `hello ${state(message)}`
    case 'heartbeat':
      return `heartbeat ${digest(message.digest)} knows ${roster(message.roster)}`
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
      const end = message.end ? ` end ${state(message.end)}` : ''
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
      if (event.phase === 'start') return `sync with ${event.peer.id} start`
      return `sync with ${event.peer.id} end${event.complete ? `, ${event.sessions} sessions` : ', broken off'}`
    case 'session':
      return `session ${event.sid} ${event.change}${event.changed.map((name) => ` ${name}`)}${event.owned ? ', owned' : ''}`
    case 'warning':
      return `warning ${event.code}: ${event.message}`
    case 'ready':
      return 'ready'
  }
}
