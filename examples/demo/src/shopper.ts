/** One simulated user: logs in, fills a cart, orders, logs out, and checks every answer. */

import { setTimeout as pause } from 'node:timers/promises'
import type { Browser } from './browser.js'
import { Memory } from './memory.js'
import { isShopView, type ShopView } from './view.js'

/** Counted over all users. */
export interface Totals {
  requests: number
  wrongReads: number
  lostLogins: number
  /** Found at the end: acknowledged, and missing on some server. */
  lostItems: number
  /** Requests without an answer, each repeated until there was one. */
  errors: number
}

/** What happened to a user at whom something went wrong. */
export interface Offence {
  user: string
  what: string[]
  history: string[]
}

const PAUSE_MS = 110
/** Without an answer for so long a user gives up, and the scenario with him. */
const PATIENCE_MS = 20_000
const HISTORY = 25
const GOODS = ['Tea', 'Teapot', 'Cup', 'Honey', 'Biscuits', 'Lemon', 'Milk', 'Sugar']

export class Shopper {
  readonly memory = new Memory()
  readonly browser: Browser
  readonly #name: string
  readonly #totals: Totals
  readonly #report: (offence: Offence) => void
  readonly #history: string[] = []
  #count = 0

  constructor(name: string, browser: Browser, totals: Totals, report: (offence: Offence) => void) {
    this.#name = name
    this.browser = browser
    this.#totals = totals
    this.#report = report
  }

  /** Until `signal` says that the shop closes; what is under way then is finished first. */
  async shop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.memory.user === null) await this.#login()
      else if (this.memory.orders.size >= 4) await this.#logout()
      else if (this.memory.cart.size >= 6) await this.#order()
      else if (this.#count % 2 === 0) await this.#add()
      else await this.#look()
      // Uneven, so that the users do not march in step.
      await pause(PAUSE_MS * (0.5 + Math.random()))
    }
  }

  blame(what: string[]): void {
    this.#report({ user: this.#name, what, history: [...this.#history] })
  }

  note(line: string): void {
    this.#history.push(line)
    if (this.#history.length > HISTORY) this.#history.shift()
  }

  async #login(): Promise<void> {
    await this.#send('PUT', '/api/login', { user: this.#name }, () => this.memory.login(this.#name))
  }

  async #logout(): Promise<void> {
    await this.#send('DELETE', '/api/login', undefined, () => this.memory.forget())
  }

  async #look(): Promise<void> {
    await this.#send('GET', '/api/me', undefined, () => {})
  }

  async #add(): Promise<void> {
    const id = `${this.#name}-${this.#count}`
    const name = GOODS[this.#count % GOODS.length]
    const isSure = await this.#send('PUT', `/api/cart/${id}`, { name }, () => this.memory.add(id))
    if (!isSure) this.memory.unsure.add(id)
  }

  async #order(): Promise<void> {
    const items = [...this.memory.cart]
    const id = `${this.#name}-${this.#count}`
    await this.#send('PUT', `/api/orders/${id}`, { items }, () => this.memory.order(id, items))
  }

  /**
   * Sends until there is an answer, remembers what it acknowledges, and checks it.
   * True when the request was sent once, so that no copy of it can be carried out later.
   */
  async #send(method: string, path: string, body: unknown, acknowledge: () => void): Promise<boolean> {
    this.#count++
    const giveUpAt = performance.now() + PATIENCE_MS
    for (let tries = 1; performance.now() < giveUpAt; tries++) {
      const answer = await this.#try(method, path, body)
      if (answer !== undefined) {
        acknowledge()
        this.#check(answer.view)
        return tries === 1 && answer.attempts === 1
      }
      this.#totals.errors++
      await pause(250)
    }
    const complaint = `${method} ${path} of ${this.#name} was not answered within ${PATIENCE_MS / 1000} s`
    this.blame([complaint])
    throw new Error(complaint)
  }

  async #try(
    method: string,
    path: string,
    body: unknown,
  ): Promise<{ view: ShopView; attempts: number } | undefined> {
    const sent = `${new Date().toISOString().slice(14, 23)} ${method} ${path}`
    this.#totals.requests++
    try {
      const { status, attempts, body: view } = await this.browser.send(method, path, body)
      if (status !== 200 || !isShopView(view)) {
        this.note(`${sent}: ${status} ${JSON.stringify(view)}`)
        return undefined
      }
      const moved = attempts > 1 ? ` (${attempts} servers asked)` : ''
      this.note(
        `${sent}: ${view.server}${moved}, ${view.user}, cart: ${view.cart.map((item) => item.id).join(' ')}`,
      )
      return { view, attempts }
    } catch (error) {
      this.note(`${sent}: ${error instanceof Error ? error.message : error}`)
      return undefined
    }
  }

  #check(view: ShopView): void {
    const faults = this.memory.check(view)
    if (faults.length === 0) return
    const isLoginLost = faults.some((fault) => fault.kind === 'lost login')
    if (isLoginLost) this.#totals.lostLogins++
    else this.#totals.wrongReads++
    this.blame(faults.map((fault) => fault.what))
    if (!isLoginLost) return
    // Counted once: the user starts afresh, with no cookie that could bring the old session back.
    this.memory.forget()
    this.browser.cookies.clear()
  }
}
