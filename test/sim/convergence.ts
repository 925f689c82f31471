/** When all is well again: one cluster, one state on all members, and nothing left over. */

import type { Stamp, Value } from '@sessionmesh/core'
import type { Cluster } from './cluster.js'
import { short } from './describe.js'
import { type History, valueId } from './history.js'
import type { Run } from './run.js'
import type { Problem } from './world.js'

/** What a frame took, which tells how long a session was idle when it was sent. */
const IDLE_SLACK_MS = 200
/** Addresses that a member keeps besides those that are named or told. */
const MAX_HEARD = 64

export class Convergence {
  readonly #cluster: Cluster
  readonly #history: History

  constructor(cluster: Cluster, history: History) {
    this.#cluster = cluster
    this.#history = history
  }

  /** What keeps the members from being one cluster, if anything. */
  notWhole(): Problem | undefined {
    const text = this.#whyNotWhole()
    return text === undefined ? undefined : { invariant: 'liveness', text }
  }

  #whyNotWhole(): string | undefined {
    const { running, hosts } = this.#cluster
    for (const { name, run, isGivenUp } of hosts) {
      if (isGivenUp && run?.isRunning) return `${run.id} has not left yet`
      if (!isGivenUp && run?.isRunning !== true) return `${name} is down`
    }
    for (const run of running) if (!run.isReady) return `${run.id} is not ready`
    for (const a of running)
      for (const b of running)
        if (a !== b && !this.#cluster.reach.isLinkedBothWays(a, b)) return `${a.id} and ${b.id} have no link`
    return undefined
  }

  /** How the members' states differ, if they do: each holds what every other holds. */
  notSame(): Problem | undefined {
    const { running } = this.#cluster
    const states = new Map(running.map((run) => [run, this.#stateOf(run)]))
    for (const of of running)
      for (const run of running) {
        const problem = run === of ? undefined : this.#lacks(run, states, of)
        if (problem !== undefined) return { invariant: 'convergence', text: problem }
      }
    for (const { id, replica, mirror } of running) {
      const sid = mirror.wrong(replica)
      if (sid !== undefined)
        return { invariant: 'convergence', text: `the observer of ${id} is wrong about ${sid}` }
    }
    return undefined
  }

  get #isDoubtful(): boolean {
    return this.#cluster.running.some(({ replica }) =>
      replica.peers().some(({ state }) => state === 'suspect'),
    )
  }

  #lacks(run: Run, states: ReadonlyMap<Run, ReadonlyMap<string, string>>, of: Run): string | undefined {
    const own = states.get(run)
    for (const [sid, text] of states.get(of) ?? []) {
      const held = own?.get(sid)
      if (held === text) {
        const problem = this.#idleProblem(run, of, sid)
        if (problem !== undefined) return problem
        continue
      }
      // Clocks and touches are not told at once: the end comes a little earlier here than there.
      if (held === undefined && this.#cluster.canExpire && this.#isAboutToExpire(of, sid)) continue
      return `${sid}: ${of.id} holds ${text}, ${run.id} ${held ?? 'nothing'}`
    }
    return undefined
  }

  /** Uses are told at most once an interval, and at once when links come up. */
  #idleProblem(run: Run, of: Run, sid: string): string | undefined {
    // (What is destroyed is not used.)
    const idle = (each: Run) => {
      const record = each.replica.record(sid)
      return record?.destroyed === undefined ? record?.idleMs(each.now) : undefined
    }
    const [ours, theirs] = [idle(run), idle(of)]
    if (ours === undefined || theirs === undefined) return undefined
    const ttlMs = of.replica.record(sid)?.lifetime?.ttlMs ?? this.#cluster.config.ttlMs
    const intervalMs = Math.min(ttlMs / 10, this.#cluster.config.maxTouchIntervalMs)
    const usedMs = this.#cluster.world.nowMs - theirs
    const mostMs = intervalMs + IDLE_SLACK_MS + this.#cluster.reach.datedLaterMs(of, usedMs - intervalMs)
    if (ours - theirs <= mostMs) return undefined
    return `${sid} is idle for ${theirs.toFixed(0)} ms on ${of.id}, and for ${ours.toFixed(0)} ms on ${run.id}`
  }

  #isAboutToExpire(run: Run, sid: string): boolean {
    const view = run.replica.load(sid, run.now)
    return view === undefined || view.remainingMs < view.ttlMs / 4
  }

  /** What is left over, if anything: all that waits is done, and what was destroyed leaves nothing behind. */
  notSettled(): Problem | undefined {
    const text = this.#whyNotSettled()
    return text === undefined ? undefined : { invariant: 'limits', text }
  }

