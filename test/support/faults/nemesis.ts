/** Makes the faults of a round, and makes them good. */

import type { ProcessCluster } from '../process-cluster.js'
import { pause, until } from '../wait.js'
import { type Fault, isProcessFault, type ProcessFault, touched, type WireFault } from './faults.js'

/** A member that went down, on purpose or not. */
export interface Death {
  member: string
  atMs: number
  /** Some peer was up all the time, and nothing was done to it, or to what goes there from here. */
  hadSoundPeer: boolean
  /** It was frozen or stood still in the same round. */
  stoodStill: boolean
}

export class Nemesis {
  readonly deaths: Death[] = []
  /** How long it took members to leave, and to join again, in words. */
  readonly took: string[] = []
  readonly #cluster: ProcessCluster
  readonly #faults: readonly Fault[]

  constructor(cluster: ProcessCluster, faults: readonly Fault[]) {
    this.#cluster = cluster
    this.#faults = faults
  }

  /**
   * Whether a member may count a write as lost: not where nothing happens but deaths, with sound peers. (Who stood
   * still answers what it had begun before, at once; those that found it dead meanwhile hold that for lost.)
   */
  get mayLose(): boolean {
    return this.#faults.some((fault) => {
      const isDeath = fault.kind === 'kill' || fault.kind === 'leave'
      return !isDeath || !this.#hasSoundPeer(fault.member)
    })
  }

  /** Resolves when all faults are over, and all is made good: whole wires, every process up. */
  async run(): Promise<void> {
    const wires = this.#faults.filter((fault) => !isProcessFault(fault)).map((fault) => this.#wire(fault))
    const areWhole = Promise.all(wires).then(() => this.#cluster.wire.healEverything())
    const processes = this.#faults.filter(isProcessFault).map((fault) => this.#process(fault, areWhole))
    await Promise.all([areWhole, ...processes])
  }

  async #process(fault: ProcessFault, areWhole: Promise<void>): Promise<void> {
    const member = this.#cluster.member(fault.member)
    await pause(fault.startMs)
    switch (fault.kind) {
      case 'stall':
        return member.ask('stall', fault.durationMs)
      case 'freeze':
        member.freeze()
        await pause(fault.durationMs)
        return member.thaw()
      case 'kill':
      case 'leave':
        await this.#down(fault)
        await pause(fault.durationMs)
        // One that finds nobody begins with nothing, and serves that. No operator would start it cut off.
        if (this.#touchesWires(fault.member)) await areWhole
        await this.#cluster.wire.accept(fault.member)
        this.took.push(`join ${fault.member} ${(await member.start()).joinedMs.toFixed(0)} ms`)
        return
    }
  }

  async #down(fault: ProcessFault): Promise<void> {
    const member = this.#cluster.member(fault.member)
    const death = {
      member: fault.member,
      atMs: performance.now(),
      hadSoundPeer: this.#hasSoundPeer(fault.member),
      stoodStill: this.#faults.some(
        (other) => (other.kind === 'freeze' || other.kind === 'stall') && other.member === fault.member,
      ),
    }
    this.deaths.push(death)
    await (fault.kind === 'kill' ? member.kill() : member.terminate())
    if (fault.kind === 'leave')
      this.took.push(`leave ${fault.member} ${(performance.now() - death.atMs).toFixed(0)} ms`)
    death.atMs = performance.now()
    this.#cluster.wire.refuse(fault.member)
  }

  #touchesWires(name: string): boolean {
    return this.#faults.some((fault) => {
      return !isProcessFault(fault) && fault.kind !== 'delay' && touched(fault).includes(name)
    })
  }

  #hasSoundPeer(name: string): boolean {
    const isSound = (peer: string) =>
      peer !== name &&
      this.#faults.every((fault) =>
        isProcessFault(fault)
          ? fault.member !== peer
          : fault.ways.every(({ from, to }) => ![from, to].includes(name) || ![from, to].includes(peer)),
      )
    return this.#cluster.all().some((member) => isSound(member.name))
  }

  async #wire(fault: WireFault): Promise<void> {
    await pause(fault.startMs)
    await this.#harm(fault)
    const endMs = performance.now() + fault.durationMs
    if (fault.kind === 'reset') await this.#resetAgain(fault.ways, fault.afterBytes, endMs)
    else await pause(fault.durationMs)
    await this.#mend(fault)
  }

  async #harm(fault: WireFault): Promise<void> {
    const { wire } = this.#cluster
    for (const { from, to } of fault.ways) {
      if (fault.kind === 'delay') wire.delay(from, to, fault.delayMs)
      else if (fault.kind === 'throttle') wire.throttle(from, to, fault.bytesPerSecond)
      else if (fault.kind === 'hold') wire.hold(from, to)
      else if (fault.kind === 'partition' && fault.isHeld) wire.hold(from, to)
      else if (fault.kind === 'partition') await wire.cut(from, to)
    }
  }

  /** The next bytes are counted once the ones before are through. */
  async #resetAgain(ways: WireFault['ways'], afterBytes: readonly number[], endMs: number): Promise<void> {
    const { wire } = this.#cluster
    for (const bytes of afterBytes) {
      const marks = ways.map(({ from, to }) => ({ from, to, at: wire.bytes(from, to) + bytes }))
      for (const { from, to } of ways) wire.resetAfter(from, to, bytes)
      await until(
        'the links are reset',
        () => performance.now() > endMs || marks.every(({ from, to, at }) => wire.bytes(from, to) >= at),
      )
    }
  }

  async #mend(fault: WireFault): Promise<void> {
    const { wire } = this.#cluster
    for (const { from, to } of fault.ways) {
      if (fault.kind === 'delay') wire.delay(from, to, 0)
      else if (fault.kind === 'throttle') wire.throttle(from, to, Number.POSITIVE_INFINITY)
      else if (fault.kind === 'partition' && !fault.isHeld) await wire.heal(from, to)
      else wire.release(from, to)
    }
  }
}
