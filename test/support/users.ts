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
  /** What the counter is, but for increments that broke. */
  #atLeast = 0
  /**
   * When each increment broke that has not been seen to count. It may count later: what its server wrote may still be on
   * its way to who is asked next, whose answer is right without it, since this user was never told of it.
   */
  #broken: number[] = []
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
      this.#check(await this.#increment(url))
    }
    this.#tally.requests++
  }

  async #increment(url: string): Promise<Answer> {
    try {
      const answer = await this.#browser.post(url, '/increment')
      this.#atLeast++
      return answer
    } catch (error) {
      if (isBroken(error)) this.#broken.push(performance.now())
      throw error
    }
  }

  #check({ data }: Answer): void {
    const count = Number(data.count ?? 0)
    const ahead = count - this.#atLeast
    if (data.user !== this.#name) {
      this.#tally.lostSessions++
      this.#isLoggedIn = false
    } else if (ahead < 0 || ahead > this.#broken.length) this.#tally.wrongReads++
    else this.#broken.splice(0, ahead)
    this.#atLeast = count
    // (Only now: the first answer after it may take as long as it likes.)
    const sinceMs = performance.now() - LATE_MS
    this.#broken = this.#broken.filter((atMs) => atMs >= sinceMs)
  }

  /** True when the next server is to be tried. */
  #onFailure(error: unknown): boolean {
    if (codeOf(error) === 'ECONNREFUSED') {
      this.#tally.refused++
      return true
    }
    if (!isBroken(error)) throw error
    this.#tally.ambiguous++
    return false
  }
}

/** By then all that a server wrote before it died is where it was sent. */
const LATE_MS = 2_000

/** It went out, and nobody knows what became of it. */
function isBroken(error: unknown): boolean {
  // What a load balancer answers when that happened to it.
  const isBadGateway = error instanceof Error && 'status' in error && error.status === 502
  return isBadGateway || ['ECONNRESET', 'UND_ERR_SOCKET', 'EPIPE'].includes(String(codeOf(error)))
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
