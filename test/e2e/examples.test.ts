/** The examples for frameworks, three servers of each, as they stand: what a user copies has to work. */

import { Agent, get } from 'node:http'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { Client } from '../support/browser.js'
import { onCleanUp } from '../support/cleanup.js'
import { type ExampleServer, threeServers } from '../support/example-servers.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { until, within } from '../support/wait.js'

leaveNothingBehind()

describe.each(['express', 'fastify', 'hono', 'koa', 'nest', 'react-router', 'unstorage'])(
  'examples/%s',
  (example) => {
    test('a login and a counter outlive the server where they were made; a logout holds on all', async () => {
      const servers = await threeServers(example)
      const [one, two, three] = servers
      const browser = new Client()
      expect(await browser.ask(one, '/')).toEqual({ views: 1 })
      const planted = browser.copy()
      expect(await browser.ask(one, '/login', { json: { user: 'ada' } })).toEqual({
        user: 'ada',
      })
      expect(await browser.ask(two, '/me')).toEqual({ user: 'ada' })
      expect(await planted.copy().ask(two, '/me')).toEqual({ user: null })
      const { views: first } = (await browser.ask(three, '/')) as { views: number }
      for (let views = first + 1; views < first + 10; views++)
        expect(await browser.ask(servers[views % 3]!, '/')).toEqual({ views })

      await one.kill('SIGKILL')
      expect(await browser.ask(two, '/me')).toEqual({ user: 'ada' })
      expect(await browser.ask(three, '/')).toEqual({ views: first + 10 })
      await one.start()
      expect(await browser.ask(one, '/')).toEqual({ views: first + 11 })

      const stolen = browser.copy()
      expect(await browser.ask(two, '/logout', { method: 'POST' })).toEqual({ user: null })
      for (const server of servers) {
        expect(await browser.ask(server, '/me')).toEqual({ user: null })
        expect(await planted.copy().ask(server, '/me')).toEqual({ user: null })
        // Somebody else's copy of the cookies knows nothing of the logout: there it takes the time of a delta.
        await until('it knows of the logout', async () => {
          const answer = await stolen.copy().ask(server, '/me')
          return JSON.stringify(answer) === '{"user":null}'
        })
      }
    })

    test('asked to end, a server answers who goes on asking, leaves, and exits by itself', async () => {
      const [one, two] = await threeServers(example)
      const browser = new Client()
      await browser.ask(one, '/login', { json: { user: 'ada' } })
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      onCleanUp(() => agent.destroy())
      expect(await outcome(one, '/ready', agent)).toBe(200)

      const ended = one.kill('SIGTERM')
      const outcomes: unknown[] = []
      // Its last answer on this connection says so, and there is no other connection any more.
      await until('nobody is let in any more', async () => {
        outcomes.push(await outcome(one, '/me', agent))
        return outcomes.at(-1) === 'ECONNREFUSED'
      })
      expect(new Set(outcomes.slice(0, -1))).toEqual(new Set([200]))
      expect(await within('the exit', 15_000, ended)).toEqual([0, null])
      expect(await browser.ask(two, '/me')).toEqual({ user: 'ada' })
    })
  },
)

/** The status of the answer, or the code of the error that came instead. */
function outcome(server: ExampleServer, path: string, agent: Agent): Promise<unknown> {
  return new Promise((resolve) => {
    const request = get(server.origin + path, { agent }, async (response) => {
      await text(response)
      resolve(response.statusCode)
    }).on('error', (error) => {
      const code = 'code' in error ? error.code : error
      // (Who is still waiting to be let in when the listener closes is reset, in place of being refused.)
      resolve(code === 'ECONNRESET' && !request.reusedSocket ? 'ECONNREFUSED' : code)
    })
  })
}
