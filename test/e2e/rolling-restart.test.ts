/** A deployment: one server after the other is stopped and started anew, and no user sees anything of it. */

import { Agent, request } from 'undici'
import { expect, test, vi } from 'vitest'
import { startBalancer, whyNo } from '../support/balancers.js'
import { Client } from '../support/browser.js'
import { onCleanUp } from '../support/cleanup.js'
import { type ExampleServer, startServers } from '../support/example-servers.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { pause, until, within } from '../support/wait.js'

const USERS = 8
/** Between two turns of a user. */
const THINK_MS = 20
const CHECK_MS = 100
/** How long a check holds: a balancer that was held up itself asks again before it sends anything. */
const CHECKED_MS = 500
/** Processes start one after the other here, where many tests run. */
const options = { deadlineMs: 60_000 }
const TEST_TIMEOUT_MS = 300_000

leaveNothingBehind()
vi.setConfig({ testTimeout: TEST_TIMEOUT_MS })

test('behind a balancer that asks /ready: no request fails, no session is lost, every count is right', async () => {
  const servers = await startServers('express', 5, { DRAIN_MS: '1200' })
  const balancer = new Balancer(servers)
  await until('all are ready', () => servers.every((server) => balancer.isReady(server)), options)
  await restartInTurn(servers, {
    origin: () => balancer.pick(),
    isSeen: (server) => balancer.isReady(server),
    isOverlapping: true,
  })
})

const why = whyNo('haproxy')
const orWhyNot = why === undefined ? '' : ` (skipped: ${why})`
test.skipIf(why !== undefined)(`behind HAProxy, as examples/load-balancers has it${orWhyNot}`, async () => {
  const servers = await startServers('express', 3, { DRAIN_MS: '3000' })
  const ports = servers.map(({ port }) => port)
  const { url } = await startBalancer('haproxy', 'round-robin', ports)
  // (Until the next one is stopped there is time for a check.)
  await restartInTurn(servers, { origin: () => url, isSeen: () => true })
})

interface Front {
  /** Where the next request goes. */
  origin(): string | Promise<string>
  /** The server is sent requests. */
  isSeen(server: ExampleServer): boolean
  /** The next one is stopped while one starts. */
  isOverlapping?: boolean
}

/** While users are at it; rejects with the first thing that goes wrong for one of them. */
async function restartInTurn(
  servers: readonly ExampleServer[],
  { origin, isSeen, isOverlapping = false }: Front,
): Promise<void> {
  const users = Array.from({ length: USERS }, () => new User())
  let isOver = false
  const busy = Promise.all(users.map((user) => user.goOn(origin, () => isOver)))
  onCleanUp(() => {
    isOver = true
  })
  const answersForAll = () => {
    const goals = users.map(({ answers }) => answers + 10)
    return until('all go on', () => users.every(({ answers }, i) => answers >= goals[i]!), options)
  }
  const restarts = async () => {
    let started: Promise<unknown> = Promise.resolve()
    for (const server of servers) {
      await answersForAll()
      const ended = within(`the end of ${server.origin}`, options.deadlineMs, server.kill('SIGTERM'))
      const [end] = await Promise.all([ended, started])
      expect(end).toEqual([0, null])
      await answersForAll()
      started = server.start().then(() => until('it is sent requests again', () => isSeen(server), options))
      // (It is waited for below, and may fail before that.)
      started.catch(() => {})
      if (!isOverlapping) await started
    }
    await started
    await answersForAll()
    isOver = true
  }
  await Promise.race([busy, restarts()])
  await busy
  for (const server of servers) await Promise.all(users.map((user) => user.checkAt(server.origin)))
}

class User {
  answers = 0
  #views = 0
  readonly #browser = new Client()

  /** @throws Error when a request fails, or its answer is wrong */
  async goOn(origin: Front['origin'], isOver: () => boolean): Promise<void> {
    await this.#ask('POST', `${await origin()}/login`)
    while (!isOver()) {
      expect(await this.#ask('GET', await origin())).toEqual({ views: ++this.#views })
      expect(await this.#ask('GET', `${await origin()}/me`)).toEqual({ user: 'guest' })
      await pause(THINK_MS)
    }
  }

  async checkAt(origin: string): Promise<void> {
    expect(await this.#ask('GET', origin)).toEqual({ views: ++this.#views })
  }

  async #ask(method: 'GET' | 'POST', url: string): Promise<unknown> {
    const { status, text } = await this.#browser.send(method, url)
    expect([status, text]).toEqual([200, expect.anything()])
    this.answers++
    return JSON.parse(text)
  }
}

/** Round robin over those that said lately that they are ready. It keeps connections, and sends nothing twice. */
class Balancer {
  readonly #servers: readonly ExampleServer[]
  /** When they were asked what they answered with yes. */
  readonly #readyAt = new Map<ExampleServer, number>()
  readonly #checks = new Agent()
  #next = 0

  constructor(servers: readonly ExampleServer[]) {
    this.#servers = servers
    const timer = setInterval(() => servers.forEach((server) => void this.#check(server)), CHECK_MS)
    onCleanUp(() => {
      clearInterval(timer)
      return this.#checks.destroy()
    })
  }

  isReady(server: ExampleServer): boolean {
    return performance.now() - (this.#readyAt.get(server) ?? Number.NEGATIVE_INFINITY) < CHECKED_MS
  }

  /** The origin of a server. */
  async pick(): Promise<string> {
    const next = () => {
      const ready = this.#servers.filter((server) => this.isReady(server))
      return ready[this.#next++ % ready.length]
    }
    return (await until('a server is ready', next, options)).origin
  }

  async #check(server: ExampleServer): Promise<void> {
    const askedAt = performance.now()
    const isReady = await request(`${server.origin}/ready`, { dispatcher: this.#checks }).then(
      async ({ statusCode, body }) => {
        await body.dump()
        return statusCode === 200
      },
      () => false,
    )
    if (isReady) this.#readyAt.set(server, askedAt)
    else this.#readyAt.delete(server)
  }
}
