/**
 * Walks over all sessions, a little at a time, as long as somebody looks: who answers for how many, how large they are, and
 * whether the state is the same as that of others.
 *
 * A digest says that two members have merged the same writes. This looks at what became of them.
 */

import type { Config, Replica } from '@sessionmesh/core'
import { checksumOf } from '../values.js'
import type { Census, StampReport } from './types.js'

type SessionRecord = NonNullable<ReturnType<Replica['record']>>

/** After the last question, how long it goes on. */
const WATCHED_MS = 10_000
/** Of each turn of the loop, and how often: together at most a twentieth of a core. */
const SLICE_MS = 1
const PAUSE_MS = 20
/** A walk over few sessions is over at once. */
const BETWEEN_MS = 500
/** Records between two looks at the clock. */
const STRIDE = 64

const PARTS = 256
const SAYS_NOTHING = -1

interface Walk {
  readonly records: Iterator<SessionRecord>
  readonly digest: string
  readonly owners: Map<string, number>
  readonly parts: number[]
  bytes: number
}

export interface CensusWorld {
  replica(): Replica
  now(): { wallMs: number; monoMs: number }
  readonly config: Config
}

export class CensusTaker {
  readonly #world: CensusWorld
  readonly #hashes = new Map<string, number>()
  #untilMs = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #walk: Walk | undefined
  #latest: Census | undefined

  constructor(world: CensusWorld) {
    this.#world = world
  }

  /** That of the last whole walk; and walks on for as long as this is asked for. */
  take(): Census | undefined {
    const nowMs = this.#world.now().monoMs
    const isOld = nowMs > this.#untilMs
    this.#untilMs = nowMs + WATCHED_MS
    if (isOld) this.#latest = undefined
    // (The first one sees something at once, if there is little to see.)
    if (this.#timer === undefined) this.#step()
    return this.#latest
  }

  /** Owners are others now: what is under way counts for nothing. */
  restart(): void {
    this.#walk = undefined
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#untilMs = Number.NEGATIVE_INFINITY
    this.#walk = undefined
  }

  #step(): void {
    const { monoMs } = this.#world.now()
    if (monoMs > this.#untilMs) return this.stop()
    const isOver = this.#goOn(monoMs + SLICE_MS)
    this.#timer = setTimeout(() => this.#step(), isOver ? BETWEEN_MS : PAUSE_MS).unref()
  }

  /** True when all were seen. */
  #goOn(untilMs: number): boolean {
    const replica = this.#world.replica()
    this.#walk ??= {
      records: replica.records(),
      digest: JSON.stringify(replica.digest()),
      owners: new Map(),
      parts: new Array(PARTS).fill(0),
      bytes: 0,
    }
    const walk = this.#walk
    do {
      for (let i = 0; i < STRIDE; i++) {
        const next = walk.records.next()
        if (!next.done) {
          this.#visit(walk, replica, next.value)
          continue
        }
        this.#walk = undefined
        this.#latest = this.#result(walk, replica)
        return true
      }
    } while (this.#world.now().monoMs < untilMs)
    return false
  }

  #visit(walk: Walk, replica: Replica, record: SessionRecord): void {
    if (record.destroyed !== undefined) return
    const { config } = this.#world
    const now = this.#world.now()
    const ttlMs = record.lifetime?.ttlMs ?? config.ttlMs
    const remainingMs = ttlMs - record.idleMs(now)
    // Members hear of a use by so much apart, and find a session ended then.
    const apartMs = 2 * (Math.min(ttlMs / 10, config.maxTouchIntervalMs) + config.deadAfterMs)
    const owner = replica.owner(record.sid, now)
    if (owner !== undefined) {
      walk.owners.set(owner, (walk.owners.get(owner) ?? 0) + 1)
      walk.bytes += record.bytes
    }
    const hash = hashText(record.sid)
    const part = hash % PARTS
    // (What is held only in part has no owner either.)
    if (Math.abs(remainingMs) < apartMs || (owner === undefined && remainingMs > 0))
      walk.parts[part] = SAYS_NOTHING
    else if (remainingMs > 0 && walk.parts[part] !== SAYS_NOTHING)
      walk.parts[part] = (walk.parts[part]! + this.#hashOf(record, hash)) >>> 0
  }

  /** Of what its readers see, and of who wrote it when: marks of removal go from one member sooner than from another. */
  #hashOf(record: SessionRecord, sidHash: number): number {
    let hash = sidHash
    const all = record.above(undefined)
    if (all?.lifetime !== undefined) hash = mix(hash, this.#hashStamp(all.lifetime.stamp))
    // (A sum: the order in which attributes came is not the same everywhere.)
    for (const { name, value, stamp } of all?.attributes ?? [])
      if (value !== undefined)
        hash = (hash + mix(mix(hashText(name), this.#hashStamp(stamp)), checksumOf(value))) >>> 0
    return mix(hash, 0)
  }

  #hashStamp({ time, counter, origin }: { time: number; counter: number; origin: string }): number {
    let hash = this.#hashes.get(origin)
    if (hash === undefined) {
      hash = hashText(origin)
      // (Origins come and go with restarts.)
      if (this.#hashes.size > 1_000) this.#hashes.clear()
      this.#hashes.set(origin, hash)
    }
    return mix(mix(mix(hash, time % 0x100000000), time / 0x100000000), counter)
  }

  #result({ digest, owners, parts, bytes }: Walk, replica: Replica): Census {
    const stamps = replica.digest()
    const isExact = JSON.stringify(stamps) === digest
    return {
      atMs: this.#world.now().wallMs,
      owners: Object.fromEntries(owners),
      bytes,
      ...(isExact && { fingerprint: { digest: stamps.map(stampReport), parts } }),
    }
  }
}

export function stampReport(stamp: { time: number; counter: number; origin: string }): StampReport {
  return { origin: stamp.origin, timeMs: stamp.time, counter: stamp.counter }
}

/** FNV-1a. */
function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

/** murmur3's finaliser. */
function mix(hash: number, value: number): number {
  let mixed = Math.imul(hash ^ value, 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
