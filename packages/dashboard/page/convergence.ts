/** The table of what each member holds, against the others. */

import { element, keyed, part, setAttributes, setText } from './dom.js'
import { ageText, bytesText, clockText, countText, durationText, secondsText } from './format.js'
import type { Model, Place } from './model.js'
import { colourClass } from './theme.js'
import { lacksText, shortId } from './words.js'

const MEANINGS = {
  identical: 'It has merged all that anybody has',
  following: 'It lacks what is on its way',
  behind: 'It has lacked something for longer than that takes',
  differs: 'It has merged the same writes as another, and holds something else: a fault of sessionmesh',
  unknown: 'It does not answer',
} as const

export class Convergence {
  readonly #body: HTMLElement
  #model: Model | undefined

  constructor(body: HTMLElement) {
    this.#body = body
  }

  show(model: Model): void {
    this.#model = model
    // Two rows for each: one may be opened.
    const rows = model.places.flatMap((place) => [
      { place, isDigest: false },
      { place, isDigest: true },
    ])
    keyed<(typeof rows)[number], HTMLTableRowElement>(this.#body, rows, {
      key: ({ place, isDigest }) => `${place.key}\n${isDigest}`,
      create: ({ isDigest }) =>
        isDigest ? createDigestRow() : createRow(() => this.#model && this.show(this.#model)),
      update: (row, { place, isDigest }) =>
        isDigest ? showDigest(row, place, model) : showRow(row, place, model),
    })
  }
}

let rows = 0

function createRow(onOpen: () => void): HTMLTableRowElement {
  const open = element('button', { type: 'button', class: 'small', 'aria-expanded': 'false' })
  const row = element(
    'tr',
    {},
    element(
      'th',
      { scope: 'row' },
      element('span', { class: 'dot', 'aria-hidden': 'true' }),
      element('span', { class: 'name' }),
    ),
    element('td', { class: 'state' }),
    element('td', {}, element('span', { class: 'verdict' }), ' ', element('span', { class: 'since' })),
    element('td', { class: 'fingerprint mono' }),
    ...['sessions', 'tombstones', 'bytes', 'up'].map((name) => element('td', { class: `${name} number` })),
    element('td', { class: 'node-version' }),
    element('td', {}, open),
  )
  open.addEventListener('click', () => {
    const isOpen = open.getAttribute('aria-expanded') !== 'true'
    setAttributes(open, { 'aria-expanded': String(isOpen) })
    const digest = row.nextElementSibling
    if (digest instanceof HTMLElement) digest.hidden = !isOpen
    onOpen()
  })
  return row
}

function createDigestRow(): HTMLTableRowElement {
  rows++
  const row = element('tr', { class: 'digest', id: `digest-${rows}` })
  row.append(element('td', { colspan: 10 }, element('ul')))
  row.hidden = true
  return row
}

function showRow(row: HTMLTableRowElement, place: Place, model: Model): void {
  const { run, name } = place
  const { told, convergence, samples } = run
  const sample = samples.at(-1)
  const nowMs = model.nowMs()
  setAttributes(row, { class: `${colourClass(place.colour)} ${run.state}` })
  setText(part(row, '.name'), name)
  setAttributes(part(row, '.name'), { title: name })
  setText(part(row, '.state'), run.state)
  setAttributes(part(row, '.state'), { class: `state ${run.state}` })
  const verdict = part(row, '.verdict')
  setText(verdict, convergence.verdict)
  setAttributes(verdict, { class: `verdict ${convergence.verdict}`, title: MEANINGS[convergence.verdict] })
  const lacks = lacksText(run, model)
  // (What is on its way changes each second, and shall not move the rows.)
  setAttributes(part(row, 'td:nth-child(3)'), {
    class: convergence.verdict,
    title: lacks === '' ? undefined : lacks,
  })
  const time = `for ${secondsText(nowMs - convergence.sinceMs)}`
  setText(part(row, '.since'), lacks === '' ? time : `${time}; ${lacks}`)
  setText(part(row, '.fingerprint'), convergence.fingerprint ?? '–')
  setAttributes(part(row, '.fingerprint'), {
    title:
      convergence.fingerprint === undefined
        ? 'There is none while writes come all the time'
        : 'Of its state at one moment, some seconds ago at the most: equal ones are of equal states',
  })
  setText(part(row, '.sessions'), sample ? countText(sample.sessions) : '–')
  setText(part(row, '.tombstones'), sample ? countText(sample.tombstones) : '–')
  setText(part(row, '.bytes'), told?.census ? bytesText(told.census.bytes) : '–')
  setText(part(row, '.up'), told ? ageText(told.upMs) : '–')
  setAttributes(part(row, '.up'), { title: told && durationText(told.upMs) })
  setText(part(row, '.node-version'), told ? told.node : '–')
  setAttributes(part(row, '.node-version'), { title: told && `process ${told.pid}` })
  const open = part(row, 'button')
  setText(open, `${told?.digest.length ?? 0}`)
  setAttributes(open, {
    'aria-label': `Digest of ${name}: ${told?.digest.length ?? 0} origins`,
    'aria-controls': row.nextElementSibling?.id || undefined,
  })
}

function showDigest(row: HTMLTableRowElement, { run, name }: Place, model: Model): void {
  if (row.hidden) return
  const digest = [...(run.told?.digest ?? [])].sort((a, b) => b.timeMs - a.timeMs)
  keyed(part(row, 'ul'), digest, {
    key: ({ origin }) => origin,
    create: () => element('li', {}, element('b'), ' ', element('span', { class: 'mono' })),
    update: (item, { origin, timeMs, counter }) => {
      const known = model.nameOf(origin)
      setText(part(item, 'b'), known === undefined ? `run ${shortId(origin)}` : known)
      setAttributes(part(item, 'b'), { title: `run ${origin}, as ${name} has merged it` })
      setText(
        part(item, 'span'),
        `${timeMs === 0 ? 'nothing' : clockText(timeMs, true)}${counter > 0 ? ` +${counter}` : ''}`,
      )
    },
  })
}
