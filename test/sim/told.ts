/** What members tell their users: each change that they show, each end, and what they have taken over. */

import { type CoreEvent, sameValue, type Value } from '@sessionmesh/core'
import type { Cluster, Observer } from './cluster.js'
import { short } from './describe.js'
import type { History, Write } from './history.js'
import type { Run } from './run.js'
import { compareStamps, covers } from './stamps.js'

export class Told implements Observer {
  readonly #cluster: Cluster
  readonly #history: History
  readonly #readyMs = new Map<Run, number>()
  /** When a member last told of a session that it is there, or that it has ended. */
  readonly #shown = new Map<string, number>()
  readonly #ended = new Set<string>()
  /** How often a member told of a session's creation, or end. */
  readonly #times = new Map<string, number>()
  /** The state of another that a member told last, and those whose takeover it told. */
  readonly #states = new Map<string, string>()
  readonly #takenOver = new Set<string>()
  /** What an application knows of a session that looks at it when it is told of it, and then at what is said to have changed. */
  readonly #known = new Map<string, Map<string, Value>>()

  constructor(cluster: Cluster, history: History) {
    this.#cluster = cluster
    this.#history = history
  }

  event(run: Run, event: CoreEvent): void {
    const { nowMs } = this.#cluster.world
    if (event.type === 'ready') this.#ready(run)
    if (event.type === 'takeover') this.#checkTakeover(run, event)
    if (event.type === 'member') this.#memberTold(run, event)
    if (event.type !== 'session') return
    const key = `${run.id} ${event.sid}`
    this.#follow(run, key, event)
    if (this.#cluster.isCalm) this.#checkCalm(run, event)
    if (event.change === 'destroyed') this.#ended.add(key)
    else if (event.change !== 'expired') this.#shown.set(key, nowMs)
  }

  /** What is there already is found there. */
  #ready(run: Run): void {
    this.#readyMs.set(run, this.#cluster.world.nowMs)
    for (const record of run.replica.records())
      if (record.announced) this.#known.set(`${run.id} ${record.sid}`, record.values())
  }

