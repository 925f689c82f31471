/** What goes wrong, and when. Each kind of fault ends by itself, or when all is made good again. */

import type { Cluster } from './cluster.js'
import type { Host } from './host.js'

export const faults = ['reset', 'cut', 'crash', 'freeze', 'leave', 'slow', 'jump', 'late'] as const
export type Fault = (typeof faults)[number]

export class Nemesis {
  readonly #cluster: Cluster
  readonly #faults: readonly Fault[]
  readonly #everyMs: number
  readonly #longestMs: number
  #isOver = false

  constructor(cluster: Cluster, enabled: readonly Fault[], longestMs: number) {
    this.#cluster = cluster
    this.#faults = enabled.filter((fault) => fault !== 'late')
    this.#longestMs = longestMs
    this.#everyMs = cluster.world.random.pick([300, 1_000, 3_000])
    if (this.#faults.length > 0) this.#next()
  }

  /** From now on nothing goes wrong, and what was is made good: all hosts are up and reach each other. */
  stop(): void {
    const { world, network, hosts } = this.#cluster
    this.#isOver = true
    world.trace(() => '*** all faults end')
    network.healAll()
    for (const host of hosts) host.run?.thaw()
    this.allUp()
  }

  /** Who was about to leave when the faults ended comes back as well. */
  allUp(): void {
    for (const host of this.#cluster.hosts) this.#restart(host)
  }

  #next(): void {
    const { random } = this.#cluster.world
    this.#later(random.between(0, 2 * this.#everyMs), () => {
      this.#strike(random.pick(this.#faults))
      this.#next()
    })
  }

  #strike(fault: Fault): void {
    const { world, network, hosts } = this.#cluster
    const { random } = world
    const durationMs = random.skewed(50, this.#longestMs)
    const host = random.pick(hosts)
    const other = random.pick(hosts)
    switch (fault) {
      case 'reset':
        if (host === other) return
        world.trace(() => `*** links ${host.name}-${other.name} break`)
        return network.reset(host.index, other.index)
      case 'cut':
        return this.#partition(durationMs)
      case 'slow': {
        if (host === other) return
        world.trace(() => `*** ${host.name}-${other.name} is slow for ${durationMs.toFixed(0)} ms`)
        network.slow(host.index, other.index, random.between(50, 600))
        return this.#later(durationMs, () => network.slow(host.index, other.index, 0))
      }
      case 'freeze': {
        const { run } = host
        if (run?.isRunning !== true || run.isFrozen) return
        world.trace(() => `*** ${run.id} stands still for ${durationMs.toFixed(0)} ms`)
        run.freeze()
        return this.#later(durationMs, () => {
          world.trace(() => `*** ${run.id} goes on`)
          run.thaw()
        })
      }
      case 'crash':
        if (host.run?.isRunning !== true || host.run.isFrozen) return
        this.#cluster.crash(host.run, random.chance(0.3))
        return this.#later(durationMs, () => this.#restart(host))
      case 'leave': {
        const { run } = host
        if (run?.isServing !== true) return
        world.trace(() => `*** ${run.id} leaves`)
        run.isReady = false
        run.leave()
        return this.#later(2_000 + durationMs, () => this.#restart(host))
      }
      case 'jump':
        this.#cluster.skew(host)
        return world.trace(() => `*** the clock of ${host.name} is off by ${host.skewMs.toFixed(0)} ms now`)
      case 'late':
        return
    }
  }

  #partition(durationMs: number): void {
    const { world, network, hosts } = this.#cluster
    const { random } = world
    const pairs: [Host, Host][] = []
    const all = hosts.flatMap((a, i) => hosts.slice(i + 1).map((b): [Host, Host] => [a, b]))
    if (random.chance(0.4)) pairs.push(random.pick(all))
    else if (random.chance(0.5)) {
      const side = new Set(hosts.filter(() => random.chance(0.5)))
      pairs.push(...all.filter(([a, b]) => side.has(a) !== side.has(b)))
    } else pairs.push(...all.filter(() => random.chance(0.5)))
    const names = pairs.map(([a, b]) => `${a.name}-${b.name}`).join(' ')
    world.trace(() => `*** cut for ${durationMs.toFixed(0)} ms: ${names}`)
    for (const [a, b] of pairs) network.cut(a.index, b.index)
    this.#later(durationMs, () => {
      world.trace(() => `*** healed: ${names}`)
      for (const [a, b] of pairs) network.heal(a.index, b.index)
    })
  }

  #restart(host: Host): void {
    if (host.run?.isRunning !== true) this.#cluster.start(host)
  }

  #later(delayMs: number, action: () => void): void {
    this.#cluster.world.after(delayMs, () => {
      if (!this.#isOver) action()
    })
  }
}
