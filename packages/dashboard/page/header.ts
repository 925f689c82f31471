/** Whose picture it is, how fresh it is, and whether all is well. */

import { byId, element, keyed, part, setAttributes, setText } from './dom.js'
import { secondsText } from './format.js'
import type { Model } from './model.js'
import type { Notice, Summary } from './words.js'

/** One comes each second. */
const OLD_MS = 3_000
/** Streams end now and then, and begin anew at once. */
const BROKEN_MS = 1_500
const NOTICE_MS = 15_000
const MAX_NOTICES = 2

export class Header {
  readonly #connection = byId('connection')
  readonly #summary = byId('summary')
  readonly #notices = byId('notices')
  #shown: (Notice & { untilMs: number })[] = []
  #heardMs: number | undefined
  #brokenMs: number | undefined = performance.now()
  #refusal: string | undefined
  #said: Summary = { tone: 'none', text: 'Asking the members…' }
  #name = ''

  constructor() {
    setInterval(() => this.#tick(), 500)
  }

  heard(): void {
    this.#heardMs = performance.now()
    this.#refusal = undefined
    this.#tick()
  }

  show(model: Model, { tone, text }: Summary): void {
    const teller = model.places.find(({ isTeller }) => isTeller)
    setText(byId('cluster'), model.cluster)
    setAttributes(byId('cluster'), { title: model.cluster })
    setText(byId('teller'), teller === undefined ? '' : `told by ${teller.name}`)
    this.#said = { tone, text }
    this.#name = model.cluster
    this.#tick()
  }

  connection(state: 'open' | 'broken' | 'refused'): void {
    this.#brokenMs = state === 'open' ? undefined : (this.#brokenMs ?? performance.now())
    this.#tick()
  }

  refused(why: string): void {
    this.#refusal = why
    this.#tick()
  }

  notify(notices: readonly Notice[]): void {
    const untilMs = performance.now() + NOTICE_MS
    // (One that is told anew, with more in it, stays in its place.)
    const shown = new Map(this.#shown.map((notice) => [notice.key, notice]))
    for (const notice of notices) shown.set(notice.key, { ...notice, untilMs })
    this.#shown = [...shown.values()].slice(-MAX_NOTICES)
    this.#tick()
  }

  #tick(): void {
    const nowMs = performance.now()
    const oldMs = nowMs - (this.#heardMs ?? nowMs)
    const isBroken = this.#brokenMs !== undefined && nowMs - this.#brokenMs > BROKEN_MS
    const isOld = oldMs > OLD_MS
    const state =
      this.#refusal !== undefined || isBroken
        ? 'broken'
        : isOld
          ? 'old'
          : this.#heardMs
            ? 'live'
            : 'connecting'
    const words = {
      broken: this.#refusal ?? 'reconnecting…',
      old: 'no news',
      live: 'live',
      connecting: 'connecting…',
    }[state]
    setAttributes(this.#connection, { 'data-state': state })
    setText(this.#connection, isOld ? `${words} · the picture is ${secondsText(oldMs)} old` : words)
    setAttributes(document.body, { class: isOld ? 'old' : undefined })
    // (What it said last may be untrue by now.)
    const { tone, text }: Summary = isOld
      ? { tone: 'warn', text: `No news for ${secondsText(oldMs)}. Until then: ${this.#said.text}` }
      : this.#said
    setAttributes(this.#summary, { 'data-tone': tone })
    setText(this.#summary, text)
    const title = `${{ good: '', none: '', warn: '△ ', bad: '✕ ' }[tone]}${this.#name} – sessionmesh`
    if (this.#name !== '' && document.title !== title) document.title = title
    this.#shown = this.#shown.filter(({ untilMs }) => untilMs > nowMs)
    byId('caption').hidden = this.#shown.length > 0
    keyed(this.#notices, this.#shown, {
      key: ({ key }) => key,
      create: ({ tone }) => element('li', { class: tone }, element('span')),
      update: (item, { text }) => setText(part(item, 'span'), text),
    })
  }
}
