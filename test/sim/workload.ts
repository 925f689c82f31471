/** Clients behind a load balancer, random or sticky. Each keeps a session, and has several requests of it in flight. */

import type { Knowledge } from './reads.js'
import { NOTHING, Request } from './request.js'
import type { Trial } from './trial.js'

export interface Client {
  sid: string | undefined
  readonly hasTokens: boolean
  /** Where a sticky balancer sends it. */
  readonly host: number
  /** The cookie of the response that came last, and what it stands for. */
  knowledge: Knowledge
}

export class Workload {
  readonly #trial: Trial
  readonly #clients: Client[] = []
  #isOver = false

  constructor(trial: Trial) {
    this.#trial = trial
    const { random } = trial.world
    const { clients, members } = trial.cluster.scenario
    for (let i = 0; i < clients; i++) {
      const host = random.integer(0, members - 1)
      this.#clients.push({ sid: undefined, hasTokens: random.chance(0.5), host, knowledge: NOTHING })
    }
    this.#next()
  }

  stop(): void {
    this.#isOver = true
  }

  #next(): void {
    const { world, cluster } = this.#trial
    world.after(world.random.between(0, 2 * cluster.scenario.requestEveryMs), () => {
      if (this.#isOver) return
      this.#request(world.random.pick(this.#clients))
      this.#next()
    })
  }

  #request(client: Client): void {
    const { cluster, world, history } = this.#trial
    const { random } = world
    const { serving, scenario } = cluster
    if (serving.length === 0) return
    const sticky = random.chance(scenario.stickiness) && serving.find(({ host }) => host === client.host)
    const run = sticky || random.pick(serving)
    // A client that logs in anew gets a new id.
    if (client.sid === undefined || random.chance(0.01)) {
      client.sid = history.newSid()
      client.knowledge = NOTHING
      return new Request(this.#trial, run, client, client.sid).create()
    }
    const request = new Request(this.#trial, run, client, client.sid)
    if (random.chance(scenario.destroyShare)) request.destroy()
    else if (random.chance(scenario.regenerateShare)) request.regenerate()
    else request.work()
  }
}
