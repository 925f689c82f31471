/** The example of React Router, three times: log in on one, read on another, kill one, log out. */

import { expect, test } from 'vitest'
import { JsonBrowser, threeServers } from '../support/example-servers.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { until, within } from '../support/wait.js'

leaveNothingBehind()

test('a login survives the server where it was made, and ends on all with the logout', async () => {
  const [one, two, three] = await threeServers('react-router')
  const browser = new JsonBrowser()
  expect(await browser.send(one, 'GET', '/me')).toEqual({ user: null })
  expect(await browser.send(one, 'GET', '/')).toEqual({ views: 1 })
  const planted = browser.copy()
  expect(await browser.send(one, 'POST', '/login', { user: 'ada' })).toEqual({ user: 'ada' })
  expect(await browser.send(two, 'GET', '/me')).toEqual({ user: 'ada' })
  expect(await planted.send(two, 'GET', '/me')).toEqual({ user: null })

  await one.kill('SIGKILL')
  expect(await browser.send(three, 'GET', '/me')).toEqual({ user: 'ada' })
  await one.start()
  expect(await browser.send(one, 'GET', '/me')).toEqual({ user: 'ada' })

  const stolen = browser.copy()
  expect(await browser.send(two, 'POST', '/logout')).toEqual({ user: null })
  for (const server of [one, two, three]) {
    expect(await browser.send(server, 'GET', '/me')).toEqual({ user: null })
    // Somebody else's copy of the cookie knows nothing of the logout: there it takes the time of a delta.
    await until(`${server.origin} knows of the logout`, async () => {
      const answer = await stolen.copy().send(server, 'GET', '/me')
      return JSON.stringify(answer) === '{"user":null}'
    })
  }
})

test('a counter goes up by one whichever server is asked, and not for anybody else', async () => {
  const servers = await threeServers('react-router')
  const browser = new JsonBrowser()
  for (let views = 1; views <= 30; views++) {
    expect(await browser.send(servers[views % 3] ?? servers[0], 'GET', '/')).toEqual({ views })
  }
  expect(await new JsonBrowser().send(servers[0], 'GET', '/')).toEqual({ views: 1 })
})

test('asked to end, a server leaves and exits by itself', async () => {
  const [one, two] = await threeServers('react-router')
  const browser = new JsonBrowser()
  await browser.send(one, 'POST', '/login', { user: 'ada' })
  expect(await within('the exit', 15_000, one.kill('SIGTERM'))).toEqual([0, null])
  expect(await browser.send(two, 'GET', '/me')).toEqual({ user: 'ada' })
  expect((await fetch(`${two.origin}/ready`)).status).toBe(200)
  expect((await fetch(`${two.origin}/nowhere`)).status).toBe(404)
})
