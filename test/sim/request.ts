/** One request of a client, as an adapter serves it: catch up, load, think, write the difference, answer. */

import type { Acks, Base, Stamp } from '@sessionmesh/core'
import type { Cluster } from './cluster.js'
import { short } from './describe.js'
import { type History, valueId } from './history.js'
import type { Run } from './run.js'
import { compareStamps, covers } from './stamps.js'
import type { Client } from './workload.js'

/** What a client's cookie stands for: the stamps of the attributes that it has seen or written. */
export interface Knowledge {
  readonly token: readonly Stamp[]
  readonly seen: ReadonlyMap<string, Stamp>
}

const NAMES = ['cart', 'name', 'theme', 'step'] as const

export class Request {
  readonly #cluster: Cluster
  readonly #history: History
  readonly #run: Run
  readonly #client: Client
  readonly #sid: string
  readonly #ttlMs: number
  readonly #brought: Knowledge
  readonly #seen: Map<string, Stamp>

  constructor(cluster: Cluster, history: History, run: Run, client: Client, sid: string, ttlMs: number) {
    this.#cluster = cluster
    this.#history = history
    this.#run = run
    this.#client = client
    this.#sid = sid
    this.#ttlMs = ttlMs
    this.#brought = client.knowledge
    this.#seen = new Map(client.knowledge.seen)
  }

  create(): void {
    this.#write(undefined, new Map())
    this.#answer()
  }

