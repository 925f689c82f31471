/** A user with sessions, who knows what they must hold: an answer shows whether the server knew it too. */

import { Browser } from '../../support/browser.js'
import { nestedSession } from '../../support/measuring/shop-session.js'
import type { Answer } from '../../support/member-protocol.js'
import { until } from '../../support/wait.js'

/** Of which the time is taken as well: `write` changes a session of 1 KB, `read` does not. */
export const TIMED_KINDS = ['write', 'read'] as const
/** The same with a session of nested objects, as an app may have it. */
export const SHOP_KINDS = ['shopWrite', 'shopRead'] as const

export type TimedKind = (typeof TIMED_KINDS)[number]
export type ShopKind = (typeof SHOP_KINDS)[number]
export type Kind = TimedKind | ShopKind
export const KINDS: readonly Kind[] = [...TIMED_KINDS, ...SHOP_KINDS]

/** What a session holds, by the paths at which it is begun and changed; each change adds one to its `count`. */
interface Content {
  begin: string
  change: string
  isWhole(data: Answer['data'], count: number): boolean
}

const PAYLOAD_BYTES = 1_024

const PLAIN: Content = {
  begin: `/fill/${PAYLOAD_BYTES}`,
  change: '/increment',
  isWhole: ({ payload }) => typeof payload === 'string' && payload.length === PAYLOAD_BYTES,
}

const QUANTITY_AT_FIRST = quantityIn(nestedSession().cart)

const SHOP: Content = {
  begin: '/shop',
  change: '/buy',
  isWhole: ({ cart }, count) => quantityIn(cart) === QUANTITY_AT_FIRST + count,
}

const ASKS: Record<Kind, { content: Content; changes: boolean }> = {
  write: { content: PLAIN, changes: true },
  read: { content: PLAIN, changes: false },
  shopWrite: { content: SHOP, changes: true },
  shopRead: { content: SHOP, changes: false },
}

export class User {
  readonly #sessions = new Map<Content, UserSession>()

  /** Resolves when all servers that may be asked have the sessions that are needed. */
  async begin(urls: readonly string[], kinds: readonly Kind[]): Promise<void> {
    for (const content of new Set(kinds.map((kind) => ASKS[kind].content))) {
      const session = new UserSession(content)
      await session.begin(urls)
      this.#sessions.set(content, session)
    }
  }

  /** False when the answer is not what this user was told before, with the change that he asks for. */
  ask(url: string, kind: Kind): Promise<boolean> {
    const { content, changes } = ASKS[kind]
    const session = this.#sessions.get(content)
    if (session === undefined) throw new Error(`no session was begun for ${kind}`)
    return changes ? session.change(url) : session.read(url)
  }
}

class UserSession {
  readonly #browser = new Browser()
  readonly #content: Content
  #count = 0

  constructor(content: Content) {
    this.#content = content
  }

  /** (Some servers do not have it after one write.) */
  async begin(urls: readonly string[]): Promise<void> {
    await until(`${urls} have the session`, async () => {
      await this.#browser.post(urls[0]!, this.#content.begin)
      // (By copies: who asks a server that does not know the session is given another one.)
      const answers = await Promise.all(urls.map((url) => this.#browser.copy().get(url, '/session')))
      return answers.every((answer) => this.#isRight(answer))
    })
  }

  async read(url: string): Promise<boolean> {
    return this.#isRight(await this.#browser.get(url, '/session'))
  }

  async change(url: string): Promise<boolean> {
    const answer = await this.#browser.post(url, this.#content.change)
    this.#count++
    const isRight = this.#isRight(answer)
    // What has gone is counted here once, and no more with each later change.
    this.#count = countIn(answer)
    return isRight
  }

  #isRight(answer: Answer): boolean {
    return countIn(answer) === this.#count && this.#content.isWhole(answer.data, this.#count)
  }
}

function countIn({ data }: Answer): number {
  return Number(data.count ?? 0)
}

/** Of all items together; NaN where this is no cart. */
function quantityIn(cart: unknown): number {
  return Array.isArray(cart) ? cart.reduce((total, { quantity }) => total + quantity, 0) : Number.NaN
}
