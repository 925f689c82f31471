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
const SLICE = 2_000

export class Refs {
  readonly #sids = new Map<Ref, string>()
  readonly #sessions: Sessions

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

  async find(ref: Ref): Promise<string | undefined> {
    const known = this.#sids.get(ref)
    if (known !== undefined) return known
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
