/**
 * What finds members for each other: the lists of their users, a name server that is behind what happens, or multicast,
 * where answers get lost and anybody may say anything. It tells of who is gone for a while, and loses who is there.
 */

import type { Cluster } from './cluster.js'
import type { Host } from './host.js'
import type { Run } from './run.js'

interface Search {
  readonly run: Run
  /** By address: how many looks in a row have not found it. */
  readonly missed: Map<string, number>
  /** What it had found when it had looked for the first time. */
  foundFirst: readonly string[] | undefined
}

export class Discovery {
  /** Nothing gets lost any more. */
  isReliable = false
  readonly #cluster: Cluster
  #searches: Search[] = []
  #forged = 0

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** Begins to look for others, and is found by them. */
  search(run: Run): void {
    const { scenario, hosts, world } = this.#cluster
    this.#searches = this.#searches.filter((search) => search.run.isRunning)
    for (const address of this.#cluster.listOf(hosts[run.host] as Host)) run.found(address, 'named')
    if (scenario.finding === 'list') return run.looked()
    const search: Search = { run, missed: new Map(), foundFirst: undefined }
    this.#searches.push(search)
    this.#look(search, true)
    if (scenario.finding === 'names') return
    for (const { run: other } of this.#searches) this.#answer(run, other)
    world.after(world.random.between(100, 1_000), () => run.input(() => this.#looked(search)))
  }

  /** The addresses that it was told of before it was told that this was all. */
  foundFirst(run: Run): readonly string[] {
    const listed = this.#cluster.listOf(this.#cluster.hosts[run.host] as Host)
    return [...listed, ...(this.#searchOf(run)?.foundFirst ?? [])]
  }

  /** Those that its user names, and those that a name server told of first, and still does. */
  named(run: Run): readonly string[] {
    const { scenario, hosts } = this.#cluster
    const listed = this.#cluster.listOf(hosts[run.host] as Host)
    const search = scenario.finding === 'names' ? this.#searchOf(run) : undefined
    return [...listed, ...(search?.foundFirst ?? []).filter((address) => search?.missed.has(address))]
  }

  /** How many addresses a name server still tells of where nobody is any more. */
  staleNames(run: Run): number {
    const { scenario, hosts } = this.#cluster
    if (scenario.finding !== 'names') return 0
    const found = [...(this.#searchOf(run)?.missed.keys() ?? [])]
    return found.filter((address) => hosts.every((host) => host.address !== address)).length
  }

  hasLooked(run: Run): boolean {
    const search = this.#searchOf(run)
    return search === undefined || search.foundFirst !== undefined
  }

  #searchOf(run: Run): Search | undefined {
    return this.#searches.find((search) => search.run === run)
  }

  #looked(search: Search): void {
    search.foundFirst = [...search.missed.keys()]
    search.run.looked()
  }

  /** On every member, addresses where nobody is: of members that never were, or of those that are. */
  forge(count: number): void {
    const { scenario, running, hosts, world } = this.#cluster
    if (scenario.finding !== 'multicast') return
    if (running.length === 0) return
    const { random } = world
    world.trace(() => `*** somebody forges ${count} answers`)
    const made = random.pick(running)
    for (let i = 0; i < count; i++) {
      const member = random.chance(0.5) ? `X${++this.#forged}` : made.id
      const address = random.chance(0.2) ? random.pick(hosts).address : `x${++this.#forged}:7373`
      for (const { run } of this.#searches)
        if (!this.#isLost()) run.input(() => run.found(address, 'heard', member))
    }
  }

  #look(search: Search, isFirst: boolean): void {
    const { scenario, world } = this.#cluster
    if (!search.run.isRunning) return
    if (scenario.finding === 'multicast') this.#ask(search)
    else if (!this.#isLost()) {
      this.#lookUp(search)
      if (isFirst) search.run.input(() => this.#looked(search))
      isFirst = false
    }
    world.after(scenario.lookEveryMs, () => this.#look(search, isFirst))
  }

  /** A name server knows, itself included, who was there a moment ago. */
  #lookUp({ run, missed }: Search): void {
    const { hosts, runs, world } = this.#cluster
    const sinceMs = world.nowMs - world.random.between(0, 600)
    const isThere = (each: Run) => each.startedMs <= sinceMs && (each.isRunning || each.endedMs > sinceMs)
    const there = new Set(runs.filter(isThere).map(({ host }) => (hosts[host] as Host).address))
    for (const address of there) {
      if (!missed.has(address)) run.input(() => run.found(address, 'named'))
      missed.set(address, 0)
    }
    for (const address of missed.keys()) if (!there.has(address)) this.#lose(run, missed, address, 'named')
  }

  /** By multicast all are asked; who has not been heard for several looks is not found any more. */
  #ask({ run, missed }: Search): void {
    for (const [address, times] of missed) {
      if (times >= 3) this.#lose(run, missed, address, 'heard')
      else missed.set(address, times + 1)
    }
    for (const other of this.#cluster.running) if (!other.isFrozen) this.#answer(other, run)
  }

  #answer(from: Run, to: Run): void {
    const { network, hosts, world, scenario } = this.#cluster
    if (network.isCut(from.host, to.host)) return
    const host = hosts[from.host] as Host
    for (const address of scenario.hasTwoNetworks ? [host.otherAddress, host.address] : [host.address]) {
      if (this.#isLost()) continue
      // (An old cache may answer for who was there before.)
      const isOld = scenario.faults.includes('forged') && world.random.chance(0.02)
      const member = isOld ? `${host.name}${host.runs - 1}` : from.id
      const missed = this.#searchOf(to)?.missed
      world.after(network.delayMs(from.host, to.host) + world.random.skewed(0, 100), () =>
        to.input(() => {
          missed?.set(address, 0)
          to.found(address, 'heard', member)
        }),
      )
    }
  }

  #lose(run: Run, missed: Map<string, number>, address: string, source: 'named' | 'heard'): void {
    // (What several discoveries find stays until none finds it.)
    const isListed = this.#cluster.listOf(this.#cluster.hosts[run.host] as Host).includes(address)
    if (missed.delete(address) && !(isListed && source === 'named'))
      run.input(() => run.lost(address, source))
  }

  #isLost(): boolean {
    return !this.isReliable && this.#cluster.world.random.chance(this.#cluster.scenario.lossShare)
  }
}

/** Nobody is there, and nobody answers. */
export function isForged(address: string): boolean {
  return address.startsWith('x')
}
