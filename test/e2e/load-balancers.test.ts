/** Behind the real nginx, HAProxy and Apache httpd, each with the configurations of examples/load-balancers. */

import { Agent } from 'undici'
import { describe, expect, test } from 'vitest'
import { PRODUCTS, startBalancer, type Way, whyNo } from '../support/balancers.js'
import { Browser } from '../support/browser.js'
import { onCleanUp } from '../support/cleanup.js'
import { leaveNothingBehind } from '../support/leaks.js'
import type { Answer } from '../support/member-protocol.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { CheckingUser, emptyTally } from '../support/users.js'
import { until } from '../support/wait.js'

const NAMES = ['web-1', 'web-2', 'web-3']

leaveNothingBehind()

describe.each(PRODUCTS)('%s', (product) => {
  const why = whyNo(product)
  // CI installs them. What it skipped all the same would look as if it had passed.
  if (why !== undefined && process.env.SESSIONMESH_TEST_BALANCERS === 'required')
    throw new Error(`SESSIONMESH_TEST_BALANCERS says that ${product} must be here: ${why}`)

  describe.skipIf(why !== undefined)(why === undefined ? 'as it stands' : `is skipped: ${why}`, () => {
    test('round robin: every server has its turn, every count is right, and one that dies or drains costs nothing', async () => {
      const { cluster, url } = await behind('round-robin')
      const ada = await Client.login(url)
      expect(new Set(await ada.increment(12))).toEqual(new Set(NAMES))

      await cluster.member('web-2').kill()
      expect(new Set(await ada.increment(18))).toEqual(new Set(['web-1', 'web-3']))

      await cluster.member('web-2').start()
      await askUntil('it has its turn again', async () => (await ada.increment(1)).includes('web-2'))

      await cluster.member('web-2').ask('drain')
      await ada.increment(6)
      // (nginx asks nobody whether he is ready.)
      if (product === 'nginx') return
      await askUntil('it is left out', async () => !(await ada.increment(12)).includes('web-2'))
    })

    test('users under load while servers are killed and come back: no wrong read, no lost session', async () => {
      const { cluster, url } = await behind('round-robin')
      const ada = await Client.login(url)
      const tally = emptyTally()
      const users = NAMES.flatMap((name) => [1, 2, 3].map((i) => new CheckingUser(`${name}-${i}`, tally)))
      let isOver = false
      const busy = users.map(async (user) => {
        for (let turn = 1; !isOver; turn++) await user.act([url], turn)
      })
      const goOn = (requests: number) => {
        const goal = tally.requests + requests
        return until('they go on', () => tally.requests >= goal, { dump: () => tally })
      }
      for (const name of NAMES) {
        await goOn(100)
        await cluster.member(name).kill()
        await goOn(100)
        await cluster.member(name).start()
        await cluster.linked()
        // (nginx leaves out who refused for a second, of whole ones up to two: all three, if the next were killed at once.)
        await askUntil(`${name} has its turn again`, async () => (await ada.increment(1)).includes(name))
      }
      isOver = true
      await Promise.all(busy)
      expect(tally).toMatchObject({ wrongReads: 0, lostSessions: 0, refused: 0 })
      // Each had one request under way, at the most, whenever a server died.
      expect(tally.ambiguous).toBeLessThanOrEqual(users.length * NAMES.length)
    })

    // httpd sends nothing a second time that a server may have seen.
    const isRepeated = product !== 'httpd'
    const thenGet = isRepeated ? 'a GET is' : 'nor is a GET'
    test(`a POST that broke off is not sent to a second server, ${thenGet}`, async () => {
      const { cluster, url } = await behind('round-robin')
      const browser = new Browser()
      const status = async (method: 'GET' | 'POST', path: string) => {
        // (httpd closes a connection that was used before, and leaves it to the client to ask again.)
        return (await browser.send(method, url + path, { connection: 'close' })).status
      }
      expect(await status('POST', '/die/any')).toBe(502)
      await until('the first one is dead', () => cluster.running().length < NAMES.length)
      const [next, ...others] = cluster.running()
      expect(others).toHaveLength(1)

      const statuses = new Set<number>()
      await askUntil('it has come to the next one', async () => {
        statuses.add(await status('GET', `/die/${next!.name}`))
        return !next!.isRunning
      })
      statuses.delete(200)
      expect([...statuses]).toEqual(isRepeated ? [] : [502])
      expect(await status('GET', '/session')).toBe(200)
    })

    // (The others find out when they wait for an answer.)
    if (product === 'haproxy')
      test('a server that is frozen is sent nothing as soon as its checks are not answered', async () => {
        const { cluster, url } = await behind('round-robin')
        cluster.member('web-1').freeze()
        const isAnswered = () =>
          fetch(`${url}/session`, {
            headers: { connection: 'close' },
            signal: AbortSignal.timeout(1_000),
          }).then(
            (response) => response.ok,
            () => false,
          )
        await until('all requests are answered', async () => {
          const answers = await Promise.all(NAMES.flatMap(() => [isAnswered(), isAnswered()]))
          return answers.every(Boolean)
        })
      })

    test('sticky: who has a session stays, moves when the server dies or drains, and stays there', async () => {
      const { cluster, url } = await behind('sticky')
      const clients = await Promise.all(Array.from({ length: 12 }, () => Client.login(url)))
      const servers = await Promise.all(clients.map((client) => client.onlyServer()))
      expect(new Set(servers)).toEqual(new Set(NAMES))

      const ada = clients[0]!
      const first = servers[0]!
      expect(ada.route).toBe(first)

      await cluster.member(first).kill()
      const second = await ada.onlyServer()
      expect([second, ada.route]).not.toContain(first)
      await cluster.member(first).start()
      await cluster.linked()
      expect(await ada.onlyServer()).toBe(second)
      expect(ada.route).toBe(second)

      await cluster.member(second).ask('drain')
      await askUntil('she is sent elsewhere', async () => !(await ada.increment(1)).includes(second))
      const third = await ada.onlyServer()
      expect(third).not.toBe(second)
      expect(ada.route).toBe(third)
    })

    test('IP hash: an address stays with its server, and moves to another one when that dies', async () => {
      const { cluster, url, sees } = await behind('ip-hash')
      const clients: Client[] = []
      const before: string[] = []
      // (The hash is of ports as well, which are others in every run: of a dozen addresses, now and then, one server gets none.)
      for (let i = 1; i <= 12 || new Set(before).size < NAMES.length; i++) {
        const client = await Client.login(url, `127.0.0.${i}`)
        clients.push(client)
        before.push(await client.onlyServer())
        expect(i).toBeLessThan(100)
      }

      await cluster.member('web-2').kill()
      // (Until HAProxy has checked twice, any server gets what that one refuses.)
      await Promise.all(clients.map((client) => client.increment(6)))
      await sees(['web-1', 'web-3'])
      const after = await Promise.all(clients.map((client) => client.onlyServer()))
      const isMoved = before.map((server) => server === 'web-2')
      expect(after.map((server, i) => server !== before[i])).toEqual(isMoved)
    })
  })

  async function behind(way: Way) {
    const cluster = await ProcessCluster.start({ members: NAMES, http: true, route: true })
    const ports = cluster.all().map(({ settings }) => settings.httpPort ?? 0)
    return { cluster, ...(await startBalancer(product, way, ports)) }
  }
})