  #follow(run: Run, key: string, { change, sid, changed }: Extract<CoreEvent, { type: 'session' }>): void {
    const record = run.replica.record(sid)
    const known = this.#known.get(key)
    if (change === 'destroyed' && known === undefined)
      this.#cluster.world.fail('events', `${run.id} tells the end of ${sid}, of which it has told nothing`)
    if (change === 'destroyed' || record === undefined) this.#known.delete(key)
    else if (change === 'created' || known === undefined) this.#known.set(key, record.values())
    else
      for (const name of changed) {
        const value = record.get(name)
        if (value === undefined) known.delete(name)
        else known.set(name, value)
      }
  }

  /** Of each change it was told by name. */
  #checkKnown(run: Run): void {
    for (const record of run.replica.records()) {
      const { sid } = record
      if (!record.announced || !run.replica.has(sid, run.now)) continue
      const [known = new Map<string, Value>(), held] = [this.#known.get(`${run.id} ${sid}`), record.values()]
      const other = [...new Set([...known.keys(), ...held.keys()])].find(
        (name) => !sameValue(known.get(name), held.get(name)),
      )
      if (other !== undefined)
        this.#cluster.world.fail('events', `${run.id} does not tell that ${other} of ${sid} has changed`)
    }
  }

  #memberTold(run: Run, { peer, state }: Extract<CoreEvent, { type: 'member' }>): void {
    const { world } = this.#cluster
    const key = `${run.id} ${peer.id}`
    const before = this.#states.get(key)
    this.#states.set(key, state)
    if (state === 'alive') this.#takenOver.delete(key)
    if ((state !== 'dead' && state !== 'left') || before === 'dead') return
    world.after(0, () => {
      const isGone = this.#states.get(key) === 'dead' || this.#states.get(key) === 'left'
      if (run.isRunning && isGone && !this.#takenOver.has(key))
        world.fail('events', `${run.id} says that ${peer.id} is ${state}, and tells of no takeover`)
    })
  }

  /** Nothing goes wrong: each thing is told once, and each write is of the member that answers for the session. */
  #checkCalm(run: Run, { change, sid, owned, local }: Extract<CoreEvent, { type: 'session' }>): void {
    const { world } = this.#cluster
    const key = `${run.id} ${sid} ${change}`
    const times = (this.#times.get(key) ?? 0) + 1
    this.#times.set(key, times)
    const writes = this.#history.writesOf(sid).length
    // (The write that is told of right now is not in the log yet.)
    if (times > (change === 'changed' ? writes + 1 : 1))
      world.fail('events', `${run.id} tells ${times} times that ${sid} was ${change}, and nothing was wrong`)
    // (The same input may bring later writes of others, and of who is not known yet another answers for it.)
    const writers = this.#history.writesOf(sid).map((write) => write.run)
    const living = new Set(run.livingPeers())
    const isOthers = writers.length > 0 && writers.every((each) => each !== run && living.has(each.id))
    const isWrong = owned ? isOthers : local
    if (change !== 'expired' && isWrong)
      world.fail('events', `${run.id} tells that it ${owned ? 'owns' : 'does not own'} ${sid}`)
  }

  #checkTakeover(run: Run, { peer, sids }: Extract<CoreEvent, { type: 'takeover' }>): void {
    const { world } = this.#cluster
    this.#takenOver.add(`${run.id} ${peer.id}`)
    // What the same input tells of others may move owners again: a session may be told of with another one.
    const { monoMs } = run.now
    if (run.replica.peers().some(({ id, goneMs }) => id !== peer.id && goneMs === monoMs)) return
    const gone = this.#cluster.runs.find(({ id }) => id === peer.id)
    if (gone === undefined || !this.#cluster.reach.isQuiet(world.nowMs - SETTLED_MS, gone)) return
    const told = new Set(sids)
    for (const { sid, lastStamp, announced } of run.replica.records()) {
      // (What nobody was shown yet is told when it is.)
      if (!announced) continue
      const isOwn = run.replica.owner(sid, run.now) === run.id
      if (told.has(sid) && !isOwn)
        world.fail(
          'events',
          `${run.id} says that it has taken ${sid} over from ${peer.id}, and does not own it`,
        )
      if (!told.has(sid) && isOwn && lastStamp.origin === peer.id)
        world.fail('events', `${run.id} owns ${sid}, which was of ${peer.id}, and does not say so`)
    }
  }

  /** When all is well again. Writes whose values nobody got to see are no change, nor is a removal of nothing. */
  check(): void {
    const { running, canExpire } = this.#cluster
    for (const run of running) {
      this.#checkStates(run)
      this.#checkKnown(run)
    }
    if (canExpire) return
    const last = this.#lastWrites()
    for (const run of running) {
      const readyMs = this.#readyMs.get(run) ?? Number.POSITIVE_INFINITY
      for (const write of last) if (write.atMs > readyMs) this.#checkTold(run, write)
    }
  }

  #checkStates(run: Run): void {
    for (const { id, state, announced } of run.replica.peers()) {
      const told = this.#states.get(`${run.id} ${id}`)
      if (announced && told !== state)
        this.#cluster.world.fail(
          'events',
          `${run.id} holds ${id} for ${state}, and has told that it is ${told}`,
        )
    }
  }

  #checkTold(run: Run, { sid, stamp, atMs, isDestroy }: Write): void {
    const { world } = this.#cluster
    const key = `${run.id} ${sid}`
    const isDestroyed = this.#history.isDestroyed(sid)
    if (!covers(this.#cluster.claim(run), stamp) || this.#history.isDestroyExcused(sid)) return
    const shownMs = this.#shown.get(key)
    if (isDestroy && shownMs !== undefined && !this.#ended.has(key))
      world.fail('events', `${run.id} has shown ${sid}, and does not tell that it is destroyed`)
    const isHere = run.replica.has(sid, run.now)
    if (!isDestroyed && isHere && (shownMs === undefined || shownMs < atMs))
      world.fail('events', `${run.id} does not tell of ${short(stamp)}, which changed ${sid}`)
  }

  /** Of each attribute the one that won; and what ended a session. */
  #lastWrites(): Set<Write> {
    const last = new Map<string, Write>()
    for (const write of this.#history.writes) {
      const names = write.isDestroy ? [''] : [...write.attributes.keys()]
      for (const name of names) {
        const key = `${write.sid} ${name}`
        const known = last.get(key)
        if (known === undefined || compareStamps(write.stamp, known.stamp) > 0) last.set(key, write)
      }
    }
    const isNews = ([key, write]: [string, Write]) => {
      const value = write.attributes.get(key.slice(write.sid.length + 1))
      // (A save of the whole session may put an old value back, which may be there still.)
      const isNew = value !== undefined && this.#history.writesOfValue(value)?.first === write
      return write.isDestroy || isNew
    }
    return new Set([...last].filter(isNews).map(([, write]) => write))
  }
}

/** Until all members know the same others. */
const SETTLED_MS = 2_000
