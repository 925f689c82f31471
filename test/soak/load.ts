/**
 * Writes at an even rate, whatever becomes of those before: as many sessions begin as end, by logout or by time, so their
 * number stays what it is.
 */

import { Random } from '../sim/random.js'
import type { Balancer } from '../support/faults/balancer.js'
import { pace } from '../support/measuring/pace.js'
import { until } from '../support/wait.js'
import { spread } from '../support/workers.js'
import { emptyTally } from './tally.js'
import { User, type World } from './user.js'

/** For each write a second: a user changes something every second or two, and some wait for acks. */
const USERS_PER_WRITE = 1.2
const MIN_USERS = 80
/** Of the writes: they begin a session that nobody uses again. */
const VISITS = 0.03
const VISIT_TTL_MS = 5_000
/** Members hear of a use one after the other, and one that stood still hears late. */
const EXPIRY_MARGIN_MS = 10_000
/**
 * On a machine that is too busy for the rate more would only wait for longer. (A member that is frozen holds up the acks of
 * all others for a second or two: these fit in.)
 */
const MAX_OPEN_PER_WRITE = 0.8
/** So many begin at a time: processes that have compiled nothing yet cannot take more. */
const BEGINNERS = 10

export class Load {
  readonly #perSecond: number
  readonly #world: World
  readonly #users: User[]
  readonly #visitor: User
  readonly #busy = new Set<User>()
  readonly #fail: (error: unknown) => void
  #open = 0
  /** Nothing is begun: a cluster that does not become whole under this load is let catch up. */
  isHeld = false

  /** @param fail is told a Violation, or whatever else goes wrong */
  constructor(balancer: Balancer, seed: number, perSecond: number, fail: (error: unknown) => void) {
    this.#perSecond = perSecond
    this.#world = { balancer, random: new Random(seed), tally: emptyTally(), ended: new Map() }
    this.#users = Array.from(
      { length: Math.ceil(MIN_USERS + USERS_PER_WRITE * perSecond) },
      (_, i) => new User(`user${i}`, this.#world),
    )
    this.#visitor = new User('visitor', this.#world)
    this.#fail = fail
  }

  get tally(): Readonly<World['tally']> {
    return this.#world.tally
  }

  /** Resolves when all have logged in: from then on there are as many sessions as there will be. */
  async begin(): Promise<void> {
    await spread(this.#users.length, BEGINNERS, (i) => this.#users[i]!.act())
  }

  /** Resolves when it `isOver` and all that was begun has come to an end. */
  async run(isOver: () => boolean): Promise<void> {
    await pace({ perSecond: this.#perSecond, forMs: Number.POSITIVE_INFINITY }, () => this.#begin(), isOver)
    await until('every request has come to an end', () => this.#open === 0, { deadlineMs: 30_000 })
  }

  /**
   * What ended before `sinceMs` is nowhere among `sids`.
   * @throws Violation
   */
  checkEnds(server: string, sids: readonly string[], sinceMs: number): void {
    for (const sid of sids) {
      const end = this.#world.ended.get(sid)
      if (end !== undefined && end.sinceMs < sinceMs)
        throw end.user.violation(`${sid} has ended, and ${server} holds it`)
    }
  }

  /** All that was confirmed is in `state`, which a member holds now that all is well. @throws Violation */
  settle(server: string, state: Readonly<Record<string, Record<string, unknown>>>): void {
    for (const user of this.#users) user.settle(server, state)
    this.checkEnds(server, Object.keys(state), performance.now())
  }

  #begin(): void {
    const { random, tally } = this.#world
    if (this.isHeld || this.#open >= MAX_OPEN_PER_WRITE * this.#perSecond) {
      tally.withheld++
      return
    }
    if (random.chance(VISITS)) return this.#track(this.#visit())
    const user = this.#pickFree()
    this.#busy.add(user)
    this.#track(user.act().finally(() => this.#busy.delete(user)))
  }

  #track(request: Promise<unknown>): void {
    this.#world.tally.begun++
    this.#open++
    request.catch(this.#fail).finally(() => this.#open--)
  }

  async #visit(): Promise<void> {
    const { ended, tally } = this.#world
    const sid = await new User(`visitor${tally.begun}`, this.#world).visit(VISIT_TTL_MS)
    if (sid === undefined) return
    tally.visits++
    ended.set(sid, { sinceMs: performance.now() + VISIT_TTL_MS + EXPIRY_MARGIN_MS, user: this.#visitor })
  }

  /** (Most are: there are far more of them than requests under way.) */
  #pickFree(): User {
    for (;;) {
      const user = this.#world.random.pick(this.#users)
      if (!this.#busy.has(user)) return user
    }
  }
}
