/** Clients behind a random load balancer. Each keeps a session, and has several requests of it in flight. */

import type { Cluster } from './cluster.js'
import type { History } from './history.js'
import { type Knowledge, Request } from './request.js'

export interface Client {
  sid: string | undefined
  readonly hasTokens: boolean
  /** The cookie of the response that came last, and what it stands for. */
  knowledge: Knowledge
}

export interface WorkloadOptions {
  readonly clients: number
  readonly requestEveryMs: number
  readonly ttlMs: number
  readonly destroyShare: number
}

export class Workload {
  readonly requests: Request[] = []
  readonly #cluster: Cluster
  readonly #history: History
  readonly #options: WorkloadOptions
  readonly #clients: Client[] = []
  #lastSid = 0
  #isOver = false

  constructor(cluster: Cluster, history: History, options: WorkloadOptions) {
    this.#cluster = cluster
    this.#history = history
    this.#options = options
    const { random } = cluster.world
    for (let i = 0; i < options.clients; i++) {
      this.#clients.push({
        sid: undefined,
        hasTokens: random.chance(0.5),
        knowledge: { token: [], seen: new Map() },
      })
    }
    this.#next()
  }

  stop(): void {
    this.#isOver = true
  }

  #next(): void {
    const { world } = this.#cluster
    world.after(world.random.between(0, 2 * this.#options.requestEveryMs), () => {
      if (this.#isOver) return
      this.#request(world.random.pick(this.#clients))
      this.#next()
    })
  }

  #request(client: Client): void {
    const { serving, world } = this.#cluster
    const { random } = world
    const run = serving.length > 0 ? random.pick(serving) : undefined
    if (run === undefined) return
    // A client that logs in anew gets a new id: ids are never used again.
    if (client.sid === undefined || random.chance(0.01)) {
      client.sid = `s${++this.#lastSid}`
      client.knowledge = { token: [], seen: new Map() }
      const request = new Request(this.#cluster, this.#history, run, client, client.sid, this.#options.ttlMs)
      return request.create()
    }
    const request = new Request(this.#cluster, this.#history, run, client, client.sid, this.#options.ttlMs)
    if (random.chance(this.#options.destroyShare)) request.destroy()
    else request.work()
  }
}
