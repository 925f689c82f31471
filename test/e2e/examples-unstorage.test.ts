/** The example server on h3 and unstorage, three times, as it stands. */

import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { onCleanUp } from '../support/cleanup.js'
import { JsonBrowser, threeServers } from '../support/example-servers.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { until, within } from '../support/wait.js'

leaveNothingBehind()

test('a login survives the server where it was made, and a logout holds on every server', async () => {
  const [one, two, three] = await threeServers('unstorage')
  const browser = new JsonBrowser()
  await browser.send(one, 'POST', '/login', { user: 'ada' })
  expect(await browser.send(two, 'GET', '/me')).toEqual({ user: 'ada' })
  await one.kill('SIGKILL')
  for (const server of [two, three]) {
    expect(await browser.send(server, 'GET', '/me')).toEqual({ user: 'ada' })
  }
  await one.start()
  expect(await browser.send(one, 'GET', '/me')).toEqual({ user: 'ada' })

  const stolen = browser.copy()
  await browser.send(two, 'POST', '/logout')
  expect(browser.cookies.has('sid')).toBe(false)
  for (const server of [one, two, three]) {
    expect(await browser.send(server, 'GET', '/me')).toEqual({ user: null })
    // Somebody else's copy of the cookies knows nothing of the logout: there it takes the time of a delta.
    await until(`${server.origin} knows of the logout`, async () => {
      return JSON.stringify(await stolen.copy().send(server, 'GET', '/me')) === '{"user":null}'
    })
  }
})

test('a counter goes up by one whichever server is asked, and not for anybody else', async () => {
  const servers = await threeServers('unstorage')
  const browser = new JsonBrowser()
  for (let count = 1; count <= 30; count++) {
    expect(await browser.send(servers[count % 3]!, 'GET', '/')).toEqual({ views: count })
  }
  expect(await new JsonBrowser().send(servers[0], 'GET', '/')).toEqual({ views: 1 })
})

test('a login gets another id, and nobody chooses one', async () => {
  const [one, two] = await threeServers('unstorage')
  const planted = '00000000-0000-4000-8000-000000000000'
  const browser = new JsonBrowser([['sid', planted]])
  await browser.send(one, 'GET', '/')
  const before = browser.cookies.get('sid')
  expect(before).not.toBe(planted)
  const thief = browser.copy()
  await browser.send(two, 'POST', '/login', { user: 'ada' })
  expect(browser.cookies.get('sid')).not.toBe(before)
  expect(await thief.send(two, 'GET', '/me')).toEqual({ user: null })
})

test('asked to end, a server whose connections are in use exits by itself, and the others go on', async () => {
  const [one, two] = await threeServers('unstorage')
  const browser = new JsonBrowser()
  await browser.send(one, 'POST', '/login', { user: 'ada' })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onCleanUp(() => agent.destroy())
  const ask = async () => {
    const [response] = await once(get(`${one.origin}/ready`, { agent }), 'response')
    await text(response)
    return response.statusCode
  }
  expect(await ask()).toBe(200)
  const ended = one.kill('SIGTERM')
  const used = until('the connection is used no more', () =>
    ask().then(
      () => false,
      () => true,
    ),
  )
  expect(await within('the exit', 15_000, ended)).toEqual([0, null])
  await used
  expect(await browser.send(two, 'GET', '/me')).toEqual({ user: 'ada' })
})
