/**
 * What one user knows to be true, because a server has acknowledged it, and the check of an answer against it.
 *
 * A user's requests are sequential, so whatever was acknowledged must be in every later answer, from whichever
 * server. Only what became of an unacknowledged or repeated request is open: the server may have carried it
 * out, may not have, or may do so later (a frozen one does when it thaws). Such items are `unsure`.
 */

import type { ShopView } from './view.js'

export interface Fault {
  kind: 'lost login' | 'wrong read'
  what: string
}

export class Memory {
  user: string | null = null
  readonly cart = new Set<string>()
  readonly orders = new Map<string, readonly string[]>()
  /** Acknowledged as out of the cart, by an order. */
  readonly ordered = new Set<string>()
  readonly unsure = new Set<string>()

  login(user: string): void {
    this.forget()
    this.user = user
  }

  add(item: string): void {
    this.cart.add(item)
  }

  order(id: string, items: readonly string[]): void {
    this.orders.set(id, items)
    for (const item of items) {
      this.cart.delete(item)
      this.ordered.add(item)
    }
  }

  /** The session is over, for good: nothing of it may ever be seen again. */
  forget(): void {
    this.user = null
    this.cart.clear()
    this.orders.clear()
    this.ordered.clear()
    this.unsure.clear()
  }

  check(view: ShopView): Fault[] {
    if (this.user !== null && view.user === null) {
      return [{ kind: 'lost login', what: `logged in as ${this.user}, told to be anonymous` }]
    }
    const faults: string[] = []
    if (view.user !== this.user) faults.push(`told to be ${view.user}, not ${this.user ?? 'anonymous'}`)
    const shown = new Set(view.cart.map((item) => item.id))
    const orders = new Map(view.orders.map((order) => [order.id, order.items]))
    for (const item of this.cart) if (!shown.has(item)) faults.push(`item ${item} is missing`)
    for (const item of shown) {
      if (this.cart.has(item) || this.unsure.has(item)) continue
      faults.push(
        this.ordered.has(item) ? `item ${item} was ordered and is back` : `item ${item} is nobody's`,
      )
    }
    for (const [id, items] of this.orders) {
      const seen = orders.get(id)
      if (seen === undefined) faults.push(`order ${id} is missing`)
      else if (seen.join() !== items.join())
        faults.push(`order ${id} has ${seen.join()}, not ${items.join()}`)
    }
    return faults.map((what) => ({ kind: 'wrong read', what }))
  }
}
