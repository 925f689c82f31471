/**
 * The log of all writes of a history, as their members issued them, and the model that the members are held
 * against: what is the merge of precisely the writes that a digest claims? Written apart from the core's own
 * merge on purpose.
 */

import type { Stamp } from '@sessionmesh/core'
import type { Run } from './run.js'
import { compareStamps, covers, type DigestMap, stampKey } from './stamps.js'

export interface Write {
  readonly stamp: Stamp
  readonly sid: string
  readonly created: Stamp
  /** Value ids by attribute; `undefined` removes. */
  readonly attributes: ReadonlyMap<string, number | undefined>
  readonly ttlMs: number | undefined
  readonly isDestroy: boolean
  readonly run: Run
  readonly atMs: number
  /** Some running member was unknown to the writer. */
  readonly isIsland: boolean
}

export interface ModelRecord {
  created: Stamp
  readonly attributes: Map<string, { value: number | undefined; stamp: Stamp }>
  lifetime: { ttlMs: number; stamp: Stamp } | undefined
  destroyed: Stamp | undefined
}

/** When a session was used, and on which member. */
export interface Use {
  readonly atMs: number
  readonly run: Run
}

export class History {
  readonly writes: Write[] = []
  readonly #byStamp = new Map<string, Write>()
  readonly #bySid = new Map<string, Write[]>()
  readonly #values = new Map<number, { first: Write; last: Write }>()
  readonly #uses = new Map<string, Use[]>()
  #lastValue = 0

  add(write: Write): void {
    this.writes.push(write)
    this.#byStamp.set(stampKey(write.stamp), write)
    const ofSid = this.#bySid.get(write.sid)
    if (ofSid === undefined) this.#bySid.set(write.sid, [write])
    else ofSid.push(write)
    for (const value of write.attributes.values()) {
      if (value === undefined) continue
      this.#values.set(value, { first: this.#values.get(value)?.first ?? write, last: write })
    }
  }

  used(sid: string, run: Run, atMs: number): void {
    const uses = this.#uses.get(sid)
    if (uses === undefined) this.#uses.set(sid, [{ atMs, run }])
    else uses.push({ atMs, run })
  }

  /** In order of time. */
  get uses(): ReadonlyMap<string, readonly Use[]> {
    return this.#uses
  }

  /** Bytes that no value had before: they tell which write a value is of. */
  newValue(): Uint8Array {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setUint32(0, ++this.#lastValue)
    return bytes
  }

  /** Usually one: a write of the whole session may put an old value back. */
  writesOfValue(value: number): { first: Write; last: Write } | undefined {
    return this.#values.get(value)
  }

  writesOf(sid: string): readonly Write[] {
    return this.#bySid.get(sid) ?? []
  }

  /**
   * Destroyed by a member that did not know all others: its list was of no use while everybody who knew them
   * was gone. A tombstone waits for those alone who are known.
   */
  isDestroyExcused(sid: string): boolean {
    return this.writesOf(sid).some(({ isDestroy, isIsland }) => isDestroy && isIsland)
  }

  at(stamp: Stamp): Write | undefined {
    return this.#byStamp.get(stampKey(stamp))
  }

  /** The merge of the writes that the digest claims. */
  claimedBy(digest: DigestMap): Map<string, ModelRecord> {
    const records = new Map<string, ModelRecord>()
    for (const write of this.writes) if (covers(digest, write.stamp)) apply(records, write)
    return records
  }
}

export function valueId(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
}

function apply(records: Map<string, ModelRecord>, write: Write): void {
  const { sid, created, stamp, ttlMs } = write
  let record = records.get(sid)
  if (record === undefined) {
    record = { created, attributes: new Map(), lifetime: undefined, destroyed: undefined }
    records.set(sid, record)
  }
  if (compareStamps(created, record.created) < 0) record.created = created
  if (write.isDestroy && (record.destroyed === undefined || compareStamps(stamp, record.destroyed) > 0)) {
    record.destroyed = stamp
  }
  for (const [name, value] of write.attributes) {
    const held = record.attributes.get(name)
    if (held === undefined || compareStamps(stamp, held.stamp) > 0) {
      record.attributes.set(name, { value, stamp })
    }
  }
  if (
    ttlMs !== undefined &&
    (record.lifetime === undefined || compareStamps(stamp, record.lifetime.stamp) > 0)
  ) {
    record.lifetime = { ttlMs, stamp }
  }
}
