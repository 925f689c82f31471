/**
 * A member that holds the secret and means ill. It has recorded what honest members tell each other, and sends what it
 * makes of that, or of nothing, on links of its own, which it opens again as often as they are cut.
 */

import type { Random } from '../sim/random.js'
import type { World } from '../sim/world.js'
import { decodeFrame } from './agent.js'
import { flood, type Known } from './floods.js'
import { EPOCH_MS, type Member } from './member.js'
import { mutateBytes, mutateTree, NUMBERS, odd } from './mutations.js'
import { pack } from './pack.js'
import type { End, Owner, Wires } from './wires.js'

export interface Attack {
  readonly member: Member
  /** The end of the member. */
  readonly end: End
  readonly frame: Uint8Array
  /** How it was made. */
  readonly how: string
  /** Who is at the other end, as the member knows; `undefined` for a hello. */
  readonly sender: string | undefined
}

interface Mine {
  readonly member: Member
  readonly end: End
  sender: string | undefined
  pull: number
}

const RECORDED_OF_A_KIND = 24
const MAX_ENDS = 8
const HELLO = 0
const DELTA = 1
const PULL = 4
const STATE = 5
/** Where the fields of a kind begin. */
const AFTER_STAMPS = 3

export class Hostile implements Owner {
  readonly #world: World
  readonly #wires: Wires
  readonly #driftMs: number
  readonly #isHeavy: boolean
  readonly #recorded: Uint8Array[][] = []
  readonly #mine: Mine[] = []
  #made = 0
  #id = 'M'

  /** @param isHeavy sends much at once, under many names */
  constructor(world: World, wires: Wires, driftMs: number, isHeavy: boolean) {
    this.#isHeavy = isHeavy
    this.#world = world
    this.#wires = wires
    this.#driftMs = driftMs
  }

