/**
 * The sender's side of a state transfer: the answer to a pull, whether at link-up, to close a gap, or to a
 * joiner. It walks the records in slices while writes go on, and sends of each what the asker's digest lacks.
 * A record that changes meanwhile goes back on the list, so that in the turn in which the list is empty the
 * asker has been sent all that this member's digest covers, and the digest of that turn ends the transfer.
 * (Taken at the start, it would claim less than was sent, and later deltas would be merged twice.)
 */

import { inBatches } from './bounded.js'
import type { Config } from './config.js'
import { Digest, type DigestEntries } from './digest.js'
import type { Records } from './records.js'
import { bytesOf, bytesOfAttribute, type Delta, type SessionRecord } from './session.js'

export class Transfer {
  readonly pull: number
  readonly #records: Records
  readonly #told: Digest
  #walk: Iterator<SessionRecord> | undefined
  readonly #again = new Set<string>()
  /** The rest of a session that is too large for one chunk. */
  #rest: Delta[] = []

  constructor(pull: number, records: Records, told: DigestEntries) {
    this.pull = pull
    this.#records = records
    this.#told = Digest.of(told)
    this.#walk = records.all()
  }

  /** A record changed: what was sent of it may be old. */
  changed(sid: string): void {
    this.#again.add(sid)
  }

  /** The next chunk; `isLast` in the turn in which nothing is left. */
  next(config: Config): { records: Delta[]; isLast: boolean } {
    const chunk: Delta[] = []
    let bytes = 0
    // Records that the asker has are visited too, and cost time without filling the chunk.
    for (let visits = 0; visits < 10 * config.transferChunkRecords; visits++) {
      if (chunk.length >= config.transferChunkRecords || bytes >= config.transferChunkBytes) break
      if (this.#rest.length === 0) {
        const record = this.#nextRecord()
        if (record === undefined) return { records: chunk, isLast: true }
        const delta = record.above(this.#told)
        if (delta === undefined) continue
        this.#rest = bytesOf([delta]) <= config.transferChunkBytes ? [delta] : pieces(delta, config)
      }
      const delta = this.#rest.shift() as Delta
      chunk.push(delta)
      bytes += bytesOf([delta])
    }
    const isLast = this.#walk === undefined && this.#again.size === 0 && this.#rest.length === 0
    return { records: chunk, isLast }
  }

  #nextRecord(): SessionRecord | undefined {
    if (this.#walk !== undefined) {
      const next = this.#walk.next()
      if (!next.done) return next.value
      this.#walk = undefined
    }
    for (const sid of this.#again) {
      this.#again.delete(sid)
      const record = this.#records.get(sid)
      if (record !== undefined) return record
    }
    return undefined
  }
}

/**
 * A session that several members wrote to at once may be larger than any of them may write, and than a frame. Its pieces
 * are merged together with the end of the transfer, and so need no mark.
 */
function pieces(delta: Delta, config: Config): Delta[] {
  const batches = inBatches(delta.attributes, bytesOfAttribute, config.transferChunkBytes)
  return batches.map((attributes) => ({ ...delta, attributes }))
}
