/** What goes wrong, and when. Each fault ends by itself, or when all is made good again. */

import type { CoreEvent } from '@sessionmesh/core'
import type { Cluster } from './cluster.js'
import type { History } from './history.js'
import type { Host } from './host.js'
import { SLOWEST_MS } from './network.js'
import { partition, type Shape, shapes } from './partitions.js'
import type { Random } from './random.js'
import type { Run } from './run.js'
import type { Fault, Scenario } from './scenario.js'
import type { World } from './world.js'

/** Those that do not strike now and then. */
const STANDING: ReadonlySet<Fault> = new Set(['apart', 'late', 'donor'])
/** Of names that are nobody's at once. */
const MOST_FORGED = 200
const MAX_SKEW_TO_LEAP_MS = 200

export class Nemesis {
  readonly #cluster: Cluster
  readonly #history: History
  readonly #world: World
  readonly #random: Random
  readonly #scenario: Scenario
  readonly #faults: readonly Fault[]
  #isOver = false

  constructor(cluster: Cluster, history: History, scenario: Scenario) {
    this.#cluster = cluster
    this.#history = history
    this.#world = cluster.world
    this.#random = cluster.world.random
    this.#scenario = scenario
    this.#faults = scenario.faults.filter((fault) => !STANDING.has(fault))
    if (scenario.faults.includes('apart')) this.#partInTime()
    if (scenario.faults.includes('donor')) this.#watchJoiners()
    if (this.#faults.length > 0) this.#next()
  }

  /** From now on nothing goes wrong, and what was is made good: all hosts are up and reach each other. */
  stop(): void {
    const { network, discovery, hosts } = this.#cluster
    this.#isOver = true
    this.#world.trace(() => '*** all faults end')
    network.healAll()
    discovery.isReliable = true
    for (const host of hosts) this.#setRight(host)
    for (const host of hosts) host.run?.thaw()
    this.allUp()
  }

  /** Who was about to leave when the faults ended comes back as well; who begins anew when it is to go, goes. */
  allUp(): void {
    for (const host of this.#cluster.hosts) {
      this.#restart(host)
      if (host.isGivenUp && host.run?.isReady) this.#goodbye(host.run)
    }
  }

  #next(): void {
    this.#later(this.#random.between(0, 2 * this.#scenario.faultEveryMs), () => {
      this.#strike(this.#random.pick(this.#faults))
      this.#next()
    })
  }

  #strike(fault: Fault): void {
    const host = this.#random.pick(this.#cluster.hosts)
    const durationMs = this.#random.skewed(20, this.#scenario.longestFaultMs)
    switch (fault) {
      case 'reset':
        return this.#reset(host)
      case 'cut':
        return this.#cut(durationMs, false)
      case 'oneway':
        return this.#cut(durationMs, true)
      case 'slow':
        return this.#slow(host, durationMs)
      case 'freeze':
        return this.#freeze(host, durationMs)
      case 'stall':
        return this.#freeze(host, this.#random.between(20, 900))
      case 'crash':
        return this.#crashes(host)
      case 'leave':
        return this.#leave(host, durationMs)
      case 'shrink':
        return this.#shrink(host)
      case 'jump':
        return this.#jump(host)
      case 'strobe':
        return this.#strobe(host, this.#random.integer(2, 20))
      case 'leap':
        return this.#leap(host, durationMs)
      case 'forged':
        return this.#cluster.discovery.forge(Math.ceil(this.#random.skewed(0, MOST_FORGED)))
      case 'apart':
      case 'late':
      case 'donor':
        return
    }
  }

  #reset(host: Host): void {
    const other = this.#random.pick(this.#cluster.hosts)
    if (host === other) return
    this.#world.trace(() => `*** links ${host.name}-${other.name} break`)
    this.#cluster.network.reset(host.index, other.index)
  }

  #cut(durationMs: number, isOneWay: boolean): void {
    const { network, hosts } = this.#cluster
    const pairs = partition(this.#random.pick(shapes), hosts, this.#random)
    const ways = pairs.flatMap(([a, b]): (readonly [Host, Host])[] => {
      if (!isOneWay)
        return [
          [a, b],
          [b, a],
        ]
      return [this.#random.chance(0.5) ? [a, b] : [b, a]]
    })
    const names = ways.map(([from, to]) => `${from.name}>${to.name}`).join(' ')
    this.#world.trace(() => `*** cut for ${durationMs.toFixed(0)} ms: ${names}`)
    for (const [from, to] of ways) network.cut(from.index, to.index)
    this.#later(durationMs, () => {
      this.#world.trace(() => `*** healed: ${names}`)
      for (const [from, to] of ways) network.heal(from.index, to.index)
    })
  }

  /**
   * Parts that are to forget each other are one cluster first: those that never met have nothing to forget. And often they
   * meet again while clients go on.
   */
  #partInTime(): void {
    const { lastsMs, config } = this.#scenario
    const { forgetDeadAfterMs = lastsMs } = config
    if (forgetDeadAfterMs >= lastsMs / 2) {
      this.#part('pair')
      return
    }
    const forgottenMs = this.#cluster.config.deadAfterMs + forgetDeadAfterMs
    this.#later(this.#random.between(200, 1_500), () => {
      const heal = this.#part('halves')
      const healMs = forgottenMs + this.#random.between(0, lastsMs - forgottenMs)
      if (this.#random.chance(0.7)) this.#later(healMs, heal)
    })
  }

  /** Returns what heals it. */
  #part(usual: Shape): () => void {
    const { network, hosts } = this.#cluster
    const shape = this.#random.chance(0.6) ? usual : this.#random.pick(shapes)
    const ways = partition(shape, hosts, this.#random).flatMap(([a, b]) => [[a, b] as const, [b, a] as const])
    const names = ways.map(([from, to]) => `${from.name}>${to.name}`).join(' ')
    this.#world.trace(() => `*** parted: ${names}`)
    for (const [from, to] of ways) network.cut(from.index, to.index)
    return () => {
      this.#world.trace(() => `*** parted no more: ${names}`)
      for (const [from, to] of ways) network.heal(from.index, to.index)
    }
  }

  #slow(host: Host, durationMs: number): void {
    const { network } = this.#cluster
    const other = this.#random.pick(this.#cluster.hosts)
    if (host === other) return
    this.#world.trace(() => `*** ${host.name}-${other.name} is slow for ${durationMs.toFixed(0)} ms`)
    network.slow(host.index, other.index, this.#random.between(50, SLOWEST_MS))
    this.#later(durationMs, () => network.slow(host.index, other.index, 0))
  }

  #freeze({ run }: Host, durationMs: number): void {
    if (run?.isRunning !== true || run.isFrozen) return
    this.#world.trace(() => `*** ${run.id} stands still for ${durationMs.toFixed(0)} ms`)
    // (Idle times do not grow while a host is suspended: what is to expire would be late.)
    const isSuspended = !this.#cluster.canExpire && this.#random.chance(0.3)
    const isBusy = !isSuspended && this.#random.chance(0.5)
    run.freeze(isSuspended ? 'suspended' : isBusy ? 'busy' : 'stopped')
    this.#later(durationMs, () => {
      this.#world.trace(() => `*** ${run.id} goes on`)
      run.thaw()
    })
  }

  #crashes(host: Host): void {
    for (const each of this.#victims(host))
      this.#crash(each, this.#random.chance(0.3), this.#random.skewed(20, this.#scenario.longestFaultMs))
  }

  /** Often several go in one moment: those that hang on one plug, or who made a session and who wrote to it since. */
  #victims(host: Host): readonly Host[] {
    const { hosts } = this.#cluster
    if (this.#random.chance(0.5)) return [host]
    if (this.#random.chance(0.3)) return hosts.filter((each) => each === host || this.#random.chance(0.5))
    const last = this.#history.writes.findLast(({ stamp, created }) => stamp.origin !== created.origin)
    return hosts.filter(({ run }) => run?.id === last?.stamp.origin || run?.id === last?.created.origin)
  }

  #crash(host: Host, isSilent: boolean, durationMs: number): void {
    if (host.run?.isRunning !== true) return
    this.#cluster.crash(host.run, isSilent)
    this.#later(durationMs, () => this.#restart(host))
  }

  #leave(host: Host, durationMs: number): void {
    const { run } = host
    if (run?.isServing !== true || !run.isReady) return
    this.#world.trace(() => `*** ${run.id} leaves`)
    this.#goodbye(run)
    this.#later(2_000 + durationMs, () => this.#restart(host))
  }

  /** (Those on everybody's list stay, or who comes would find nobody.) */
  #shrink(host: Host): void {
    const { hosts, scenario } = this.#cluster
    const left = hosts.filter(({ isGivenUp }) => !isGivenUp)
    const isSomeListed = scenario.listed < scenario.members && scenario.finding === 'list'
    const isNeeded = scenario.isOneSided ? host.index === 0 : isSomeListed && host.index < scenario.listed
    if (left.length <= 2 || isNeeded || host.run?.isReady !== true || !host.run.isServing) return
    host.isGivenUp = true
    this.#world.trace(() => `*** ${host.run?.id} leaves for good`)
    this.#goodbye(host.run)
  }

  #goodbye(run: Run): void {
    run.leave()
  }

  #jump(host: Host): void {
    if (host.hasLeapt) return
    this.#cluster.skew(host)
    this.#world.trace(() => `*** the clock of ${host.name} is off by ${host.skewMs.toFixed(0)} ms now`)
  }

  #strobe(host: Host, times: number): void {
    this.#jump(host)
    if (times > 0) this.#later(this.#random.between(1, 50), () => this.#strobe(host, times - 1))
  }

  /**
   * Beyond what a hello may tell, and near neither of both limits: there what others tell, whose clocks are not the same, would
   * be refused by some and not by others.
   */
  #leap(host: Host, durationMs: number): void {
    const { maxClockDriftMs } = this.#cluster.config
    if (this.#scenario.maxSkewMs > MAX_SKEW_TO_LEAP_MS || host.hasLeapt) return
    host.hasLeapt = true
    const sign = this.#random.chance(0.5) ? 1 : -1
    const [least, most] = this.#random.chance(0.5) ? [1.1, 1.9] : [2.1, 6]
    host.skewMs += sign * this.#random.between(least * maxClockDriftMs, most * maxClockDriftMs)
    host.setMs = this.#world.nowMs
    this.#world.trace(() => `*** the clock of ${host.name} is off by ${host.skewMs.toFixed(0)} ms now`)
    this.#later(durationMs, () => this.#setRight(host))
  }

  #setRight(host: Host): void {
    if (!host.hasLeapt) return
    host.hasLeapt = false
    host.leaptMs = this.#world.nowMs
    this.#jump(host)
    if (host.run?.isRunning === true) this.#cluster.crash(host.run, false)
    this.#restart(host)
  }

  #watchJoiners(): void {
    const event = (run: Run, event: CoreEvent) => {
      if (event.type !== 'sync' || event.phase !== 'start' || this.#isOver || run.isReady) return
      const source = this.#cluster.running.find(({ id }) => id === event.peer.id)
      if (source === undefined || !this.#random.chance(0.3)) return
      const host = this.#cluster.hosts[source.host] as Host
      this.#later(this.#random.skewed(0, 50), () => {
        if (host.run === source) this.#crash(host, false, this.#random.between(100, 2_000))
      })
    }
    this.#cluster.observers.push({ event })
  }

  #restart(host: Host): void {
    if (host.run?.isRunning !== true && !host.isGivenUp) this.#cluster.start(host)
  }

  #later(delayMs: number, action: () => void): void {
    this.#world.after(delayMs, () => {
      if (!this.#isOver) action()
    })
  }
}
