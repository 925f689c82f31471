/**
 * Names for sessions that give nobody their ids. They are hashes, so that all members say the same, and whichever one is asked
 * finds the session again.
 */

import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Sessions } from 'sessionmesh'
import type { Ref } from './api.js'

const LENGTH = 12
/** Those shown last are found at once, and also when they live no more. */
const REMEMBERED = 10_000
/** Ids hashed in one turn of the loop. */
const SLICE = 500
/** Each walks over all sessions, one after the other: a person asks for one. */
const MAX_WAITING = 20

export class TooManyError extends Error {}

export class Refs {
  readonly #sids = new Map<Ref, string>()
  readonly #sessions: Sessions
  #walks: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(sessions: Sessions) {
    this.#sessions = sessions
  }

  of(sid: string): Ref {
    const ref = hash(sid)
    this.#sids.delete(ref)
    this.#sids.set(ref, sid)
    const [oldest] = this.#sids.keys()
    if (oldest !== undefined && this.#sids.size > REMEMBERED) this.#sids.delete(oldest)
    return ref
  }

  /** @throws TooManyError when so many are looked for that the members' own work would suffer */
  async find(ref: Ref): Promise<string | undefined> {
    const known = this.#sids.get(ref)
    if (known !== undefined) return known
    if (this.#waiting >= MAX_WAITING) throw new TooManyError()
    this.#waiting++
    const walk = this.#walks.then(() => this.#walk(ref)).finally(() => this.#waiting--)
    this.#walks = walk.catch(() => {})
    return walk
  }

  async #walk(ref: Ref): Promise<string | undefined> {
    let looked = 0
    for (const sid of this.#sessions.keys()) {
      if (hash(sid) === ref) return sid
      if (++looked % SLICE === 0) await nextTurn()
    }
    return undefined
  }
}

function hash(sid: string): Ref {
  return createHash('sha256').update(`sessionmesh session ${sid}`).digest('base64url').slice(0, LENGTH)
}