  get #random(): Random {
    return this.#world.random
  }

  /** What an honest member sends to anybody. */
  record(frame: Uint8Array): void {
    // (0xcb and the like: a heartbeat with no news.)
    const kind = (frame[0]! & 0xf0) === 0x90 ? frame[1]! & 7 : 7
    this.#recorded[kind] ??= []
    const ring = this.#recorded[kind]
    if (ring.length < RECORDED_OF_A_KIND) ring.push(frame)
    else ring[this.#random.integer(0, RECORDED_OF_A_KIND - 1)] = frame
  }

  /** A member has dialled an address where this one listens. */
  accepted(member: Member, end: End): void {
    this.#keep({ member, end, sender: undefined, pull: 0 })
  }

  frame(end: End, frame: Uint8Array): void {
    const mine = this.#mine.find((each) => each.end === end)
    const wire = mine === undefined ? undefined : decodeFrame(frame)
    if (mine !== undefined && Array.isArray(wire) && wire[0] === PULL) mine.pull = wire[3] as number
  }

  closed(end: End, reason: string): void {
    // Who has said goodbye is not let in again.
    if (reason === 'leave') this.#id = `M${++this.#made}`
    const at = this.#mine.findIndex((each) => each.end === end)
    if (at >= 0) this.#mine.splice(at, 1)
  }

  /** For good. */
  goAway(): void {
    for (const { end } of this.#mine.splice(0)) end.terminate()
  }

  /** @param honest those that listen */
  attack(honest: readonly Member[]): Attack {
    const random = this.#random
    const member = random.pick(honest)
    const mine = this.#openTo(member)
    if (mine.sender === undefined) return this.#greet(mine)
    if (random.chance(0.02)) mine.end.isClogged = !mine.end.isClogged
    const { frame, how } = this.#make(mine, honest)
    return { member, end: mine.end.peer, frame, how, sender: mine.sender }
  }

  /** The link on which it was sent is established by it. */
  greeted(attack: Attack, id: string): void {
    const mine = this.#mine.find(({ end }) => end.peer === attack.end)
    if (mine !== undefined) mine.sender = id
  }

  #openTo(member: Member): Mine {
    const open = this.#mine.filter(
      (each) => each.member === member && each.end.isOpen && each.end.peer.isOpen,
    )
    if (open.length > 0 && this.#random.chance(0.97)) return this.#random.pick(open)
    const end = this.#wires.connect(this, member, member.address)
    const mine: Mine = { member, end, sender: undefined, pull: 0 }
    this.#keep(mine)
    member.linkUp(end.peer)
    return mine
  }

  #keep(mine: Mine): void {
    this.#mine.push(mine)
    if (this.#mine.length > MAX_ENDS) this.#mine.shift()?.end.terminate()
  }

  #greet({ member, end }: Mine): Attack {
    const random = this.#random
    const attack = { member, end: end.peer, sender: undefined }
    if (random.chance(0.1)) return { ...attack, ...this.#mutated(HELLO) }
    if (random.chance(0.03)) return { ...attack, ...this.#mutated(undefined) }
    const hello = this.#hello()
    if (random.chance(0.8)) return { ...attack, frame: pack(hello), how: 'hello' }
    const mutant = mutateTree(hello, () => this.#tree(), random)
    return { ...attack, frame: pack(mutant), how: 'hello, mutated' }
  }

  #hello(): unknown[] {
    const random = this.#random
    const { nowMs } = this.#world
    const isNew = random.chance(this.#isHeavy ? 0.2 : 0.01)
    const id = isNew ? `m${++this.#made}` : this.#id
    const address = isNew ? `h${++this.#made}:1` : 'm:7373'
    const heartbeatMs = random.chance(0.95) ? 250 : random.pick(NUMBERS)
    const clockMs = Math.floor(EPOCH_MS + nowMs)
    const protocol = [1, 1, 'fuzz', id, 'M', address, random.integer(0, 9), heartbeatMs]
    return [HELLO, [], [0], ...protocol, random.integer(0, 1), clockMs, nowMs, [], [], []]
  }

  #make(mine: Mine, honest: readonly Member[]): { frame: Uint8Array; how: string } {
    const random = this.#random
    const share = random.next()
    if (share < 0.08) return { frame: pack(flood(this.#known(mine, honest))), how: 'flood' }
    if (share < 0.09) return { frame: this.#frame(), how: 'replay' }
    if (share < 0.11) {
      const garbage = Array.from({ length: random.integer(0, 40) }, () => random.integer(0, 255))
      return { frame: Uint8Array.from(garbage), how: 'garbage' }
    }
    if (share < 0.45) return { frame: mutateBytes(this.#frame(), this.#frame(), random), how: 'bytes' }
    if (share < 0.52) {
      const mutant = mutateTree(flood(this.#known(mine, honest)), () => this.#tree(), random)
      return { frame: pack(mutant), how: 'flood, mutated' }
    }
    if (share < 0.55) return this.#answer(mine)
    if (share < 0.59) return this.#restamped(mine, honest)
    if (share < 0.61) return this.#retimed()
    return this.#mutated(undefined)
  }

  #mutated(kind: number | undefined): { frame: Uint8Array; how: string } {
    const mutant = mutateTree(this.#tree(kind), () => this.#tree(), this.#random)
    return { frame: pack(mutant), how: 'tree' }
  }

  /** The state of somebody else, perhaps another one, for the pull that is open. */
  #answer({ pull }: Mine): { frame: Uint8Array; how: string } {
    const state = this.#tree(STATE)
    if (!Array.isArray(state)) return { frame: pack(state), how: 'answer' }
    const wire = this.#random.chance(0.5)
      ? state
      : (mutateTree(state, () => this.#tree(), this.#random) as unknown[])
    wire[4] = pull
    return { frame: pack(wire), how: 'answer' }
  }

  /** Other times, counters and origins in the table of stamps. */
  #restamped(mine: Mine, honest: readonly Member[]): { frame: Uint8Array; how: string } {
    const random = this.#random
    const wire = this.#tree()
    if (!Array.isArray(wire) || !Array.isArray(wire[1]) || !Array.isArray(wire[2]))
      return this.#mutated(undefined)
    const { wallMs, driftMs, ids } = this.#known(mine, honest)
    const [, origins, stamps] = wire as [number, unknown[], unknown[]]
    if (random.chance(0.5))
      stamps[0] = wallMs + random.pick([0, -1, 1, driftMs, driftMs + 1, -1e9, 1e15, 2 ** 53])
    if (random.chance(0.5)) origins.push(random.pick(ids), `o${++this.#made}`)
    for (let at = 1; at < stamps.length; at += 3) {
      if (random.chance(0.3)) stamps[at] = random.integer(0, origins.length)
      if (random.chance(0.1)) stamps[at + 1] = odd(random)
      if (random.chance(0.2)) stamps[at + 2] = random.pick([0, 2 ** 31, 2 ** 31 + 1, -1, 2 ** 53])
    }
    return { frame: pack(wire), how: 'stamps' }
  }

  /** A clock that shows any time at all, and sessions that were used at any. */
  #retimed(): { frame: Uint8Array; how: string } {
    const random = this.#random
    const moment = () => random.pick([...NUMBERS, Number.MAX_VALUE, -Number.MAX_VALUE])
    const wire = this.#tree(random.pick([DELTA, STATE]))
    const fields = Array.isArray(wire) ? wire : []
    for (let at = AFTER_STAMPS; at < fields.length; at++) {
      if (typeof fields[at] === 'number' && random.chance(0.5)) fields[at] = moment()
      const sessions = Array.isArray(fields[at]) ? (fields[at] as unknown[]) : []
      for (const session of sessions)
        if (Array.isArray(session) && typeof session[2] === 'number' && random.chance(0.5))
          session[2] = moment()
    }
    return { frame: pack(wire), how: 'moments' }
  }

  #known({ pull, sender = 'M' }: Mine, honest: readonly Member[]): Known {
    const wallMs = Math.floor(EPOCH_MS + this.#world.nowMs)
    const ids = honest.map(({ id }) => id)
    const next = () => ++this.#made
    return {
      wallMs,
      driftMs: this.#driftMs,
      ids,
      self: sender,
      pull,
      random: this.#random,
      isHeavy: this.#isHeavy,
      next,
    }
  }

  #tree(kind?: number): unknown {
    return decodeFrame(this.#frame(kind))
  }

  #frame(kind?: number): Uint8Array {
    const kinds = this.#recorded.filter((ring) => ring !== undefined)
    const ring = kind === undefined ? undefined : this.#recorded[kind]
    return this.#random.pick(ring ?? this.#random.pick(kinds))
  }
}
