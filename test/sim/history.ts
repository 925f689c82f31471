/**
 * The log of all writes of a history, as their members issued them, and the model that the members are held
 * against: what is the merge of precisely the writes that a digest claims? Written apart from the core's own
 * merge on purpose.
 */

import { Packed, type Stamp, type Value } from '@sessionmesh/core'
import type { Cluster } from './cluster.js'
import type { Run } from './run.js'
import { compareStamps, type DigestMap, stampKey } from './stamps.js'

export interface Write {
  readonly stamp: Stamp
  readonly sid: string
  readonly created: Stamp
  /** Value ids by attribute; `undefined` removes. */
  readonly attributes: ReadonlyMap<string, number | undefined>
  readonly ttlMs: number | undefined
  readonly isDestroy: boolean
  /** Nothing but a use is told: a touch. */
  readonly isUse: boolean
  readonly run: Run
  readonly atMs: number
  /** Some running member was unknown to the writer. */
  readonly isIsland: boolean
  /** A destroy, of a session unknown there, of which somebody holds it and shares no write with who destroyed it: two clusters so far. */
  readonly isOfStranger: boolean
}

export interface ModelRecord {
  created: Stamp
  readonly attributes: Map<string, { value: number | undefined; stamp: Stamp }>
  lifetime: { ttlMs: number; stamp: Stamp } | undefined
  destroyed: Stamp | undefined
  /** The last use of which all were told, in virtual time. */
  usedMs: number
}

/** When a session was used, and on which member. */
export interface Use {
  readonly atMs: number
  readonly run: Run
  /** The session was held there, and not only fetched for that request. */
  readonly isHeld: boolean
}

export class History {
  readonly writes: Write[] = []
  /** The id that a session had before it was regenerated. */
  readonly formerSids = new Map<string, string>()
  readonly #byStamp = new Map<string, Write>()
  readonly #bySid = new Map<string, Write[]>()
  readonly #byOrigin = new Map<string, Write[]>()
  readonly #values = new Map<number, { first: Write; last: Write }>()
  readonly #uses = new Map<string, Use[]>()
  #lastValue = 0
  #lastSid = 0
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  add(write: Write): void {
    addTo(this.#byOrigin, write.stamp.origin, write)
    if (write.isUse) return
    this.writes.push(write)
    this.#byStamp.set(stampKey(write.stamp), write)
    addTo(this.#bySid, write.sid, write)
    for (const value of write.attributes.values()) {
      if (value === undefined) continue
      const { first, last } = this.#values.get(value) ?? { first: write, last: write }
      this.#values.set(value, { first, last: compareStamps(write.stamp, last.stamp) > 0 ? write : last })
    }
  }

  used(sid: string, use: Use): void {
    addTo(this.#uses, sid, use)
  }

  /** In order of time. */
  get uses(): ReadonlyMap<string, readonly Use[]> {
    return this.#uses
  }

  /** Ids are never used again. */
  newSid(): string {
    return `s${++this.#lastSid}`
  }

  /** One that was not there before: it tells which write it is of. Every other one is a text, and every other is packed. */
  newValue(): Value {
    const text = String(++this.#lastValue).padEnd(this.#cluster.scenario.valueBytes)
    return this.#lastValue % 2 === 0 ? text : new Packed(text)
  }

  /** Usually one: a write of the whole session may put an old value back. */
  writesOfValue(value: number): { first: Write; last: Write } | undefined {
    return this.#values.get(value)
  }

  writesOf(sid: string): readonly Write[] {
    return this.#bySid.get(sid) ?? []
  }

  /** In the order of their stamps, touches among them. */
  writesBy(origin: string): readonly Write[] {
    return this.#byOrigin.get(origin) ?? []
  }

  isDestroyed(sid: string): boolean {
    return this.writesOf(sid).some(({ isDestroy }) => isDestroy)
  }

  /** Of two clusters that have never met neither waits with its tombstones for the other. */
  isDestroyExcused(sid: string): boolean {
    return !this.#cluster.graceHolds && this.writesOf(sid).some(({ isOfStranger }) => isOfStranger)
  }

  /** Whose stamps may be borne on one member, by a session that is alive there, and not on another. */
  originsOfExcused(): ReadonlySet<string> {
    if (this.#cluster.graceHolds) return new Set()
    const sids = [...this.#bySid.keys()].filter((sid) => this.isDestroyExcused(sid))
    return new Set(sids.flatMap((sid) => this.writesOf(sid).map(({ stamp }) => stamp.origin)))
  }

  at(stamp: Stamp): Write | undefined {
    return this.#byStamp.get(stampKey(stamp))
  }
}

/** The merge of the writes that one run claims; kept up while its claims grow. */
export class ClaimedState {
  readonly records = new Map<string, ModelRecord>()
  readonly #history: History
  readonly #applied = new Map<string, number>()

  constructor(history: History) {
    this.#history = history
  }

  /** Returns the sessions of which more is claimed than before. */
  follow(claims: DigestMap): Set<string> {
    const sids = new Set<string>()
    for (const [origin, stamp] of claims) {
      const writes = this.#history.writesBy(origin)
      let applied = this.#applied.get(origin) ?? 0
      for (let write = writes[applied]; write !== undefined; write = writes[++applied]) {
        if (compareStamps(write.stamp, stamp) > 0) break
        apply(this.records, write)
        sids.add(write.sid)
      }
      this.#applied.set(origin, applied)
    }
    return sids
  }
}

export function valueId(value: Value): number {
  return Number(value instanceof Packed ? value.latin1 : value)
}

function apply(records: Map<string, ModelRecord>, write: Write): void {
  const { sid, created, stamp, ttlMs, atMs } = write
  let record = records.get(sid)
  if (record === undefined) {
    record = { created, attributes: new Map(), lifetime: undefined, destroyed: undefined, usedMs: atMs }
    records.set(sid, record)
  }
  if (compareStamps(created, record.created) < 0) record.created = created
  record.usedMs = Math.max(record.usedMs, atMs)
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

function addTo<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
