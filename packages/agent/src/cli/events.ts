/** What happened, in words. */

import type { Event } from './picture.js'
import { cut } from './text.js'
import { count } from './units.js'

export const MAX_NAME = 24

/** What its member (`event.by`) did or saw, to be read after that member's name. */
export function wordsOf(event: Event): string {
  const { peer, sessions = 0, changed = [] } = event
  const who = cut(peer?.name ?? 'another member', MAX_NAME)
  switch (event.event) {
    case 'member:alive':
      return `sees ${who} alive`
    case 'member:suspect':
      return `hears nothing of ${who}`
    case 'member:dead':
      return `takes ${who} for dead`
    case 'member:left':
      return `lists ${who} as left`
    case 'takeover':
      return `answers for ${count(sessions, 'session')} of ${who} from now on`
    case 'sync:start':
      return `asks ${who} for what it lacks`
    case 'sync:end':
      return event.complete === false
        ? `got nothing of ${who}: that broke off`
        : `got ${count(sessions, 'record')} of ${who}`
    case 'session:created':
    case 'session:changed':
    case 'session:destroyed':
    case 'session:expired':
      return [`session ${nameOf(event)} ${event.event.slice('session:'.length)}`, changed.join(', ')]
        .filter((part) => part !== '')
        .join(': ')
    case 'warning':
      return `warns ${event.code ?? ''}: ${event.message ?? ''}`
    case 'joined':
      return `joined, and holds ${count(sessions, 'session')}`
    case 'anew':
      return 'was forgotten by the others, and joins anew'
    case 'draining':
      return 'is draining'
    case 'left':
      return 'left'
    default:
      // Of a later version.
      return [event.event, peer?.name, event.message].filter((part) => part !== undefined).join(' ')
  }
}

function nameOf({ ref, sid }: Event): string {
  return (ref ?? sid ?? '').slice(0, 8) || '?'
}

export function isGrave({ event, complete }: Event): boolean {
  return ['member:dead', 'member:suspect', 'warning', 'anew'].includes(event) || complete === false
}

/** Those of sessions are many, and all alike. */
const OF_SESSIONS = 6

/** So many in their order: mostly those of the cluster, and of those of sessions a third, or what the others leave. */
export function latest(events: readonly Event[], room: number): Event[] {
  const ofSessions = events.filter(isOfSession).slice(-OF_SESSIONS)
  const kept = Math.min(ofSessions.length, Math.floor(Math.max(0, room) / 3))
  const others = last(
    events.filter((event) => !isOfSession(event)),
    room - kept,
  )
  const chosen = new Set([...others, ...last(ofSessions, room - others.length)])
  return events.filter((event) => chosen.has(event))
}

function last<T>(all: readonly T[], count: number): readonly T[] {
  return count < 1 ? [] : all.slice(-count)
}

function isOfSession({ event }: Event): boolean {
  return event.startsWith('session:')
}
