/** The example server for Koa, three times, as it stands: what a user copies has to work. */

import { expect, test } from 'vitest'
import { JsonBrowser, threeServers } from '../support/example-servers.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { until, within } from '../support/wait.js'

leaveNothingBehind()

test('a login survives the server where it was made; a logout holds on every server', async () => {
  const [one, two, three] = await threeServers('koa')
  const browser = new JsonBrowser()
  expect(await browser.send(one, 'POST', '/login?user=ada')).toEqual({ user: 'ada' })
  expect(await browser.send(two, 'GET', '/me')).toEqual({ user: 'ada' })
  for (let views = 1; views <= 30; views++)
    expect(await browser.send([one, two, three][views % 3]!, 'GET', '/')).toEqual({ views })

  await one.kill('SIGKILL')
  expect(await browser.send(two, 'GET', '/me')).toEqual({ user: 'ada' })
  expect(await browser.send(three, 'GET', '/')).toEqual({ views: 31 })
  await one.start()
  expect(await browser.send(one, 'GET', '/me')).toEqual({ user: 'ada' })

  const stolen = browser.copy()
  await browser.send(two, 'POST', '/logout')
  for (const server of [one, two, three]) {
    expect(await browser.send(server, 'GET', '/me')).toEqual({ user: null })
    // Somebody else's copy of the cookies knows nothing of the logout: there it takes the time of a delta.
    await until('it knows of the logout', async () => {
      const answer = await stolen.copy().send(server, 'GET', '/me')
      return JSON.stringify(answer) === '{"user":null}'
    })
  }
})

test('asked to end, a server hands over and exits by itself', async () => {
  const [one, two] = await threeServers('koa')
  const ready = await fetch(`${one.origin}/ready`, { headers: { connection: 'close' } })
  expect([ready.status, await ready.text()]).toEqual([200, 'OK'])
  const browser = new JsonBrowser()
  await browser.send(one, 'POST', '/login?user=ada')
  expect(await within('the exit', 15_000, one.kill('SIGTERM'))).toEqual([0, null])
  expect(await browser.send(two, 'GET', '/me')).toEqual({ user: 'ada' })
})
