/** One session, as each member holds it: found by id or by attribute, looked into, and ended. */

import type { StampReport } from 'sessionmesh'
import type { About, ShownEvent, ShownSession } from '../src/api.js'
import { byId, type Content, element, keyed, setAttributes, setText } from './dom.js'
import { bytesText, clockText, countText, durationText, listText, plural } from './format.js'
import type { Model } from './model.js'
import type { Server } from './server.js'
import { type AttributeRow, attributeRows, expiresInMs, type Holding } from './session-view.js'
import { colourClass } from './theme.js'
import { eventRow } from './timeline.js'
import { shortId } from './words.js'

const BY_ID = ''
const EVERY_MS = 3_000
/** A request makes several changes. */
const SETTLE_MS = 250
const SCROLLING = '.scroll, .events'

export class Inspector {
  readonly #server: Server
  readonly #model: Model
  readonly #by = byId<HTMLSelectElement>('find-by')
  readonly #value = byId<HTMLInputElement>('find-value')
  readonly #show = byId('find-show')
  readonly #message = byId('find-message')
  readonly #found = byId('found')
  readonly #article = byId('session')
  readonly #confirm = byId<HTMLDialogElement>('confirm')
  #open: ShownSession | undefined
  #soon: ReturnType<typeof setTimeout> | undefined
  /** What comes for an older question is not shown. */
  #asked = 0

  constructor(server: Server, model: Model) {
    this.#server = server
    this.#model = model
    byId('find').addEventListener('submit', (event) => {
      event.preventDefault()
      void this.#find()
    })
    this.#by.addEventListener('input', () => this.#mask(true))
    this.#show.addEventListener('click', () => this.#mask(this.#value.type === 'text'))
    this.#confirm.addEventListener('close', () => {
      if (this.#confirm.returnValue === 'destroy') void this.#destroy()
    })
    setInterval(() => !document.hidden && this.#refresh(), EVERY_MS)
  }

