/** The example server for Fastify, three times, as it stands: what a user copies has to work. */

import { Agent, get } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { onCleanUp } from '../support/cleanup.js'
import { type ExampleServer, JsonBrowser, threeServers } from '../support/example-servers.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { until, within } from '../support/wait.js'

leaveNothingBehind()

test('a login, a counter and a logout hold on three servers, one of them killed', async () => {
  const [one, two, three] = await threeServers('fastify')
  const servers = [one, two, three]
  for (const server of servers) expect((await fetch(`${server.origin}/ready`)).status).toBe(200)
  const browser = new JsonBrowser()
  expect(await browser.send(one, 'POST', '/login', { user: 'ada' })).toEqual({ user: 'ada' })
  for (let count = 1; count <= 12; count++)
    expect(await browser.send(servers[count % 3]!, 'GET', '/')).toEqual({ views: count })

  await one.kill('SIGKILL')
  for (const server of [two, three]) expect(await browser.send(server, 'GET', '/me')).toEqual({ user: 'ada' })
  expect(await browser.send(three, 'GET', '/')).toEqual({ views: 13 })
  await one.start()
  expect(await browser.send(one, 'GET', '/')).toEqual({ views: 14 })

  const stolen = browser.copy()
  await browser.send(two, 'POST', '/logout')
  for (const server of servers) {
    expect(await browser.send(server, 'GET', '/me')).toEqual({ user: null })
    // Somebody else's copy of the cookies knows nothing of the logout: there it takes the time of a delta.
    await until(`${server.origin} knows of the logout`, async () => {
      const answer = await stolen.copy().send(server, 'GET', '/me')
      return JSON.stringify(answer) === '{"user":null}'
    })
  }
})

test('asked to end, a server leaves and exits by itself, however often a connection is used', async () => {
  const [one, two] = await threeServers('fastify')
  const browser = new JsonBrowser()
  await browser.send(one, 'POST', '/login', { user: 'ada' })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onCleanUp(() => agent.destroy())
  expect(await statusOf(one, agent)).toBe(200)

  const ended = one.kill('SIGTERM')
  // Its last answer on this connection says so, and there is no other connection any more.
  const statuses: unknown[] = []
  await until('nobody is let in any more', async () => {
    statuses.push(await statusOf(one, agent))
    return statuses.at(-1) === 'ECONNREFUSED'
  })
  expect(new Set(statuses.slice(0, -1))).toEqual(new Set([200]))
  expect(await within('the exit', 15_000, ended)).toEqual([0, null])
  expect(await browser.send(two, 'GET', '/me')).toEqual({ user: 'ada' })
})

/** The status of `/me`, or the code of the error that came instead. */
function statusOf(server: ExampleServer, agent: Agent): Promise<unknown> {
  return new Promise((resolve) => {
    get(`${server.origin}/me`, { agent }, async (response) => {
      await text(response)
      resolve(response.statusCode)
    }).on('error', (error) => resolve('code' in error ? error.code : error))
  })
}