/** Logged in, with a counter that has to be right with every answer. */
class Client {
  #count = 0
  readonly #browser: Browser
  readonly #url: string

  private constructor(browser: Browser, url: string) {
    this.#browser = browser
    this.#url = url
  }

  /** @param address its own one, of loopback */
  static async login(url: string, address = '127.0.0.1'): Promise<Client> {
    const connections = new Agent({ localAddress: address })
    onCleanUp(() => connections.destroy())
    const browser = new Browser(connections)
    await browser.post(url, '/login/ada')
    return new Client(browser, url)
  }

  get route(): string | undefined {
    return this.#browser.cookies.get('route')
  }

  /** So many times; resolves with who answered. */
  async increment(times: number): Promise<string[]> {
    const servers: string[] = []
    for (let i = 0; i < times; i++) {
      const { data, server }: Answer = await this.#browser.post(this.#url, '/increment')
      expect(data).toEqual({ user: 'ada', count: ++this.#count })
      servers.push(server)
    }
    return servers
  }

  /** Of some requests, which are all answered by the same one. */
  async onlyServer(): Promise<string> {
    const [server, ...others] = new Set(await this.increment(6))
    expect(others).toEqual([])
    return server!
  }
}

/** As `until`, where every answer counts: one that is wrong ends it. */
async function askUntil(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 30_000
  while (!(await isSo())) if (performance.now() > giveUpAt) throw new Error(`asked in vain until ${what}`)
}
