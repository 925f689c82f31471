/** Any server for any request, as behind a load balancer: but one that owes many answers is not sent more. */

import type { Random } from '../../sim/random.js'
import type { MemberProcess } from '../member-process.js'

/** Enough to keep a frozen server in the game, few enough for the clients to go on elsewhere. */
const MAX_OPEN = 4

export class Balancer {
  readonly members: readonly MemberProcess[]
  readonly #open = new Map<string, number>()

  constructor(members: readonly MemberProcess[]) {
    this.members = members
  }

  pick(random: Random): MemberProcess {
    const free = this.members.filter(({ name }) => this.#openAt(name) < MAX_OPEN)
    return random.pick(free.length > 0 ? free : this.members)
  }

  /** Counts a request to `server` as open until it is answered or fails. */
  async send<T>({ name }: MemberProcess, request: () => Promise<T>): Promise<T> {
    this.#open.set(name, this.#openAt(name) + 1)
    try {
      return await request()
    } finally {
      this.#open.set(name, this.#openAt(name) - 1)
    }
  }

  #openAt(name: string): number {
    return this.#open.get(name) ?? 0
  }
}