  offer({ indexes }: Pick<About, 'indexes'>): void {
    keyed(this.#by, [BY_ID, ...indexes], {
      key: (name) => name,
      create: (name) => element('option', { value: name }, name === BY_ID ? 'session id' : name),
    })
    this.#mask(this.#value.type === 'password')
  }

  /** Something happened to it, maybe. */
  hear(fresh: readonly ShownEvent[]): void {
    if (this.#open === undefined || !fresh.some(({ ref }) => ref === this.#open?.ref)) return
    clearTimeout(this.#soon)
    this.#soon = setTimeout(() => this.#refresh(), SETTLE_MS)
  }

  async look(asked: { ref: string } | { sid: string }): Promise<void> {
    const number = ++this.#asked
    setText(this.#message, 'Asking all members…')
    try {
      const session = await this.#server.session(asked)
      if (number !== this.#asked) return
      setText(this.#message, '')
      if (session.ref !== this.#open?.ref) this.#article.replaceChildren()
      this.#open = session
      this.#draw()
      byId('session-title').focus()
      this.#article.scrollIntoView({ block: 'nearest' })
    } catch (error) {
      if (number !== this.#asked) return
      this.#close()
      this.#say(error)
    }
  }

  /** An id is as good as a password: it is masked as it is typed, and stands in no address. */
  #mask(isMasked: boolean): void {
    const isId = this.#by.value === BY_ID
    this.#value.type = isId && isMasked ? 'password' : 'text'
    this.#show.hidden = !isId
    setText(this.#show, isMasked ? 'Show' : 'Hide')
    setAttributes(this.#show, { 'aria-pressed': String(!isMasked) })
    setAttributes(this.#value, {
      placeholder: isId ? 'the id, as in its cookie' : `a value of ${this.#by.value}`,
    })
  }

  async #find(): Promise<void> {
    const by = this.#by.value
    const value = this.#value.value.trim()
    if (by === BY_ID) {
      this.#list([])
      await this.look({ sid: value })
      if (this.#open !== undefined) this.#value.value = ''
      return
    }
    const number = ++this.#asked
    this.#close()
    this.#list([])
    setText(this.#message, 'Looking…')
    try {
      const { refs, total } = await this.#server.sessions(by, value)
      if (number !== this.#asked) return
      this.#list(refs)
      const shown = total > refs.length ? `, the first ${countText(refs.length)} are shown` : ''
      setText(
        this.#message,
        total === 0 ? `No session has this ${by}` : `${plural(total, 'session')}${shown}`,
      )
      if (refs.length === 1) await this.look({ ref: refs[0]! })
    } catch (error) {
      if (number === this.#asked) this.#say(error)
    }
  }

  #list(refs: readonly string[]): void {
    keyed(this.#found, refs, {
      key: (ref) => ref,
      create: (ref) => {
        const button = element('button', { type: 'button', class: 'ref mono' }, ref)
        button.addEventListener('click', () => void this.look({ ref }))
        return element('li', {}, button)
      },
    })
  }

  /** Keeps what is shown as it is now; quietly. */
  async #refresh(): Promise<void> {
    const ref = this.#open?.ref
    if (ref === undefined || this.#confirm.open) return
    const number = this.#asked
    try {
      const session = await this.#server.session({ ref })
      // (Who is copying from it is not disturbed.)
      if (number !== this.#asked || this.#confirm.open || isSelecting(this.#article)) return
      this.#open = session
      this.#draw()
    } catch (error) {
      if (number === this.#asked) this.#say(error)
    }
  }

  async #destroy(): Promise<void> {
    const ref = this.#open?.ref
    if (ref === undefined) return
    try {
      const { destroyed } = await this.#server.destroy(ref)
      setText(this.#message, destroyed ? 'Destroyed' : 'There was nothing left to destroy')
    } catch (error) {
      this.#say(error)
      return
    }
    await this.#refresh()
  }

  #say(error: unknown): void {
    setText(this.#message, error instanceof Error ? error.message : String(error))
  }

  #close(): void {
    this.#open = undefined
    this.#article.hidden = true
    this.#article.replaceChildren()
  }

  #draw(): void {
    const session = this.#open
    if (session === undefined) return
    const focused = this.#article.contains(document.activeElement) ? document.activeElement?.id : undefined
    this.#article.hidden = false
    const living = session.members.some(
      ({ report }) => report?.state === 'living' || report?.state === 'hidden',
    )
    const destroy = element('button', { type: 'button', class: 'danger', id: 'session-destroy' }, 'Destroy…')
    destroy.addEventListener('click', () => {
      setText(byId('confirm-ref'), session.ref)
      this.#confirm.returnValue = ''
      this.#confirm.showModal()
    })
    const close = element('button', { type: 'button', id: 'session-close' }, 'Close')
    close.addEventListener('click', () => {
      this.#asked++
      this.#close()
      setText(this.#message, '')
      byId('sessions-title').focus()
    })
    const scrolled = [...this.#article.querySelectorAll(SCROLLING)].map((box) => [
      box.scrollLeft,
      box.scrollTop,
    ])
    this.#article.replaceChildren(
      element(
        'div',
        { class: 'headline' },
        element(
          'h3',
          { id: 'session-title', tabindex: '-1' },
          'Session ',
          element('span', { class: 'mono' }, session.ref),
        ),
        element(
          'p',
          { class: `verdict ${session.isSame ? 'identical' : 'differs'}` },
          session.isSame ? 'the same on all members' : 'differs between members',
        ),
        element('span', { class: 'tools' }, living && destroy, close),
      ),
      ...this.#facts(session),
      element(
        'div',
        { class: 'block' },
        ...scrolling('As each member holds it', this.#membersTable(session)),
        element('h4', {}, 'What happened to it'),
        element('ol', { class: 'events' }, ...this.#events(session)),
      ),
      element(
        'div',
        { class: 'block' },
        ...scrolling('Attributes', this.#attributesTable(session)),
        ...(living ? this.#valuesNote(session) : []),
      ),
    )
    for (const [i, box] of [...this.#article.querySelectorAll(SCROLLING)].entries())
      box.scrollTo(scrolled[i]?.[0] ?? 0, scrolled[i]?.[1] ?? 0)
    if (focused !== undefined && focused !== '')
      document.getElementById(focused)?.focus({ preventScroll: true })
  }

  #facts({ members, sid }: ShownSession): HTMLElement[] {
    const report = members.find((member) => member.report !== undefined)?.report
    if (report === undefined) return []
    const { created, lastWrite, destroyed, ttlMs } = report
    const fact = (name: string, value: Content) =>
      element('div', {}, element('dt', {}, name), element('dd', {}, value))
    return [
      element(
        'dl',
        { class: 'facts' },
        sid !== undefined && fact('Id', element('span', { class: 'mono' }, sid)),
        fact('Created', this.#stampText(created)),
        fact('Last write', this.#stampText(lastWrite)),
        fact('Lives unused for', durationText(ttlMs)),
        destroyed && fact('Destroyed', this.#stampText(destroyed)),
      ),
    ]
  }

  #membersTable({ members }: ShownSession): HTMLTableElement {
    const order = (id: string) => this.#model.places.findIndex(({ run }) => run.id === id)
    const sorted = members.toSorted((a, b) => order(a.id) - order(b.id))
    const rows = sorted.map(({ id, name, report, error }) => {
      const head = element(
        'th',
        { scope: 'row' },
        element('span', { class: 'dot', 'aria-hidden': 'true' }),
        element('span', { class: 'name', title: name }, name),
      )
      const place = this.#model.placeOf(id)
      const row = element('tr', { class: place === undefined ? 'm-none' : colourClass(place.colour) }, head)
      if (report === undefined) {
        row.append(element('td', { colspan: 6, class: 'quiet' }, error ?? 'holds nothing of it'))
        return row
      }
      const isTombstone = report.state === 'destroyed'
      const leftMs = expiresInMs(report)
      row.append(
        element(
          'td',
          { class: `held ${report.state}` },
          isTombstone ? 'destroyed: a tombstone' : report.state,
        ),
        element('td', {}, report.owner === undefined ? '–' : this.#nameOf(report.owner)),
        element('td', { class: 'number' }, isTombstone ? '–' : leftMs > 0 ? durationText(leftMs) : 'over'),
        element('td', { class: 'number' }, isTombstone ? '–' : durationText(report.idleMs)),
        element('td', { class: 'number' }, bytesText(report.bytes)),
        element('td', {}, this.#stampText(report.lastWrite)),
      )
      return row
    })
    return table(['Member', 'State', 'Owner', 'Expires in#', 'Idle#', 'Bytes#', 'Last write'], rows)
  }

  #attributesTable(session: ShownSession): HTMLTableElement {
    const rows = attributeRows(session).flatMap((row) => this.#attributeRows(row, session))
    if (rows.length === 0)
      rows.push(element('tr', {}, element('td', { colspan: 5, class: 'quiet' }, 'It has none')))
    return table(['Attribute', 'Value', 'Bytes#', 'Written', 'Held by'], rows)
  }

  /** One line where it is the same everywhere, else one for each way in which it is held. */
  #attributeRows(
    { name, slotOf, holdings, isSame }: AttributeRow,
    session: ShownSession,
  ): HTMLTableRowElement[] {
    const { values } = session
    const shown = isSame ? holdings.slice(0, 1) : holdings
    return shown.map(({ attribute, members }: Holding, i) => {
      const slot =
        slotOf !== undefined && element('span', { class: 'quiet' }, ` share of ${this.#nameOf(slotOf)}`)
      const value = values === undefined ? '••••' : (values[name] ?? '–')
      return element(
        'tr',
        { class: isSame ? '' : 'differing' },
        i === 0 &&
          element(
            'th',
            { scope: 'rowgroup', rowspan: shown.length },
            element('span', { class: 'name', title: name }, name),
            slot,
          ),
        i === 0 &&
          element(
            'td',
            { rowspan: shown.length, class: values === undefined ? 'quiet' : 'mono value' },
            value,
          ),
        element('td', { class: 'number' }, attribute === undefined ? '–' : bytesText(attribute.bytes)),
        element(
          'td',
          {},
          attribute?.removed === true && element('em', {}, 'removed '),
          attribute === undefined ? 'not there' : this.#stampText(attribute.stamp),
        ),
        element('td', { class: isSame ? 'quiet' : 'held differs' }, isSame ? 'all' : listText(members)),
      )
    })
  }

  #valuesNote({ values }: ShownSession): HTMLElement[] {
    if (values === undefined)
      return [
        element(
          'p',
          { class: 'quiet' },
          this.#server.known?.reveal === true
            ? 'This member cannot show its values.'
            : 'Values are masked: this dashboard is mounted without reveal.',
        ),
      ]
    // (Under no name: why they could not be read.)
    return values[''] === undefined ? [] : [element('p', { class: 'error' }, values[''])]
  }

  #events({ events }: ShownSession): HTMLElement[] {
    if (events.length === 0) return [element('li', { class: 'quiet' }, 'Nothing of it is kept.')]
    return events
      .toReversed()
      .map((event) => eventRow(event, { colour: this.#model.placeOf(event.by.id)?.colour }))
  }

  #stampText({ origin, timeMs, counter }: StampReport): HTMLElement {
    const time = clockText(timeMs, true)
    return element(
      'span',
      { title: `${timeMs}, counter ${counter}, of run ${origin}` },
      `${this.#nameOf(origin)} at ${time}`,
    )
  }

  #nameOf(id: string): string {
    return this.#model.nameOf(id) ?? `run ${shortId(id)}`
  }
}

/** A `#` at the end of a head is of a column of figures. */
function table(heads: readonly string[], rows: readonly HTMLTableRowElement[]): HTMLTableElement {
  const cells = heads.map((head) =>
    element('th', { scope: 'col', class: head.endsWith('#') ? 'number' : undefined }, head.replace('#', '')),
  )
  return element(
    'table',
    {},
    element('thead', {}, element('tr', {}, ...cells)),
    element('tbody', {}, ...rows),
  )
}

function isSelecting(within: Node): boolean {
  const selection = getSelection()
  return selection?.isCollapsed === false && within.contains(selection.anchorNode)
}

function scrolling(title: string, of: HTMLTableElement): HTMLElement[] {
  const box = element('section', { class: 'scroll', tabindex: '0', 'aria-label': title }, of)
  return [element('h4', {}, title), box]
}
