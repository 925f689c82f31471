/** What a client did and was told, the latest of it: what is read when it finds a promise broken. */

import { Violation } from './violation.js'

export class Journal {
  readonly #client: string
  readonly #kept: number
  readonly #lines: string[] = []

  constructor(client: string, kept: number) {
    this.#client = client
    this.#kept = kept
  }

  note(what: string): void {
    this.#lines.push(`${new Date().toISOString().slice(14, 23)} ${what}`)
    if (this.#lines.length > this.#kept) this.#lines.shift()
  }

  /** To be thrown. */
  violation(what: string): Violation {
    this.note(`WRONG: ${what}`)
    const violation = new Violation(`${this.#client}: ${what}`)
    violation.history = this.#lines
    return violation
  }
}
