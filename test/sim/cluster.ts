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
import { Network } from './network.js'
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
  /** Those that began to serve without word of all that run, until they have caught up with these. */
  readonly #islands = new Set<Run>()
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
  get hasGrace(): boolean {
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
        if (event.type === 'ready' && this.#isApart(run)) this.#islands.add(run)
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

  /**
   * It began while others, or word of them, could not be reached, and has not caught up yet: it serves what it has. (One
   * that begins anew was sent away by somebody, whom it asks.)
   */
  isIsland(run: Run): boolean {
    return this.#islands.has(run) || (!run.isRejoining && !this.#knowsAll(run))
  }

  /** Looks which of them have caught up. */
  joinIslands(): void {
    for (const run of this.#islands) {
      const claims = this.claim(run)
      const hasAll = this.running.every((other) =>
        [...this.claim(other).values()].every((s) => covers(claims, s)),
      )
      if (hasAll && this.#knowsAll(run)) this.#islands.delete(run)
    }
  }

  /** Those of whom it has never heard, or whom it has forgotten. */
  unknownTo(run: Run): Run[] {
    const known = new Set(run.replica.peers().map(({ id }) => id))
    return this.running.filter(({ id }) => id !== run.id && !known.has(id))
  }

  /** It serves, or has what others had, and waits for more. */
  #counts(run: Run): boolean {
    return Number.isFinite(run.readyMs) || this.claim(run).size > 0
  }

  #knowsAll(run: Run): boolean {
    return !this.unknownTo(run).some((each) => this.#counts(each))
  }

  /** It is ready, and lacks word of somebody, or has heard of none but such as lack it too. */
  #isApart(run: Run): boolean {
    if (run.isRejoining) return false
    if (!this.#knowsAll(run)) return true
    // (Those who are about to leave included.)
    const isMainland = (each: Run) => each !== run && !this.#islands.has(each) && this.#hasOfOthers(each)
    const mainland = this.running.filter(isMainland)
    return mainland.length > 0 && !mainland.some((each) => this.isLinkedBothWays(run, each))
  }

  /** It serves; or it joins, and what it has so far is not only of such as began apart. */
  #hasOfOthers(run: Run): boolean {
    // (Of one that stands still nobody knows what lies on its links: it may have come from who is gone by now.)
    if (Number.isFinite(run.readyMs) || run.isFrozen) return true
    const apart = new Set([...this.#islands].map(({ id }) => id))
    return [...this.claim(run).keys()].some((origin) => !apart.has(origin))
  }

  isLinkedBothWays(a: Run, b: Run): boolean {
    const sees = (run: Run, other: Run) =>
      run.replica.peers().some(({ id, link }) => id === other.id && link !== undefined)
    return sees(a, b) && sees(b, a)
  }

  /** When a clock last kept the two from accepting each other. */
  lastLeapMs(a: number, b: number): number {
    const leapMs = ({ hasLeapt, leaptMs }: Host) => (hasLeapt ? this.world.nowMs : leaptMs)
    return Math.max(leapMs(this.hosts[a] as Host), leapMs(this.hosts[b] as Host))
  }

  /** When anything last kept the two from hearing each other at once. */
  lastTroubleMs(a: number, b: number): number {
    return Math.max(this.network.lastTroubleMs(a, b), this.lastLeapMs(a, b))
  }

  /** Both are well, and nothing has kept them from hearing each other since then, and until now or `untilMs`. */
  areInTouch(a: Run, b: Run, sinceMs: number, untilMs = Number.POSITIVE_INFINITY): boolean {
    const isWell = (run: Run) => isUpSince(run, sinceMs, untilMs) && run.startedMs < sinceMs
    return a !== b && isWell(a) && isWell(b) && this.lastTroubleMs(a.host, b.host) < sinceMs
  }

  /** The other one is well, and what kept the two from hearing each other was over, and made good, at that time. */
  couldReach(run: Run, other: Run, atMs: number): boolean {
    const sinceMs = atMs - RECOVERY_MS
    return isUpSince(other, sinceMs) && this.lastTroubleMs(run.host, other.host) < sinceMs
  }

  /** All is well, and has been since then, but for one run that has ended. */
  isQuiet(sinceMs: number, ended: Run): boolean {
    const isLate = (atMs: number) => atMs > sinceMs
    const isStill = (run: Run) =>
      run === ended || !(run.isFrozen || isLate(run.startedMs) || isLate(run.endedMs) || isLate(run.thawedMs))
    const { running } = this
    const isSound = (a: Run) => running.every((b) => !isLate(this.lastTroubleMs(a.host, b.host)))
    return !ended.isRunning && this.runs.every(isStill) && running.every(isSound)
  }

  /** The run has known the other since then: it dials it, and tells others of it. */
  hasKnown(run: Run, other: Run, sinceMs: number): boolean {
    const learntMs = run.now.monoMs - (this.world.nowMs - sinceMs)
    return run.replica.peers().some((peer) => peer.id === other.id && peer.learntMs < learntMs)
  }

  /** As `hasKnown`, and not by the word alone that it is dead. */
  hasMet(run: Run, other: Run, sinceMs: number): boolean {
    const isHearsay = run.replica
      .peers()
      .some(({ id, state, announced }) => id === other.id && state === 'dead' && !announced)
    return this.hasKnown(run, other, sinceMs) && !isHearsay
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

/** It has not stood still since then, and runs now, or did at `untilMs`. */
function isUpSince(run: Run, sinceMs: number, untilMs = Number.POSITIVE_INFINITY): boolean {
  // (One that stood still may have died so.)
  const stoodMs = Math.max(run.frozeMs, run.thawedMs)
  return (run.isRunning || run.endedMs > untilMs) && !run.isFrozen && stoodMs < sinceMs
}

/** After trouble: until links are up, transfers are over and no frame is late any more. */
export const RECOVERY_MS = 2_000
/** The agent's timeout for a connection's handshake. */
const HANDSHAKE_MS = 1_000
