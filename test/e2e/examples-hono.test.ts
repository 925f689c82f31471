/** The Hono example, three times, as it stands: what a user copies has to work. */

import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { json, text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { onCleanUp } from '../support/cleanup.js'
import { JsonBrowser, threeServers } from '../support/example-servers.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { pause, until, within } from '../support/wait.js'

leaveNothingBehind()

test('a login and a counter survive the server where they were made; the logout holds on all', async () => {
  const servers = await threeServers('hono')
  const [one, two, three] = servers
  const browser = new JsonBrowser()
  expect(await browser.send(one, 'GET', '/')).toEqual({ views: 1 })
  const before = browser.copy()
  await browser.send(one, 'POST', '/login', { user: 'ada' })
  expect(await browser.send(two, 'GET', '/me')).toEqual({ user: 'ada' })
  for (let views = 2; views <= 10; views++)
    expect(await browser.send(servers[views % 3] ?? one, 'GET', '/')).toEqual({ views })

  await one.kill('SIGKILL')
  expect(await browser.send(two, 'GET', '/me')).toEqual({ user: 'ada' })
  expect(await browser.send(three, 'GET', '/')).toEqual({ views: 11 })
  await one.start()
  expect(await browser.send(one, 'GET', '/me')).toEqual({ user: 'ada' })

  const stolen = browser.copy()
  await browser.send(two, 'POST', '/logout')
  for (const server of servers) {
    expect(await browser.send(server, 'GET', '/me')).toEqual({ user: null })
    expect(await before.copy().send(server, 'GET', '/me')).toEqual({ user: null })
    // Somebody else's copy of the cookies knows nothing of the logout: there it takes the time of a delta.
    await until(`${server.origin} knows of the logout`, async () => {
      const answer = await stolen.copy().send(server, 'GET', '/me')
      return JSON.stringify(answer) === '{"user":null}'
    })
  }
})

test('asked to end, a server answers those who go on asking, leaves, and exits by itself', async () => {
  const [one, two] = await threeServers('hono')
  const browser = new JsonBrowser()
  await browser.send(one, 'POST', '/login', { user: 'ada' })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onCleanUp(() => agent.destroy())
  const ask = async () => {
    const [response] = await once(get(`${one.origin}/me`, { agent }), 'response')
    return json(response)
  }
  expect(await ask()).toEqual({ user: null })

  const ended = one.kill('SIGTERM')
  const used = askUntilRefused(`${one.origin}/me`, agent)
  expect(await within('the exit', 15_000, ended)).toEqual([0, null])
  await used
  expect(await browser.send(two, 'GET', '/me')).toEqual({ user: 'ada' })
})

/** On a kept connection, however often the server answers there: it must not keep the server. */
async function askUntilRefused(url: string, agent: Agent): Promise<void> {
  try {
    for (;;) {
      const [response] = await once(get(url, { agent }), 'response')
      await text(response)
      await pause(50)
    }
  } catch {
    agent.destroy()
  }
}
