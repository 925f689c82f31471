/** The hosts of a simulated cluster, what runs on them, and how they reach each other. */

import {
  type Config,
  type CoreEvent,
  type Purge,
  type Replica,
  resolveConfig,
  type Stamp,
} from '@sessionmesh/core'
import { describeEvent } from './describe.js'
import { Discovery, isForged } from './discovery.js'
import type { Host } from './host.js'
import { Islands } from './islands.js'
import { Network } from './network.js'
import { Reach } from './reach.js'
import { type AckResult, type Awaited, Run, type RunHooks } from './run.js'
import { LONG_TTL_MS, ORDERLY, type Scenario } from './scenario.js'
import { covers, type DigestMap, join } from './stamps.js'
import type { World } from './world.js'

export interface Observer {
  event?(run: Run, event: CoreEvent): void
  acked?(run: Run, write: Awaited, result: AckResult): void
  started?(run: Run): void
  /** It begins to leave, and goes. */
  leaves?(run: Run): void
  left?(run: Run): void
  /** It begins anew, by what it has just heard of the other. */
  partedWith?(run: Run, by: Run | undefined): void
}

export type SessionRecord = NonNullable<ReturnType<Replica['record']>>

export class Cluster {
  readonly world: World
  readonly network: Network
  readonly config: Config
  readonly hosts: Host[] = []
  readonly runs: Run[] = []
  /** What each run has claimed so far, retired origins included. */
  readonly claims = new Map<Run, DigestMap>()
  readonly observers: Observer[] = []
  readonly reach: Reach
  readonly islands: Islands
  readonly discovery: Discovery
  /** Where some host was once. */
  readonly #addresses = new Set<string>()
  readonly scenario: Scenario

  constructor(world: World, scenario: Scenario) {
    this.world = world
    this.scenario = scenario
    this.network = new Network(world, scenario.delayMs, scenario.config.maxLinkBufferBytes !== undefined)
    this.config = resolveConfig(scenario.config)
    for (let index = 0; index < scenario.members; index++) {
      this.hosts.push({
        index,
        name: String.fromCharCode(65 + index),
        address: `h${index}:7373`,
        otherAddress: `o${index}:7373`,
        isOtherDead: scenario.hasTwoNetworks && world.random.chance(0.5),
        skewMs: 0,
        setMs: Number.NEGATIVE_INFINITY,
        hasLeapt: false,
        leaptMs: Number.NEGATIVE_INFINITY,
        highestMs: 0,
        run: undefined,
        isGivenUp: false,
        isDark: false,
        runs: 0,
      })
    }
    for (const host of this.hosts) this.skew(host)
    this.discovery = new Discovery(this)
    this.reach = new Reach(this)
    this.islands = new Islands(this)
  }

  skew(host: Host): void {
    host.skewMs = this.world.random.between(-this.scenario.maxSkewMs, this.scenario.maxSkewMs)
    host.setMs = this.world.nowMs
  }

  /** Sessions of this history have short lives. */
  get canExpire(): boolean {
    return this.scenario.ttlMs < LONG_TTL_MS
  }

  /** Tombstones outlive the faults. (By a clock that was set far ahead, or behind, a grace is over at once.) */
  get graceHolds(): boolean {
    return (
      this.scenario.hasGrace && !this.hosts.some((host) => host.hasLeapt || Number.isFinite(host.leaptMs))
    )
  }

  /** Nothing goes wrong, and all know each other from the beginning. */
  get isCalm(): boolean {
    return this.scenario.faults.length === 0 && this.scenario.finding === 'list'
  }

  /** Members come and go in good order, and nothing goes wrong. */
  get isOrderly(): boolean {
    const { faults, finding } = this.scenario
    return faults.every((fault) => ORDERLY.has(fault)) && finding === 'list'
  }

  get running(): Run[] {
    return this.runs.filter(({ isRunning }) => isRunning)
  }

  /** Those that could serve, and stand still. */
  get standing(): Run[] {
    return this.running.filter((run) => run.isFrozen && (run.isReady || run.isRejoining))
  }

  get serving(): Run[] {
    return this.runs.filter(({ isServing }) => isServing)
  }

