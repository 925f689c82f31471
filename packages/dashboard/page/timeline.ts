/** What happened, the newest first: filtered, paused, and taken away as a file. */

import type { ShownEvent } from '../src/api.js'
import { byId, element, keyed, setAttributes, setText } from './dom.js'
import { clockText, countText, plural } from './format.js'
import { identityOf, type Model } from './model.js'
import { colourClass } from './theme.js'
import { eventText, KINDS, type Kind, kindOf, toneOf } from './words.js'

/** As many rows are made; a filter finds the rest, and the export has them. */
const MAX_ROWS = 300

interface Filter {
  readonly kinds: ReadonlySet<Kind>
  /** A name. */
  readonly member: string
  readonly text: string
}

export class Timeline {
  readonly #list = byId('timeline')
  readonly #end = byId('timeline-end')
  readonly #member = byId<HTMLSelectElement>('of-member')
  readonly #text = byId<HTMLInputElement>('text')
  readonly #pause = byId('pause')
  readonly #kinds = new Map<Kind, HTMLButtonElement>()
  readonly #onSession: (ref: string) => void
  #model: Model | undefined
  /** What was there when it was paused. */
  #paused: readonly ShownEvent[] | undefined

  constructor(onSession: (ref: string) => void) {
    this.#onSession = onSession
    for (const kind of KINDS) this.#addKind(kind)
    for (const input of [this.#member, this.#text]) input.addEventListener('input', () => this.#draw())
    this.#pause.addEventListener('click', () => {
      this.#paused = this.#paused === undefined ? (this.#model?.events ?? []) : undefined
      setAttributes(this.#pause, { 'aria-pressed': String(this.#paused !== undefined) })
      this.#draw()
    })
    byId('export').addEventListener('click', () => this.#export())
  }

  show(model: Model): void {
    this.#model = model
    this.#draw()
  }

  /** Events of sessions are many: who looks for them says so. */
  #addKind(kind: Kind): void {
    const button = element(
      'button',
      { type: 'button', class: 'kind', 'aria-pressed': String(kind !== 'sessions') },
      kind,
    )
    button.addEventListener('click', () => {
      setAttributes(button, { 'aria-pressed': String(button.getAttribute('aria-pressed') !== 'true') })
      this.#draw()
    })
    this.#kinds.set(kind, button)
    byId('kinds').append(button)
  }

  #draw(): void {
    const model = this.#model
    if (model === undefined) return
    this.#drawMembers(model)
    const events = this.#paused ?? model.events
    const found = filtered(events, this.#filter()).reverse()
    const waiting = this.#paused === undefined ? 0 : newerThan(model.events, this.#paused)
    setText(
      this.#pause,
      this.#paused === undefined ? 'Pause' : waiting > 0 ? `Resume (${countText(waiting)} new)` : 'Resume',
    )
    const colours = new Map(model.places.map(({ name, colour }) => [name, colour]))
    keyed<ShownEvent, HTMLLIElement>(this.#list, found.slice(0, MAX_ROWS), {
      key: identityOf,
      create: (event) => eventRow(event, { colour: colours.get(event.by.name), onSession: this.#onSession }),
    })
    setText(this.#end, endText(found.length, model.omitted))
  }

  #drawMembers({ places, events }: Model): void {
    const names = new Set([
      ...places.map(({ run }) => run.name),
      ...events.map(({ by }) => by.name),
      this.#member.value,
    ])
    names.delete('')
    keyed(this.#member, ['', ...[...names].sort()], {
      key: (name) => name,
      create: (name) => element('option', { value: name }, name === '' ? 'all members' : name),
    })
  }

  #filter(): Filter {
    const pressed = [...this.#kinds].filter(([, button]) => button.getAttribute('aria-pressed') === 'true')
    return {
      kinds: new Set(pressed.map(([kind]) => kind)),
      member: this.#member.value,
      text: this.#text.value,
    }
  }

  #export(): void {
    const events = filtered(this.#paused ?? this.#model?.events ?? [], this.#filter())
    const file = new Blob([JSON.stringify(events, undefined, 2)], { type: 'application/json' })
    const url = URL.createObjectURL(file)
    const name = `${this.#model?.cluster ?? 'sessionmesh'}-events-${new Date().toISOString().replaceAll(':', '-')}.json`
    element('a', { href: url, download: name }).click()
    // (The browser has begun to read it by then.)
    setTimeout(() => URL.revokeObjectURL(url), 10_000)
  }
}

export interface RowOptions {
  readonly colour?: number | undefined
  /** Without one a session is not named: it is the one that is shown. */
  readonly onSession?: ((ref: string) => void) | undefined
}

export function eventRow(event: ShownEvent, { colour, onSession }: RowOptions): HTMLLIElement {
  const { ref, by, atMs, address } = event
  const open =
    ref !== undefined &&
    onSession !== undefined &&
    element('button', { type: 'button', class: 'ref mono' }, ref)
  if (open) open.addEventListener('click', () => onSession?.(ref))
  return element(
    'li',
    { class: `event ${toneOf(event)} ${colour === undefined ? 'm-none' : colourClass(colour)}` },
    element('time', { datetime: dateText(atMs), title: dateText(atMs) }, clockText(atMs)),
    element('span', { class: 'dot', 'aria-hidden': 'true' }),
    element(
      'span',
      { class: 'what' },
      element('b', { title: by.id }, by.name),
      ' ',
      open,
      open && ' ',
      eventText(event),
      address !== undefined && element('span', { class: 'quiet' }, ` at ${address}`),
    ),
  )
}

export function filtered(events: readonly ShownEvent[], { kinds, member, text }: Filter): ShownEvent[] {
  const wanted = text.trim().toLowerCase()
  return events.filter(
    (event) =>
      kinds.has(kindOf(event.event)) &&
      (member === '' || event.by.name === member || event.peer?.name === member) &&
      (wanted === '' || searchable(event).includes(wanted)),
  )
}

function searchable(event: ShownEvent): string {
  const { ref, sid, code, address, by } = event
  return [event.event, eventText(event), by.name, ref, sid, code, address].join(' ').toLowerCase()
}

function newerThan(events: readonly ShownEvent[], paused: readonly ShownEvent[]): number {
  const known = new Set(paused.map(identityOf))
  return events.filter((event) => !known.has(identityOf(event))).length
}

function endText(found: number, omitted: number): string {
  const texts = [found === 0 ? 'There is none of these.' : '']
  if (found > MAX_ROWS) texts.push(`The latest ${MAX_ROWS} of ${countText(found)}; Export has all.`)
  if (omitted > 0) texts.push(`${plural(omitted, 'event')} more are kept no longer.`)
  return texts.filter((text) => text !== '').join(' ')
}

/** What a peer says may be no time at all. */
function dateText(atMs: number): string {
  return Number.isFinite(atMs) && Math.abs(atMs) < 8.64e15 ? new Date(atMs).toISOString() : ''
}
