/** Users that check on each response that nothing of theirs was lost, whichever server answers. */

import { Browser } from './browser.js'
import type { Answer } from './member-protocol.js'

export interface Tally {
  requests: number
  /** A counter that is behind or ahead of what this user was told. */
  wrongReads: number
  /** The session was there, and is not any more. */
  lostSessions: number
  /** Requests to a server that was not there: sent to the next one. */
  refused: number
  /** Connections that broke after the request went out: it may have counted, or not. */
  ambiguous: number
}

export function emptyTally(): Tally {
  return { requests: 0, wrongReads: 0, lostSessions: 0, refused: 0, ambiguous: 0 }
}

export class CheckingUser {
  readonly #name: string
  readonly #tally: Tally
  readonly #browser = new Browser()
  /** What the counter is at least, and at most: apart only after a request that broke. */
  #atLeast = 0
  #atMost = 0
  #isLoggedIn = false

  constructor(name: string, tally: Tally) {
    this.#name = name
    this.#tally = tally
  }

  /** One request to the first of `urls` that takes it. */
  async act(urls: readonly string[], turn: number): Promise<void> {
    for (const url of urls) {
      try {
        await this.#request(url, turn)
        return
      } catch (error) {
        if (!this.#onFailure(error)) return
      }
    }
  }

  async #request(url: string, turn: number): Promise<void> {
    if (!this.#isLoggedIn) {
      await this.#browser.post(url, `/login/${this.#name}`)
      this.#isLoggedIn = true
    } else if (turn % 4 === 0) {
      this.#check(await this.#browser.get(url, '/session'))
    } else {
      this.#atMost++
      const answer = await this.#browser.post(url, '/increment')
      this.#atLeast++
      this.#check(answer)
    }
    this.#tally.requests++
  }

  #check({ data }: Answer): void {
    const count = Number(data.count ?? 0)
    if (data.user !== this.#name) this.#tally.lostSessions++
    else if (count < this.#atLeast || count > this.#atMost) this.#tally.wrongReads++
    if (data.user !== this.#name) this.#isLoggedIn = false
    this.#atLeast = count
    this.#atMost = count
  }

  /** True when the next server is to be tried. */
  #onFailure(error: unknown): boolean {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ECONNREFUSED') {
      this.#tally.refused++
      this.#atMost = Math.max(this.#atLeast, this.#atMost - 1)
      return true
    }
    // What a load balancer answers when that happened to it.
    const isBadGateway = error instanceof Error && 'status' in error && error.status === 502
    if (isBadGateway || code === 'ECONNRESET' || code === 'UND_ERR_SOCKET' || code === 'EPIPE') {
      this.#tally.ambiguous++
      return false
    }
    throw error
  }
}