  work(): void {
    const { random } = this.#cluster.world
    this.#load((base) => {
      if (base === undefined) return this.#lost()
      const attributes = new Map(base.attributes)
      if (random.chance(0.4)) {
        this.#touch()
        return this.#answer()
      }
      // Other requests of this session are served meanwhile.
      this.#cluster.world.after(random.skewed(0, 60), () =>
        this.#run.input(() => {
          this.#write(random.chance(0.97) ? base : undefined, attributes)
          this.#answer()
        }),
      )
    })
  }

  destroy(): void {
    this.#load(() => {
      const { replica, now } = this.#run
      const before = this.#ownEntry()
      const { destroyed, effects } = replica.destroy(this.#sid, this.#acks(), now)
      this.#log(before, new Map(), undefined, true, destroyed.ack)
      this.#run.carryOut(effects)
      // The cookie is cleared: this session is over for the client.
      if (this.#client.sid === this.#sid) this.#client.sid = undefined
    })
  }

  #load(then: (base: Base | undefined) => void): void {
    const { replica, now } = this.#run
    const token = this.#client.hasTokens ? this.#brought.token : []
    const lostBefore = replica.counters.lostWrites
    const { wait, effects } = replica.catchUp(this.#sid, token, now)
    const serve = (isStale: boolean) => {
      const view = replica.load(this.#sid, this.#run.now)
      this.#checkView(view?.base, isStale || replica.counters.lostWrites > lostBefore)
      then(view?.base)
    }
    if (wait !== undefined) this.#run.caughtUp(wait, serve)
    this.#run.carryOut(effects)
    if (wait === undefined) serve(false)
  }

  #write(base: Base | undefined, attributes: Map<string, Uint8Array>): void {
    const { world } = this.#cluster
    const { random } = world
    const name = random.pick(NAMES)
    if (base !== undefined && random.chance(0.15)) attributes.delete(name)
    else attributes.set(name, this.#history.newValue())
    if (random.chance(0.2)) attributes.set(random.pick(NAMES), this.#history.newValue())
    const { replica, now } = this.#run
    const before = this.#ownEntry()
    const options = { base, ttlMs: this.#ttlMs, acks: this.#acks() }
    const { written, effects } = replica.write(this.#sid, attributes, options, now)
    const changes = new Map<string, number | undefined>()
    for (const name of written.changed) {
      const value = attributes.get(name)
      changes.set(name, value === undefined ? undefined : valueId(value))
    }
    this.#log(before, changes, this.#ttlMs, false, written.ack)
    this.#run.carryOut(effects)
  }

  #touch(): void {
    const { touched, effects } = this.#run.replica.touch(this.#sid, undefined, this.#run.now)
    if (touched) this.#history.used(this.#sid, this.#run, this.#cluster.world.nowMs)
    this.#cluster.world.trace(
      () => `${this.#run.id}: touch ${this.#sid}${touched ? '' : ', which is not there'}`,
    )
    this.#run.carryOut(effects)
  }

  #answer(): void {
    if (!this.#client.hasTokens || this.#client.sid !== this.#sid) return
    const { replica, now, id } = this.#run
    const token = replica.token(this.#sid, this.#brought.token, now)
    this.#cluster.world.trace(
      () => `${id}: answers for ${this.#sid} with token [${token.map(short).join(' ')}]`,
    )
    this.#client.knowledge = { token, seen: this.#seen }
  }

  #acks(): Acks {
    return this.#cluster.world.random.pick(['none', 'none', 'one', 'all'] as const)
  }

  #ownEntry(): Stamp | undefined {
    return this.#run.replica.digest().find(({ origin }) => origin === this.#run.id)
  }

  /** The history's own record of a write: its stamp is what the member's own entry rose to. */
  #log(
    before: Stamp | undefined,
    attributes: Map<string, number | undefined>,
    ttlMs: number | undefined,
    isDestroy: boolean,
    ack: number | undefined,
  ): void {
    const stamp = this.#ownEntry()
    if (stamp === undefined || (before !== undefined && compareStamps(before, stamp) === 0)) return
    const run = this.#run
    const record = this.#cluster.recordOf(run, this.#sid)
    if (record === undefined)
      return this.#cluster.world.fail(`${run.id} has written ${this.#sid} and lacks it`)
    const isLifetimes = record.lifetime !== undefined && compareStamps(record.lifetime.stamp, stamp) === 0
    const { world } = this.#cluster
    const created = record.created
    const atMs = world.nowMs
    this.#history.add({
      stamp,
      sid: this.#sid,
      created,
      attributes,
      ttlMs: isLifetimes ? ttlMs : undefined,
      isDestroy,
      run,
      atMs,
      isIsland: !this.#cluster.knowsAll(run),
    })
    for (const name of attributes.keys()) this.#seen.set(name, stamp)
    if (!isDestroy) this.#history.used(this.#sid, run, atMs)
    run.expectAck(ack, stamp)
    world.trace(
      () =>
        `${run.id}: ${isDestroy ? 'destroys' : 'writes'} ${this.#sid} ${[...attributes.keys()]} as ${short(stamp)}`,
    )
  }

  /** Read-your-writes and monotonic reads; nothing of a destroyed session. */
  #checkView(base: Base | undefined, isStale: boolean): void {
    const { world } = this.#cluster
    const { id } = this.#run
    const sid = this.#sid
    world.trace(
      () => `${id}: loads ${sid}${base === undefined ? ': not there' : ''}${isStale ? ', stale' : ''}`,
    )
    const claims = this.#cluster.claim(this.#run)
    if (base !== undefined) {
      for (const write of this.#history.writesOf(sid)) {
        if (write.isDestroy && !this.#history.isDestroyExcused(sid) && covers(claims, write.stamp)) {
          world.fail(`${id} has merged the destroy ${short(write.stamp)} of ${sid}, and shows the session`)
        }
      }
    }
    // What was served without all that the client had seen is counted, and its token starts from there.
    if (isStale) this.#seen.clear()
    else if (this.#client.hasTokens && this.#cluster.knowsAll(this.#run)) this.#checkSeen(base)
    for (const [name, value] of base?.attributes ?? []) this.#saw(name, value)
  }

  #checkSeen(base: Base | undefined): void {
    const { world } = this.#cluster
    const { id } = this.#run
    const sid = this.#sid
    for (const [name, stamp] of this.#brought.seen) {
      if (this.#cluster.isLost(stamp) || this.#history.at(stamp)?.isIsland) continue
      if (base === undefined) {
        const isOver =
          this.#cluster.canExpire || this.#history.writesOf(sid).some(({ isDestroy }) => isDestroy)
        if (!isOver)
          world.fail(`${id} does not show ${sid} to a client that has seen its ${name} ${short(stamp)}`)
        continue
      }
      const value = base.attributes.get(name)
      const shown = value === undefined ? undefined : this.#history.writesOfValue(valueId(value))?.last
      const isNewEnough =
        shown !== undefined
          ? compareStamps(shown.stamp, stamp) >= 0
          : this.#history.writesOf(sid).some((write) => {
              const removes = write.attributes.has(name) && write.attributes.get(name) === undefined
              return removes && compareStamps(write.stamp, stamp) >= 0
            })
      if (!isNewEnough) {
        world.fail(
          `${id} shows ${sid}.${name} as of ${short(shown?.stamp)} to a client that has seen ${short(stamp)}`,
        )
      }
    }
  }

  #saw(name: string, value: Uint8Array): void {
    const write = this.#history.writesOfValue(valueId(value))?.first
    if (write === undefined) return
    const known = this.#seen.get(name)
    if (known === undefined || compareStamps(write.stamp, known) > 0) this.#seen.set(name, write.stamp)
  }

  #lost(): void {
    // A session that is gone is left; the adapters would begin a new one.
    if (this.#client.sid === this.#sid) this.#client.sid = undefined
  }
}
