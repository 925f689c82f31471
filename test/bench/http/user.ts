/** A user with a session, who knows what it must hold: an answer shows whether the server knew it too. */

import { Browser } from '../../support/browser.js'
import type { Answer } from '../../support/member-protocol.js'
import { until } from '../../support/wait.js'

export const PAYLOAD_BYTES = 1_024

/** `write` changes the session, both answer with it. */
export const KINDS = ['write', 'read'] as const
export type Kind = (typeof KINDS)[number]

export class User {
  readonly #browser = new Browser()
  #count = 0

  /** Begins the session; resolves when all servers that may be asked for it have it, which some do not after one write. */
  async begin(urls: readonly string[]): Promise<void> {
    await until(`${urls} have the session`, async () => {
      await this.#browser.post(urls[0]!, `/fill/${PAYLOAD_BYTES}`)
      // (By copies: who asks a server that does not know the session is given another one.)
      const answers = urls.map((url) => this.#browser.copy().get(url, '/session'))
      return (await Promise.all(answers)).every(isFilled)
    })
  }

  /** False when the answer lacks something that this user was told of before. */
  async ask(url: string, kind: Kind): Promise<boolean> {
    const expected = kind === 'write' ? ++this.#count : this.#count
    const answer =
      kind === 'write'
        ? await this.#browser.post(url, '/increment')
        : await this.#browser.get(url, '/session')
    const count = Number(answer.data.count ?? 0)
    this.#count += count - expected
    return count >= expected && isFilled(answer)
  }
}

function isFilled({ data }: Answer): boolean {
  return typeof data.payload === 'string' && data.payload.length === PAYLOAD_BYTES
}
