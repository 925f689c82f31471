/** The simulated users together: what they counted, and the last check when they have gone. */

import { Agent } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { Browser } from './browser.js'
import type { Fault } from './memory.js'
import { type Offence, Shopper, type Totals } from './shopper.js'
import { isShopView } from './view.js'

/** Once the links are whole, all members hold the same state within this time (the README, promise 5). */
const CONVERGE_MS = 2_000
const SESSION_COOKIE = 'connect.sid'

export class Crowd {
  readonly totals: Totals = { requests: 0, wrongReads: 0, lostLogins: 0, lostItems: 0, errors: 0 }
  /** The first one of each user: what follows is the same again. */
  readonly offences = new Map<string, Offence>()
  readonly #agent = new Agent({ keepAlive: true })
  readonly #shoppers: Shopper[]
  readonly #closing = new AbortController()
  #visits: Promise<unknown> = Promise.resolve()

  constructor(origin: string, users: number) {
    this.#shoppers = Array.from({ length: users }, (_, index) => {
      const browser = new Browser(origin, this.#agent)
      return new Shopper(`user${index + 1}`, browser, this.totals, (offence) => {
        if (!this.offences.has(offence.user)) this.offences.set(offence.user, offence)
      })
    })
  }

  get size(): number {
    return this.#shoppers.length
  }

  /** Nothing was lost and nothing was read wrong. */
  get isHappy(): boolean {
    const { wrongReads, lostLogins, lostItems } = this.totals
    return wrongReads + lostLogins + lostItems === 0
  }

  /** Sends the users in. The promise rejects if one of them gets no answer any more. */
  enter(): Promise<unknown> {
    this.#visits = Promise.all(this.#shoppers.map((shopper) => shopper.shop(this.#closing.signal)))
    return this.#visits
  }

  /** Resolves when everyone has finished what was under way. */
  async leave(): Promise<void> {
    this.#closing.abort()
    await this.#visits
  }

  /**
   * Asks every server directly about every user's session, without the cookie by which it would know that it
   * is behind: what one of them lacks now is lost.
   */
  async audit(servers: readonly { name: string; origin: string }[]): Promise<void> {
    const deadline = performance.now() + CONVERGE_MS
    for (const server of servers) {
      await Promise.all(this.#shoppers.map((shopper) => this.#auditOne(shopper, server, deadline)))
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  async #auditOne(
    shopper: Shopper,
    server: { name: string; origin: string },
    deadline: number,
  ): Promise<void> {
    const sid = shopper.browser.cookies.get(SESSION_COOKIE)
    const visitor = new Browser(server.origin, this.#agent)
    if (sid !== undefined) visitor.cookies.set(SESSION_COOKIE, sid)
    for (;;) {
      const faults = await faultsOf(shopper, visitor)
      if (faults.length === 0) return
      if (performance.now() < deadline) {
        await pause(100)
        continue
      }
      shopper.blame(faults.map(({ what }) => `at the end, on ${server.name}: ${what}`))
      if (faults.some(({ kind }) => kind === 'lost login')) this.totals.lostLogins++
      else this.totals.lostItems += faults.length
      return
    }
  }
}

async function faultsOf(shopper: Shopper, visitor: Browser): Promise<Fault[]> {
  const { status, body } = await visitor.send('GET', '/api/me')
  if (isShopView(body)) return shopper.memory.check(body)
  return [{ kind: 'wrong read', what: `answered ${status}` }]
}