  start(host: Host, rejoinAt?: readonly string[], sought?: readonly Purge[]): Run {
    const id = `${host.name}${++host.runs}`
    if (this.scenario.areMoving && rejoinAt === undefined) {
      this.#addresses.add(host.address)
      host.address = `h${host.index}.${host.runs}:7373`
    }
    const hooks: RunHooks = {
      dial: (run, address) => this.#dial(run, address),
      ending: (run) => this.claim(run),
      forgotten: (run, addresses, sought) => {
        for (const observer of this.observers) observer.partedWith?.(run, run.heard)
        run.end('forgotten')
        return this.start(host, addresses, sought)
      },
      leaves: (run) => {
        for (const observer of this.observers) observer.leaves?.(run)
      },
      left: (run) => {
        for (const observer of this.observers) observer.left?.(run)
      },
      acked: (run, write, result) => {
        for (const observer of this.observers) observer.acked?.(run, write, result)
      },
      event: (run, event) => {
        this.world.trace(() => `${run.id}: ${describeEvent(event)}`)
        // An origin that it is told of may be retired before anybody looks.
        if (event.type === 'sync') this.claim(run)
        if (event.type === 'ready') this.islands.ready(run)
        for (const observer of this.observers) observer.event?.(run, event)
      },
    }
    // (What a process sent before its end is with its system, which goes on sending it.)
    if (host.isDark && host.run !== undefined) this.network.forget(host.run)
    const isEverywhere = this.scenario.areEverywhere
    const run = new Run(id, host, this, hooks, { sought, isEverywhere })
    host.run = run
    host.isDark = false
    this.runs.push(run)
    this.claims.set(run, new Map())
    this.world.trace(() => `*** ${id} starts at ${host.address}`)
    for (const observer of this.observers) observer.started?.(run)
    run.start(rejoinAt ?? [])
    this.discovery.search(run)
    return run
  }

  /** The addresses that its user names. */
  listOf(host: Host): string[] {
    const { listed, isOneSided } = this.scenario
    const named = isOneSided ? this.hosts.slice(0, host.index === 0 ? 0 : 1) : this.hosts.slice(0, listed)
    return named.map(({ address }) => address)
  }

  crash(run: Run, isSilent: boolean): void {
    this.world.trace(() => `*** ${run.id} ${isSilent ? 'loses power' : 'crashes'}`)
    ;(this.hosts[run.host] as Host).isDark = isSilent
    run.end('crashed', isSilent)
  }

  /** Joins the run's digest into what it claimed before, and returns that. */
  claim(run: Run): DigestMap {
    return join(this.claims.get(run) as DigestMap, run.replica.digest())
  }

  /**
   * Somebody left for good, and some member has not heard the goodbye: what is destroyed is kept for it. (Where another
   * run has come to the same address, the former one is waited for by nobody.)
   */
  get awaitsTheDead(): boolean {
    const isReplaced = (at: string) =>
      this.hosts.some(
        ({ address, otherAddress, run }) =>
          (address === at || otherAddress === at) && run?.isRunning === true,
      )
    return this.running.some(({ replica }) =>
      replica.peers().some(({ state, address }) => state === 'dead' && !isReplaced(address)),
    )
  }

  /** No running member has merged it. */
  isLost(stamp: Stamp): boolean {
    return !this.running.some((run) => covers(this.claim(run), stamp))
  }

  #dial(run: Run, address: string): void {
    const { network, world } = this
    const host = this.hosts.find((each) => each.address === address || each.otherAddress === address)
    if (host === undefined) {
      const wasReal = this.#addresses.has(address)
      if (!isForged(address) && !wasReal)
        world.fail('liveness', `${run.id} dials ${address}, where nobody ever was`)
      return world.after(HANDSHAKE_MS, () => run.input(() => run.dialFailed(address, false)))
    }
    const delayMs = network.delayMs(run.host, host.index) * 2
    world.after(delayMs, () =>
      run.input(() => {
        const target = host.run
        const own = this.hosts[run.host] as Host
        const isOther = address === host.otherAddress
        const hasMoved = !isOther && address !== host.address
        const isOff = hasMoved || (isOther && (host.isOtherDead || own.isOtherDead))
        const isDead =
          isOff || host.isDark || network.isCut(run.host, host.index) || target?.isFrozen === true
        if (isDead) return world.after(HANDSHAKE_MS, () => run.input(() => run.dialFailed(address, false)))
        if (target?.isRunning !== true) return run.dialFailed(address, true)
        const seenAt = isOther ? own.otherAddress : own.address
        run.linkUp(network.connect(run, target, address, seenAt))
      }),
    )
  }
}

/** The agent's timeout for a connection's handshake. */
const HANDSHAKE_MS = 1_000
