/** One request of a client, as an adapter serves it: catch up, load, think, write the difference, answer. */

import {
  type Acks,
  type Base,
  SessionMeshError,
  type Stamp,
  type Value,
  type Written,
} from '@sessionmesh/core'
import { short } from './describe.js'
import { valueId, type Write } from './history.js'
import { END, type Knowledge, type Missing } from './reads.js'
import type { Run } from './run.js'
import { compareStamps, covers, isNamed } from './stamps.js'
import type { Trial } from './trial.js'
import type { Client } from './workload.js'

export const NOTHING: Knowledge = { token: [], seen: new Map() }

const NAMES = ['cart', 'name', 'theme', 'step'] as const

export class Request {
  readonly #trial: Trial
  #run: Run
  readonly #client: Client
  #sid: string
  readonly #brought: Knowledge
  #seen: Map<string, Stamp>
  /** What the last read lacked of that, and was counted for it; and how many writes its member had found lost then. */
  #missing: ReadonlyMap<string, Missing> = new Map()
  #lostWrites = 0
  /** Of these what this member has shown to this request. */
  readonly #shown: Stamp[] = []

  constructor(trial: Trial, run: Run, client: Client, sid: string) {
    this.#trial = trial
    this.#run = run
    this.#client = client
    this.#sid = sid
    this.#brought = client.knowledge
    this.#seen = new Map(client.knowledge.seen)
  }

  create(): void {
    this.#write(undefined, new Map())
    this.#answer()
  }

