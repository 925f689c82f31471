/** One session from its client's side: what was asked for, what was confirmed, and what must be there later. */

import type { Acks } from 'sessionmesh'
import type { Death } from '../support/faults/nemesis.js'
import { Violation } from '../support/faults/violation.js'

/** Who confirmed something, when, and on what grounds. */
export interface Confirmation {
  server: string
  sentMs: number
  acks: Acks
}

interface Lane {
  /** The last number that was sent: no answer may show a higher one. */
  issued: number
  confirmed: { value: number; by: Confirmation }[]
  /** What nothing can take away any more. */
  firm: number
}

export type Held = Readonly<Record<string, unknown>> | undefined

export class Visit {
  readonly sid: string
  readonly user: string
  readonly #lanes = new Map<string, Lane>()
  #login: Confirmation | undefined
  /** Asked for, and perhaps confirmed. */
  end: { by: Confirmation | undefined } | undefined
  /** It has ended, and all members knew it. */
  isGone = false

  constructor(sid: string, user: string, login: Confirmation) {
    this.sid = sid
    this.user = user
    this.#login = login
  }

  /** The next number for that attribute. */
  issue(attribute: string): number {
    return ++this.#lane(attribute).issued
  }

  issued(attribute: string): number {
    return this.#lane(attribute).issued
  }

  confirm(attribute: string, value: number, by: Confirmation): void {
    this.#lane(attribute).confirmed.push({ value, by })
  }

  /**
   * All members hold the same: what was confirmed must be there. Gives what was lost as it may be: with the
   * server that alone had it. `held` is what everybody will have from now on.
   * @throws Violation
   */
  settle(held: Held, deaths: readonly Death[]): string[] {
    const isFirm = (by: Confirmation | undefined) => by === undefined || !isEndangered(by, deaths)
    if (this.end !== undefined) return this.#settleEnd(held, isFirm)
    if (held === undefined) {
      if (isFirm(this.#login)) throw new Violation(`${this.sid} is gone from everywhere`)
      return [`login of ${this.sid}`]
    }
    this.#login = undefined
    const lost: string[] = []
    for (const [name, lane] of this.#lanes) lost.push(...this.#settleLane(name, lane, held, isFirm))
    return lost
  }

  #settleLane(
    name: string,
    lane: Lane,
    held: NonNullable<Held>,
    isFirm: (by: Confirmation) => boolean,
  ): string[] {
    const value = Number(held[name] ?? 0)
    const firm = Math.max(
      lane.firm,
      ...lane.confirmed.filter(({ by }) => isFirm(by)).map((each) => each.value),
    )
    const last = Math.max(firm, ...lane.confirmed.map((each) => each.value))
    if (value < firm) {
      const by = lane.confirmed.find((each) => each.value === firm)?.by
      throw new Violation(
        `everybody holds ${name} ${value} of ${this.sid}, and ${firm} was confirmed` +
          (by === undefined ? ' in an earlier round' : ` by ${by.server} with acks ${by.acks}`),
      )
    }
    if (value > lane.issued) throw new Violation(`${name} of ${this.sid} is ${value}, which nobody wrote`)
    lane.firm = value
    lane.confirmed = []
    return value < last ? [`${name} ${value + 1}…${last} of ${this.sid}`] : []
  }

  #settleEnd(held: Held, isFirm: (by: Confirmation) => boolean): string[] {
    const by = this.end?.by
    this.isGone = held === undefined
    if (held === undefined || by === undefined) return []
    if (isFirm(by)) throw new Violation(`${this.sid} was ended by ${by.server}, and is held everywhere`)
    return [`end of ${this.sid}`]
  }

  #lane(attribute: string): Lane {
    let lane = this.#lanes.get(attribute)
    if (lane === undefined) {
      lane = { issued: 0, confirmed: [], firm: 0 }
      this.#lanes.set(attribute, lane)
    }
    return lane
  }
}

/**
 * Whether what was confirmed may have died with its server: it went down afterwards, and the network kept its
 * last bytes from every peer; or it had stood still, when it answers after a while whatever its links do. Acks
 * bear the latter; and of `all` nobody, when nobody is there.
 */
function isEndangered(by: Confirmation, deaths: readonly Death[]): boolean {
  return deaths.some(({ member, atMs, hadSoundPeer, stoodStill }) => {
    if (member !== by.server || atMs < by.sentMs || by.acks === 'one') return false
    return !hadSoundPeer || (stoodStill && by.acks === 'none')
  })
}
