/** The members in a list: state, share of the sessions, and the application's own buttons for each. */

import type { About } from '../src/api.js'
import { element, keyed, part, setAttributes, setText } from './dom.js'
import { countText, percentText, plural, secondsText } from './format.js'
import type { Model, Place } from './model.js'
import { sharesOf } from './owners.js'
import { RefusedError, type Server } from './server.js'
import { colourClass } from './theme.js'

type Action = About['actions'][number]

export class Members {
  readonly #list: HTMLElement
  readonly #error: HTMLElement
  readonly #server: Server

  constructor(list: HTMLElement, error: HTMLElement, server: Server) {
    this.#list = list
    this.#error = error
    this.#server = server
  }

  show(model: Model): void {
    const shares = sharesOf(model)
    const total = [...(shares?.values() ?? [])].reduce((sum, share) => sum + share, 0)
    keyed<Place, HTMLLIElement>(this.#list, model.places, {
      key: ({ key }) => key,
      create: createMember,
      update: (item, place) => {
        const { key, name, run, goneMs, isTeller } = place
        const owned = shares?.get(key) ?? 0
        setAttributes(item, { class: `member ${colourClass(place.colour)} ${run.state}` })
        setText(part(item, '.name'), name)
        setAttributes(part(item, '.name'), { title: `${name} at ${run.address}` })
        setAttributes(part(item, '.tells'), { hidden: !isTeller })
        setText(
          part(item, '.state'),
          goneMs === undefined ? run.state : `${run.state} ${secondsText(model.nowMs() - goneMs)}`,
        )
        setText(
          part(item, '.owns'),
          shares === undefined || goneMs !== undefined
            ? ''
            : `owns ${countText(owned)}${total > 0 ? ` (${percentText(owned / total)})` : ''}`,
        )
        setAttributes(part(item, '.owns'), {
          title: shares && `It answers for ${plural(owned, 'session')} of ${countText(total)}`,
        })
        this.#showActions(part(item, '.actions'), place)
      },
    })
  }

  #showActions(box: HTMLElement, { name, run }: Place): void {
    const offered = (this.#server.known?.actions ?? []).filter(({ states }) => states.includes(run.state))
    const hadFocus = box.contains(document.activeElement)
    // (A new run has new buttons: what was clicked for the former one says nothing of it.)
    keyed<Action, HTMLButtonElement>(box, offered, {
      key: (action) => `${action.name} ${run.id}`,
      create: (action) => {
        const button = element(
          'button',
          { type: 'button', 'aria-label': `${action.label} ${name}` },
          action.label,
        )
        button.addEventListener('click', () => void this.#act(button, action, run.id, name))
        return button
      },
    })
    // Who has killed by keyboard stands before the button that starts.
    if (hadFocus && !box.contains(document.activeElement)) box.querySelector('button')?.focus()
  }

  async #act(button: HTMLButtonElement, action: Action, id: string, name: string): Promise<void> {
    if (button.getAttribute('aria-disabled') === 'true') return
    // (Not `disabled`, which would take the focus away.)
    setAttributes(button, { 'aria-disabled': 'true' })
    this.#error.hidden = true
    try {
      await this.#server.act(action.name, id)
    } catch (error) {
      const why = error instanceof RefusedError ? error.message : String(error)
      setText(this.#error, `${action.label} ${name}: ${why}`)
      this.#error.hidden = false
    } finally {
      setAttributes(button, { 'aria-disabled': undefined })
    }
  }
}

function createMember(): HTMLLIElement {
  return element(
    'li',
    {},
    element('span', { class: 'dot', 'aria-hidden': 'true' }),
    element(
      'span',
      { class: 'who' },
      element('b', { class: 'name' }),
      element('span', { class: 'tells', title: 'This page is told by this member' }, 'tells'),
    ),
    element('span', { class: 'state' }),
    element('span', { class: 'owns' }),
    element('span', { class: 'actions' }),
  )
}