  #whyNotSettled(): string | undefined {
    const { running } = this.#cluster
    const [first] = running
    const excused = this.#history.originsOfExcused()
    const living = new Set(running.map(({ id }) => id))
    // (What is kept for one that is dead depends on what its keeper was told by it.)
    const isTold = ({ origin }: Stamp) =>
      this.#cluster.awaitsTheDead ? living.has(origin) : !excused.has(origin)
    const digest = (run: Run) => run.replica.digest().filter(isTold).map(short).sort().join(' ')
    for (const run of running) {
      const { replica } = run
      if (replica.pending > 0) return `${run.id} still waits for ${replica.pending} answers`
      if (replica.tombstones > 0 && !this.#cluster.awaitsTheDead)
        return `${run.id} keeps the tombstones of ${tombstonesOf(run)}`
      if (first !== undefined && digest(run) !== digest(first))
        return `the digests differ: ${first.id} [${digest(first)}], ${run.id} [${digest(run)}]`
      const addresses = this.#mostAddresses(run)
      if (replica.candidates > addresses)
        return `${run.id} keeps ${replica.candidates} addresses, and knows of ${addresses} at the most`
      const problem = this.#wrongView(run) ?? this.#deadOrigin(run) ?? this.#token(run)
      if (problem !== undefined) return problem
    }
    return undefined
  }

  /** Where its hosts are, and where the dead were; and what it has only heard, or a name server tells of still. */
  #mostAddresses(run: Run): number {
    const { scenario, hosts, discovery } = this.#cluster
    const dead = run.replica.peers().filter(({ state }) => state === 'dead')
    const real = (scenario.hasTwoNetworks ? 2 : 1) * (hosts.length + dead.length)
    return real + (scenario.finding === 'multicast' ? MAX_HEARD : discovery.staleNames(run))
  }

  #wrongView(run: Run): string | undefined {
    const { forgetDeadAfterMs } = this.#cluster.config
    for (const { id, state, goneMs } of run.replica.peers()) {
      const isOver = (state === 'dead' || state === 'left') && run.now.monoMs - goneMs > 2 * forgetDeadAfterMs
      if (isOver) return `${run.id} still remembers ${id}`
      const other = this.#cluster.runs.find((each) => each.id === id)
      if (other?.isRunning === true && state !== 'alive') return `${run.id} holds ${id} for ${state}`
      if (other?.isRunning !== true && (state === 'alive' || state === 'suspect'))
        return `${run.id} holds ${id} for ${state}, which is gone`
    }
    return undefined
  }

  /** When everybody has everything, a client's cookie needs to name nothing. */
  #token(run: Run): string | undefined {
    if (this.#cluster.awaitsTheDead) return undefined
    for (const { sid } of run.replica.records()) {
      const token = run.replica.token(sid, [], run.now)
      if (token.length > 0) return `${run.id} still names ${token.map(short)} in the token of ${sid}`
    }
    return undefined
  }

  /** Origins that are gone stay in the digest only while a record bears a stamp of theirs. */
  #deadOrigin(run: Run): string | undefined {
    const borne = new Set<string>()
    for (const record of run.replica.records()) for (const { origin } of record.stamps()) borne.add(origin)
    const living = new Set(this.#cluster.running.map(({ id }) => id))
    for (const { origin } of run.replica.digest())
      if (!living.has(origin) && !borne.has(origin))
        return `${run.id} still tells of ${origin}, which is gone`
    return undefined
  }

  /** The records, and who answers for them, as text. Tombstones and marks of removal go in their own time. */
  #stateOf(run: Run): Map<string, string> {
    const state = new Map<string, string>()
    for (const record of run.replica.records()) {
      if (this.#history.isDestroyExcused(record.sid)) continue
      // (Without a grace a write may come after its session's tombstone is gone: its whole is asked for, and given up.)
      if (!record.whole && !this.#cluster.graceHolds) continue
      const whole = record.above(undefined)
      if (whole === undefined) continue
      if (record.destroyed !== undefined) {
        if (this.#cluster.graceHolds && !this.#cluster.awaitsTheDead)
          state.set(record.sid, `destroyed ${short(record.destroyed)}`)
        continue
      }
      const isExpired = !run.replica.has(record.sid, run.now)
      if (isExpired && this.#cluster.canExpire) continue
      const attributes = whole.attributes
        .filter(({ value }) => value !== undefined)
        .map(({ name, value, stamp }) => `${name} ${valueId(value as Value)} ${short(stamp)}`)
      // (As long as a member doubts that another lives: an end of that is asked for once all is settled.)
      const owner = this.#isDoubtful ? 'doubtful' : run.replica.owner(record.sid, run.now)
      const text = [`created ${short(record.created)}`, ...attributes.sort(), `ttl ${record.lifetime?.ttlMs}`]
      state.set(record.sid, `${text.join(', ')}, owner ${owner}`)
    }
    return state
  }
}

function tombstonesOf(run: Run): string[] {
  return [...run.replica.records()].filter(({ destroyed }) => destroyed !== undefined).map(({ sid }) => sid)
}
