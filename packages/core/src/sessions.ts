/** What an application does with sessions: load, write a difference, touch, destroy. All of it is local. */

import type { PendingAcks } from './acks.js'
import { touchIntervalMs } from './config.js'
import type { Context } from './context.js'
import { SessionMeshError } from './errors.js'
import type { Acks } from './events.js'
import { checkBytes, checkRoom, checkTtl, checkWrite } from './limits.js'
import type { Outbox } from './outbox.js'
import type { Questions } from './questions.js'
import { difference, type SessionRecord } from './session.js'
import { compareStamps, type Instant, type Origin, type Stamp } from './stamp.js'
import type { Value } from './value.js'

/** What a request loaded: its write is the difference against this. */
export interface Base {
  readonly created: Stamp
  readonly attributes: ReadonlyMap<string, Value>
}

export interface View {
  readonly base: Base
  readonly ttlMs: number
  readonly remainingMs: number
  /** As a peer told it for this read, ahead of what is merged here. */
  readonly isFetched: boolean
}

export interface WriteOptions {
  readonly base?: Base | undefined
  readonly ttlMs?: number | undefined
  readonly acks?: Acks | undefined
}

export interface Written {
  readonly outcome: 'created' | 'changed' | 'unchanged' | 'dropped'
  readonly changed: string[]
  readonly base: Base | undefined
  /** The number of the `acked` effect that will follow; `undefined` when no acks were asked for. */
  readonly ack: number | undefined
}

export interface Destroyed {
  /** False when there was no such session here; the id is dead all the same. */
  readonly destroyed: boolean
  readonly ack: number | undefined
}

export class Sessions {
  readonly #context: Context
  readonly #outbox: Outbox
  readonly #acks: PendingAcks
  readonly #questions: Questions

  constructor(context: Context, outbox: Outbox, acks: PendingAcks, questions: Questions) {
    this.#context = context
    this.#outbox = outbox
    this.#acks = acks
    this.#questions = questions
  }

  load(sid: string, now: Instant): View | undefined {
    const record = this.#readable(sid, now)
    if (record === undefined) return undefined
    const ttlMs = this.#context.records.ttlMs(record)
    const isFetched = record !== this.#context.records.get(sid)
    return { base: baseOf(record), ttlMs, remainingMs: ttlMs - record.idleMs(now), isFetched }
  }

  has(sid: string, now: Instant): boolean {
    return this.#readable(sid, now) !== undefined
  }

