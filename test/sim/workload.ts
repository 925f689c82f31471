/** Clients behind a load balancer, random or sticky. Each keeps a session, and has several requests of it in flight. */

import type { Knowledge } from './reads.js'
import { NOTHING, Request } from './request.js'
import type { Run } from './run.js'
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
    const { cluster, world } = this.#trial
    const run = this.#balance(client)
    if (run === undefined) return
    const { sid } = client
    // A client that logs in anew gets a new id.
    if (sid === undefined || world.random.chance(0.01)) return this.#create(run, client)
    const request = new Request(this.#trial, run, client, sid)
    const share = world.random.next()
    const { destroyShare, regenerateShare } = cluster.scenario
    this.#send(run, () => {
      if (share < destroyShare) request.destroy()
      else if (share < destroyShare + regenerateShare) request.regenerate()
      else request.work()
    })
  }

  #create(run: Run, client: Client): void {
    this.#send(run, () => {
      client.sid = this.#trial.history.newSid()
      client.knowledge = NOTHING
      new Request(this.#trial, run, client, client.sid).create()
    })
  }

  #send(run: Run, serve: () => void): void {
    run.input(() => {
      if (run.isServing) serve()
    })
  }

  /** Who stands still has not been noticed yet, now and then: what is sent there waits, and is read when he goes on. */
  #balance({ host }: Client): Run | undefined {
    const { serving, standing, scenario } = this.#trial.cluster
    const { random } = this.#trial.world
    const sticky = random.chance(scenario.stickiness) && serving.find((run) => run.host === host)
    if (sticky) return sticky
    const runs = standing.length > 0 && random.chance(0.3) ? standing : serving
    return runs.length === 0 ? undefined : random.pick(runs)
  }
}