  work(): void {
    const { random } = this.#trial.world
    this.#load((base) => {
      if (base === undefined) return this.#lost()
      const attributes = new Map(base.attributes)
      if (random.chance(this.#trial.cluster.scenario.readShare)) {
        this.#touch()
        return this.#answer()
      }
      this.#later(() => {
        this.#write(base, attributes)
        this.#answer()
      })
    })
  }

  destroy(): void {
    this.#load(() => {
      const stamp = this.#destroy(this.#acks())
      // This session is over for the client; the cookies are still there, and some other member may be shown them.
      if (this.#client.sid === this.#sid) this.#client.sid = undefined
      if (stamp !== undefined && this.#client.hasTokens) this.#askAgain(stamp)
    })
  }

  #askAgain(end: Stamp): void {
    const { world, cluster } = this.#trial
    const token = this.#run.replica.token(this.#sid, this.#brought.token, this.#run.now)
    const knowledge = { token, seen: new Map([[END, end]]) }
    const client: Client = { ...this.#client, sid: this.#sid, knowledge }
    world.after(world.random.skewed(0, 100), () => {
      const { serving } = cluster
      if (serving.length === 0) return
      new Request(this.#trial, world.random.pick(serving), client, this.#sid).ask()
    })
  }

  /** Only looks. */
  ask(): void {
    this.#load(() => {})
  }

  /** The old id dies, and what the session held goes on under a new one: in the same turn, or a later one. */
  regenerate(): void {
    this.#load((base) => {
      if (base === undefined) return this.#lost()
      const former = this.#sid
      this.#destroy('none')
      const create = () => {
        const isCurrent = this.#client.sid === former
        this.#sid = this.#trial.history.newSid()
        this.#trial.history.formerSids.set(this.#sid, former)
        this.#seen = new Map()
        this.#write(
          undefined,
          new Map([...base.attributes.keys()].map((name) => [name, this.#trial.history.newValue()])),
        )
        if (isCurrent) this.#client.sid = this.#sid
        this.#answer()
      }
      if (this.#trial.world.random.chance(0.5)) create()
      else this.#later(create)
    })
  }

  /** Other requests of this session are served meanwhile. */
  #later(then: () => void): void {
    const { world } = this.#trial
    world.after(world.random.skewed(0, 60), () => this.#run.ownInput(then))
  }

  #load(then: (base: Base | undefined) => void): void {
    const { replica, now } = this.#run
    const brought = this.#client.hasTokens ? this.#brought : NOTHING
    const attempt = this.#trial.reads.begin(this.#run, this.#sid, brought)
    const { wait, effects } = replica.catchUp(this.#sid, brought.token, now)
    const serve = (isStale: boolean) => {
      const view = replica.load(this.#sid, this.#run.now)
      const base = view?.base
      this.#trial.world.trace(
        () =>
          `${this.#run.id}: loads ${this.#sid}${base === undefined ? ': not there' : ''}${isStale ? ', stale' : ''}`,
      )
      this.#trial.expiry.shown(this.#run, this.#sid, base !== undefined)
      this.#missing = this.#trial.reads.served(attempt, view, isStale)
      this.#lostWrites = this.#run.replica.counters.lostWrites
      // What is lost or counted as such the client's token no longer names.
      for (const [name, what] of this.#missing) if (what === 'given up') this.#seen.delete(name)
      for (const [name, value] of base?.attributes ?? []) this.#saw(name, value)
      then(base)
    }
    const again = (run: Run) => {
      this.#run = run
      this.#load(then)
    }
    const stale = () => this.#trial.reads.checkStale(attempt)
    if (wait !== undefined) this.#run.caughtUp(wait, { stale, serve, again })
    this.#run.carryOut(effects)
    if (wait === undefined) serve(false)
  }

  #write(base: Base | undefined, attributes: Map<string, Value>): void {
    const { history, world, cluster } = this.#trial
    const { random } = world
    const name = random.pick(NAMES)
    if (base !== undefined && random.chance(0.15)) attributes.delete(name)
    else attributes.set(name, history.newValue())
    if (random.chance(0.2)) attributes.set(random.pick(NAMES), history.newValue())
    const { replica, now } = this.#run
    const before = this.#ownEntry()
    const current = replica.load(this.#sid, now)?.base
    // A save without what was loaded, as a store composed by hand makes it, replaces all that there is.
    // (Of one that is destroyed and forgotten here it would make a new one.)
    const given = current !== undefined && random.chance(0.03) ? undefined : base
    const replaced = given?.attributes ?? current?.attributes ?? replica.record(this.#sid)?.values()
    const changes = changesOf(replaced, attributes)
    // Where sessions expire, all live alike: else nobody could say when they should have.
    const ttlMs = cluster.scenario.ttlMs * (cluster.canExpire || random.chance(0.9) ? 1 : 2)
    const acks = this.#acks()
    const tried = this.#refused(current, () =>
      replica.write(this.#sid, attributes, { base: given, ttlMs, acks }, now),
    )
    if (tried === undefined) return this.#lost()
    const { written, effects } = tried
    this.#checkOutcome(written.outcome, given, current, changes.size > 0)
    const stamp = this.#issued(before, written.outcome === 'created' || written.outcome === 'changed')
    const isUse = stamp !== undefined && this.#log({ stamp, attributes: changes, ttlMs }).isUse
    if (written.outcome !== 'dropped') this.#expectAck(written.ack, isUse ? undefined : stamp, acks)
    if (written.outcome !== 'dropped') this.#used()
    this.#run.carryOut(effects)
  }

  /** Nothing comes of a write that would begin one session too many, and of no other one. */
  #refused<T>(current: Base | undefined, write: () => T): T | undefined {
    const { replica, id } = this.#run
    const { size } = replica
    const isNew = current === undefined && replica.record(this.#sid) === undefined
    const isFull = size >= this.#trial.cluster.config.maxSessions
    try {
      const written = write()
      if (isNew && isFull && replica.size > size)
        this.#trial.world.fail('limits', `${id} begins ${this.#sid}, and has ${size} sessions already`)
      return written
    } catch (error) {
      if (!(error instanceof SessionMeshError) || error.code !== 'SESSIONMESH_TOO_MANY_SESSIONS') throw error
      if (!isNew || !isFull)
        this.#trial.world.fail('limits', `${id} refuses ${this.#sid}, and has ${size} sessions`)
      this.#trial.world.trace(() => `${id}: no room for ${this.#sid}`)
      return undefined
    }
  }

  #checkOutcome(
    outcome: Written['outcome'],
    base: Base | undefined,
    current: Base | undefined,
    isChange: boolean,
  ): void {
    const isGone = base !== undefined && current === undefined
    const isOther =
      base !== undefined && current !== undefined && compareStamps(current.created, base.created) > 0
    const isDestroyed = this.#run.replica.record(this.#sid)?.destroyed !== undefined
    const isRight =
      isGone || isOther || isDestroyed
        ? outcome === 'dropped'
        : current === undefined
          ? outcome === 'created'
          : outcome === (isChange ? 'changed' : 'unchanged')
    if (!isRight) {
      const was = `${current === undefined ? 'is not there' : 'is there'}${isDestroyed ? ', destroyed' : ''}`
      this.#trial.world.fail(
        'writes',
        `${this.#run.id}: a write to ${this.#sid}, which ${was}, is ${outcome}`,
      )
    }
  }

  /** Returns the stamp, unless it was destroyed already. */
  #destroy(acks: Acks): Stamp | undefined {
    const { replica, now } = this.#run
    const before = this.#ownEntry()
    const held = replica.record(this.#sid)
    const isNew = held?.destroyed === undefined
    const created = held?.created ?? replica.load(this.#sid, now)?.base.created
    const { destroyed, effects } = replica.destroy(this.#sid, acks, now)
    const stamp = this.#issued(before, isNew)
    const write = { attributes: new Map(), ttlMs: undefined, isDestroy: true }
    if (stamp !== undefined) this.#log({ stamp, created: created ?? stamp, ...write })
    this.#expectAck(destroyed.ack, stamp, acks)
    this.#run.carryOut(effects)
    return stamp
  }

  #touch(): void {
    const { world, cluster } = this.#trial
    const { replica, now } = this.#run
    const held = replica.has(this.#sid, now) ? replica.record(this.#sid) : undefined
    const before = this.#ownEntry()
    const ttlMs =
      cluster.canExpire || world.random.chance(0.9)
        ? undefined
        : cluster.scenario.ttlMs * world.random.pick([1, 2])
    const heldMs = held?.lifetime?.ttlMs ?? cluster.scenario.ttlMs
    const isNewTtl = held !== undefined && ttlMs !== undefined && ttlMs !== heldMs
    const { touched, effects } = replica.touch(this.#sid, ttlMs, now)
    world.trace(() => `${this.#run.id}: touch ${this.#sid}${touched ? '' : ', which is not there'}`)
    const stamp = this.#issued(before, isNewTtl)
    if (stamp !== undefined) this.#log({ stamp, attributes: new Map(), ttlMs })
    if (touched) this.#used()
    this.#run.carryOut(effects)
  }

  /** (Of what was fetched for this request alone a use is kept if it was told, and nothing else.) */
  #used(): void {
    const record = this.#run.replica.record(this.#sid)
    if (record === undefined) return
    const use = { run: this.#run, atMs: this.#trial.world.nowMs, isHeld: !record.isBare }
    this.#trial.history.used(this.#sid, use)
  }

  #answer(): void {
    if (!this.#client.hasTokens || this.#client.sid !== this.#sid) return
    const { replica, now, id } = this.#run
    const token = replica.token(this.#sid, this.#brought.token, now)
    this.#trial.world.trace(
      () => `${id}: answers for ${this.#sid} with token [${token.map(short).join(' ')}]`,
    )
    this.#client.knowledge = { token, seen: this.#seen }
    this.#forgetUnpromised(token)
  }

  /**
   * What all have whom this member knows its token does not name: whom it does not know may lack it, and can't tell.
   * Nor what it lacks, be it that it had shown it, and has found lost since.
   */
  #forgetUnpromised(token: readonly Stamp[]): void {
    const { cluster } = this.#trial
    const claims = cluster.claim(this.#run)
    const unknown = cluster.reach.unknownTo(this.#run).map((run) => cluster.claim(run))
    const { lostWrites } = this.#run.replica.counters
    const isFoundLost = lostWrites > this.#lostWrites
    const living = this.#run.livingPeers()
    for (const [name, stamp] of this.#seen) {
      if (isNamed(token, stamp)) continue
      const wasMissing = this.#missing.has(name)
      // (Another read may have been told before that it is lost: this one was counted as stale then.)
      const wasFoundLost = wasMissing && lostWrites > 0 && !living.includes(stamp.origin)
      const isLost = wasFoundLost || (isFoundLost && (wasMissing || !covers(claims, stamp)))
      if (isLost && !wasMissing) this.#trial.reads.counts.shownLost++
      if (isLost || unknown.some((claims) => !covers(claims, stamp))) this.#seen.delete(name)
    }
  }

  #acks(): Acks {
    return this.#trial.world.random.pick(['none', 'none', 'one', 'all'] as const)
  }

  #ownEntry(): Stamp | undefined {
    return this.#run.replica.digest().find(({ origin }) => origin === this.#run.id)
  }

  /** The stamp of what was just written: what the member's own entry rose to. */
  #issued(before: Stamp | undefined, isDue: boolean): Stamp | undefined {
    const stamp = this.#ownEntry()
    const isNew = stamp !== undefined && (before === undefined || compareStamps(before, stamp) < 0)
    if (isDue && !isNew)
      this.#trial.world.fail('writes', `${this.#run.id} has written ${this.#sid}, and does not claim it`)
    return isNew ? stamp : undefined
  }

  /** The history's own record of a write. */
  #log({
    stamp,
    attributes,
    ttlMs,
    isDestroy = false,
    ...write
  }: Pick<Write, 'stamp' | 'attributes' | 'ttlMs'> & { created?: Stamp; isDestroy?: boolean }): Write {
    const run = this.#run
    const sid = this.#sid
    const { cluster, history, world, clocks } = this.#trial
    const record = run.replica.record(sid)
    if (record === undefined) return world.fail('exactness', `${run.id} has written ${sid} and lacks it`)
    // (Of what is destroyed nobody keeps when it began.)
    const created = write.created ?? record.created
    const isLifetimes = record.lifetime !== undefined && compareStamps(record.lifetime.stamp, stamp) === 0
    const logged: Write = {
      stamp,
      sid,
      created,
      attributes,
      ttlMs: isLifetimes ? ttlMs : undefined,
      isDestroy,
      isUse: !isDestroy && attributes.size === 0 && !isLifetimes,
      run,
      atMs: world.nowMs,
      isIsland: cluster.islands.has(run),
      isOfStranger: isDestroy && compareStamps(created, stamp) === 0 && this.#isStranger(),
    }
    history.add(logged)
    clocks.issued(run, stamp)
    if (!isDestroy) this.#checkFollows(stamp)
    for (const name of attributes.keys()) this.#seen.set(name, stamp)
    world.trace(() => {
      const values = [...attributes].map(([name, value]) => `${name} ${value ?? 'removed'}`)
      const what = isDestroy ? 'destroys' : logged.isUse ? 'tells that it uses' : 'writes'
      return `${run.id}: ${what} ${sid} ${values} as ${short(stamp)}`
    })
    return logged
  }

  /** Somebody has the session, or wrote to it, and has none of the writes that this member has. */
  #isStranger(): boolean {
    const { cluster, history } = this.#trial
    const origins = new Set(cluster.claim(this.#run).keys())
    const writes = history.writesOf(this.#sid)
    const has = (run: Run) => writes.some(({ stamp }) => covers(cluster.claim(run), stamp))
    const holders = new Set([...writes.map(({ run }) => run), ...cluster.running.filter(has)])
    const sharesNothing = (run: Run) =>
      [...(cluster.claims.get(run)?.keys() ?? [])].every((each) => !origins.has(each))
    return [...holders].some(sharesNothing)
  }

  /** What is written or ended a second time waits for its acks as well. */
  #expectAck(ack: number | undefined, stamp: Stamp | undefined, need: Acks): void {
    if (need === 'none') return
    const { replica, id, now } = this.#run
    const record = replica.record(this.#sid)
    const claims = this.#trial.cluster.claim(this.#run)
    // (Who was told of later writes of it by others shows these, and waits for them instead.)
    const shown = [...replica.fetched(now)].find(({ sid }) => sid === this.#sid) ?? record
    const isShown = (stamp: Stamp) => shown?.stamps().some((each) => compareStamps(each, stamp) === 0)
    const held = record?.stamps().filter((each) => covers(claims, each) && isShown(each)) ?? []
    // (What was fetched for this request alone is not held here.)
    const awaited = stamp === undefined ? held : [stamp]
    if (ack === undefined)
      this.#trial.world.fail('survival', `${id} was to wait for acks of ${awaited.map(short)}, and does not`)
    this.#run.expectAck(ack, awaited, need)
  }

  /** Writes follow reads: what this request has seen is older than what it writes. */
  #checkFollows(stamp: Stamp): void {
    const claims = this.#trial.cluster.claim(this.#run)
    const merged = [...this.#seen.values()].filter((seen) => covers(claims, seen))
    for (const seen of [...this.#shown, ...merged])
      if (compareStamps(seen, stamp) >= 0)
        this.#trial.world.fail(
          'causality',
          `${this.#run.id} writes ${this.#sid} as ${short(stamp)}, having shown ${short(seen)}`,
        )
  }

  #saw(name: string, value: Value): void {
    const write = this.#trial.history.writesOfValue(valueId(value))?.first
    if (write === undefined) return
    this.#shown.push(write.stamp)
    const known = this.#seen.get(name)
    if (known === undefined || compareStamps(write.stamp, known) > 0) this.#seen.set(name, write.stamp)
  }

  #lost(): void {
    // A session that is gone is left; the adapters would begin a new one.
    if (this.#client.sid === this.#sid) this.#client.sid = undefined
  }
}

/** What a request changed, by its own account: the members' idea of a difference is what is being tested. */
function changesOf(
  base: ReadonlyMap<string, Value> | undefined,
  attributes: ReadonlyMap<string, Value>,
): Map<string, number | undefined> {
  const changes = new Map<string, number | undefined>()
  for (const [name, value] of attributes) {
    const before = base?.get(name)
    if (before === undefined || valueId(before) !== valueId(value)) changes.set(name, valueId(value))
  }
  for (const name of base?.keys() ?? []) if (!attributes.has(name)) changes.set(name, undefined)
  return changes
}