  *keys(now: Instant): Generator<string> {
    for (const record of this.#context.records.all()) {
      if (this.#context.records.isReadable(record, now)) yield record.sid
    }
  }

  owner(sid: string, now: Instant): Origin | undefined {
    const record = this.#readable(sid, now)
    return record === undefined ? undefined : this.#context.ownerOf(record)
  }

  /** @throws SessionMeshError when a limit is passed or a name is forbidden; nothing is written then. */
  write(sid: string, next: ReadonlyMap<string, Value>, options: WriteOptions, now: Instant): Written {
    const { config, counters, clock, records } = this.#context
    const { base, ttlMs, acks = 'none' } = options
    checkTtl(ttlMs)
    const current = this.#readable(sid, now)
    const held = records.get(sid)
    if (held?.destroyed !== undefined || this.#isOfAnotherLife(base, current)) return this.#dropped()
    const loaded = base?.attributes ?? (current ?? held)?.values() ?? new Map<string, Value>()
    const changes = difference(loaded, next)
    this.#checkLimits(sid, changes, held, current === undefined && held === undefined)
    const currentTtlMs = current === undefined ? undefined : records.ttlMs(current)
    const newTtlMs = ttlMs ?? currentTtlMs ?? config.ttlMs
    if (current !== undefined && changes.length === 0) {
      this.#touch(sid, newTtlMs, now)
      // A write that is repeated because its acks were missed must not succeed for want of a difference.
      // (As it is now: its lifetime may be another one.)
      const ack = this.#expect(this.#findable(this.#questions.view(sid, now) ?? current), acks, now)
      return { outcome: 'unchanged', changed: [], base: base ?? baseOf(current), ack }
    }
    counters.writes++
    const stamp = clock.issue(now)
    const created = held?.created ?? current?.created ?? stamp
    const lifetime = newTtlMs === currentTtlMs ? undefined : { ttlMs: newTtlMs, stamp }
    const attributes = changes.map(({ name, value }) => ({ name, value, stamp }))
    this.#outbox.write({ sid, created, attributes, lifetime, used: { atMs: now.monoMs, stamp } }, stamp, now)
    return {
      outcome: current === undefined ? 'created' : 'changed',
      changed: changes.map(({ name }) => name),
      base: { created, attributes: next },
      ack: this.#expect([stamp], acks, now),
    }
  }

  touch(sid: string, ttlMs: number | undefined, now: Instant): boolean {
    checkTtl(ttlMs)
    const touched = this.has(sid, now)
    if (touched) this.#touch(sid, ttlMs, now)
    return touched
  }

  /** Ends the session for good. An id unknown here is marked as well: its creation may be on its way. */
  destroy(sid: string, acks: Acks, now: Instant): Destroyed {
    const destroyed = this.has(sid, now)
    const record = this.#context.records.get(sid)
    if (record?.destroyed !== undefined) {
      return { destroyed, ack: this.#expect([record.destroyed], acks, now) }
    }
    checkWrite(sid, [], undefined, this.#context.config)
    const stamp = this.#context.clock.issue(now)
    const created = record?.created ?? this.#questions.view(sid, now)?.created ?? stamp
    // (Nobody can say whose it was: whoever was met may have made it.)
    if (created === stamp)
      for (const { id } of this.#context.members.met()) this.#context.records.addStranger(id)
    this.#outbox.write({ sid, created, attributes: [], destroyed: stamp }, stamp, now)
    return { destroyed, ack: this.#expect([stamp], acks, now) }
  }

  #checkLimits(
    sid: string,
    changes: ReturnType<typeof difference>,
    held: SessionRecord | undefined,
    isNew: boolean,
  ): void {
    const { config, counters, records } = this.#context
    try {
      checkBytes(checkWrite(sid, changes, held, config), records, config)
      if (isNew) checkRoom(records, config)
    } catch (error) {
      if (error instanceof SessionMeshError && LIMITS.has(error.code)) counters.writesRefused++
      throw error
    }
  }

  #readable(sid: string, now: Instant): SessionRecord | undefined {
    const record = this.#questions.view(sid, now)
    return record !== undefined && this.#questions.isShown(sid, record, now) ? record : undefined
  }

  /** The session that was loaded is gone; what bears its id now, if anything, was created later. */
  #isOfAnotherLife(base: Base | undefined, current: SessionRecord | undefined): boolean {
    if (base === undefined) return false
    return current === undefined || compareStamps(current.created, base.created) > 0
  }

  #dropped(): Written {
    this.#context.counters.writesDropped++
    this.#context.warn(
      'SESSIONMESH_WRITE_DROPPED',
      'A write was dropped: its session was destroyed or has expired since it was loaded, and what is gone stays gone.',
    )
    return { outcome: 'dropped', changed: [], base: undefined, ack: undefined }
  }

  #touch(sid: string, ttlMs: number | undefined, now: Instant): void {
    const { records, counters, clock, config } = this.#context
    counters.touches++
    const record = records.get(sid) ?? this.#questions.view(sid, now)
    if (record === undefined) return
    if (ttlMs !== undefined && ttlMs !== records.ttlMs(record)) {
      const stamp = clock.issue(now)
      const { created } = record
      this.#outbox.write(
        { sid, created, attributes: [], lifetime: { ttlMs, stamp }, used: { atMs: now.monoMs, stamp } },
        stamp,
        now,
      )
      return
    }
    record.use(now)
    if (now.monoMs - record.toldMs >= touchIntervalMs(records.ttlMs(record), config)) {
      this.#outbox.touch(record, now)
    }
  }

  /** All that it bears, but for a creation that is lost: nobody will ever hold that. */
  #findable(record: SessionRecord): Stamp[] {
    const { digest, members } = this.#context
    return record.stamps().filter((stamp) => digest.covers(stamp) || !members.isNowhere(stamp))
  }

  #expect(stamps: readonly Stamp[], acks: Acks, now: Instant): number | undefined {
    return acks === 'none' ? undefined : this.#acks.expect(stamps, acks, now)
  }
}

const LIMITS: ReadonlySet<string> = new Set([
  'SESSIONMESH_SESSION_TOO_LARGE',
  'SESSIONMESH_TOO_MANY_SESSIONS',
])

function baseOf(record: SessionRecord): Base {
  return { created: record.created, attributes: record.values() }
}
