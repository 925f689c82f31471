/** What is told in words: events, what has just happened, and whether all is well. */

import type { ShownEvent } from '../src/api.js'
import { countText, lagText, listText, plural } from './format.js'
import { isLiving, type Model, type Run } from './model.js'

export type Tone = 'good' | 'warn' | 'bad' | 'none'

export const KINDS = ['members', 'takeovers', 'transfers', 'warnings', 'sessions'] as const
export type Kind = (typeof KINDS)[number]

export function kindOf(event: string): Kind {
  if (event.startsWith('session:')) return 'sessions'
  if (event.startsWith('sync:')) return 'transfers'
  if (event === 'takeover') return 'takeovers'
  return event === 'warning' ? 'warnings' : 'members'
}

/** Goes on from the name of the member that tells; of a session its name stands before it. */
export function eventText(event: ShownEvent): string {
  const peer = event.peer?.name ?? 'somebody'
  switch (event.event) {
    case 'joined':
      return `joined, with ${plural(event.sessions ?? 0, 'session')}`
    case 'anew':
      return 'was forgotten by the others, and joined anew'
    case 'draining':
      return 'is draining: no new requests, please'
    case 'left':
      return 'left'
    case 'member:alive':
      return `sees ${peer} alive`
    case 'member:suspect':
      return `suspects ${peer}`
    case 'member:dead':
      return `gave up ${peer}: dead`
    case 'member:left':
      return `lists ${peer} as left`
    case 'takeover':
      return `answers for ${plural(event.sessions ?? 0, 'session')} of ${peer}`
    case 'sync:start':
      return `asked ${peer} for what it lacks`
    case 'sync:end':
      return event.complete === false
        ? `asked ${peer} in vain: the transfer broke off`
        : `got ${plural(event.sessions ?? 0, 'record')} from ${peer}`
    case 'session:created':
    case 'session:changed':
    case 'session:destroyed':
    case 'session:expired':
      return sessionText(event)
    case 'warning':
      return `warns: ${event.message ?? event.code ?? ''}`
    default:
      return event.event
  }
}

function sessionText({ event, changed = [] }: ShownEvent): string {
  const what = event.slice('session:'.length)
  return changed.length > 0 ? `${what}: ${changed.join(', ')}` : what
}

export function toneOf({ event, complete }: ShownEvent): Tone {
  if (event === 'member:dead') return 'bad'
  if (['member:suspect', 'warning', 'anew', 'draining'].includes(event) || complete === false) return 'warn'
  if (['member:alive', 'joined', 'takeover'].includes(event)) return 'good'
  return 'none'
}

export interface Notice {
  readonly key: string
  readonly tone: Tone
  readonly text: string
}

/** Older ones are no news. */
const NEWS_MS = 6_000
/** Members notice an end one after the other; one that came back may have ended before. */
const END_MS = 10_000

/** In a sentence or two what somebody who looks away should hear: of `fresh`, by the member that tells. */
export function noticesOf(fresh: readonly ShownEvent[], model: Model): Notice[] {
  const news = fresh.filter(({ atMs }) => model.nowMs() - atMs < NEWS_MS)
  const notices: Notice[] = []
  const add = ({ by, number }: ShownEvent, tone: Tone, text: string) =>
    notices.push({ key: `${number} ${by.id}`, tone, text })
  for (const event of news) {
    const { peer, by } = event
    if (event.event === 'anew') add(event, 'warn', `${by.name} was forgotten, and has joined anew`)
    if (by.id !== model.by || peer === undefined) continue
    const isReplaced = model.placeOf(peer.id)?.run.id !== peer.id
    if (event.event === 'member:dead') add(event, 'bad', `${peer.name} is dead`)
    if (event.event === 'member:left' && !isReplaced) add(event, 'none', `${peer.name} has left`)
    if (event.event === 'member:alive')
      add(event, 'good', `${peer.name} ${wasThere(event, model) ? 'is back' : 'has joined'}`)
  }
  for (const { peer } of news.filter(({ event }) => event === 'takeover')) {
    const notice = peer && takeoverNotice(peer, model)
    if (notice !== undefined && !notices.some(({ key }) => key === notice.key)) notices.push(notice)
  }
  return notices
}

/** Of all that have told of it so far: they do so one after the other. */
function takeoverNotice(peer: { id: string; name: string }, model: Model): Notice | undefined {
  const by = takeoversOf(peer.id, model.nowMs() - NEWS_MS, model)
    .map((event) => `${event.by.name} (${countText(event.sessions ?? 0)})`)
    .sort()
  if (by.length === 0) return undefined
  const text = `sessions of ${peer.name} are answered for by ${listText(by)}`
  return { key: `takeover ${peer.id}`, tone: 'good', text }
}

function takeoversOf(id: string, sinceMs: number, { events }: Model): ShownEvent[] {
  return events.filter(
    ({ event, peer, atMs, sessions = 0 }) =>
      event === 'takeover' && peer?.id === id && atMs > sinceMs && sessions > 0,
  )
}

/** This very run was known before: it was suspect or dead meanwhile. */
function wasThere({ by, number, peer }: ShownEvent, model: Model): boolean {
  const upMs = model.places.find(({ run }) => run.id === peer?.id)?.run.told?.upMs ?? 0
  return (
    upMs > END_MS ||
    model.events.some(
      (earlier) =>
        earlier.by.id === by.id &&
        earlier.number < number &&
        earlier.peer?.id === peer?.id &&
        earlier.event === 'member:alive',
    )
  )
}

export interface Summary {
  readonly tone: Tone
  readonly text: string
}

/** As the picture says it, for all that show it. */
export function summaryOf({ troubles, summary, places }: Model): Summary {
  const living = places.filter(({ run }) => isLiving(run))
  return { tone: troubles[0]?.tone ?? (living.length > 1 ? 'good' : 'none'), text: summary }
}

/** `lacks writes of shop-2, 3.2 s behind` */
export function lacksText({ convergence }: Pick<Run, 'convergence'>, model: Pick<Model, 'nameOf'>): string {
  const { lacks } = convergence
  if (lacks.length === 0) return ''
  const names = [...new Set(lacks.map(({ origin }) => model.nameOf(origin) ?? shortId(origin)))]
  const latest = Math.max(...lacks.map(({ byMs }) => byMs))
  const shown = names.length > 3 ? [...names.slice(0, 3), `${names.length - 3} more`] : names
  return `lacks writes of ${listText(shown)}${latest > 0 ? `, ${lagText(latest)} behind` : ''}`
}

/** Of a run that nobody names. */
export function shortId(id: string): string {
  return id.length <= 8 ? id : `${id.slice(0, 8)}…`
}
