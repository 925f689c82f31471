/** The example for NestJS: one login, three servers, and fewer of them. */

import { expect, test } from 'vitest'
import { JsonBrowser, threeServers } from '../support/example-servers.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { within } from '../support/wait.js'

leaveNothingBehind()

test('a login survives the server where it was made, and a logout holds on the others', async () => {
  const [one, two, three] = await threeServers('nest')
  const browser = new JsonBrowser()
  await browser.send(one, 'POST', '/login', { user: 'ada' })
  expect(await browser.send(two, 'GET', '/me')).toEqual({ user: 'ada' })
  for (let views = 1; views <= 6; views++)
    expect(await browser.send([one, two, three][views % 3]!, 'GET', '/')).toEqual({ views })

  await one.kill('SIGKILL')
  expect(await browser.send(three, 'GET', '/me')).toEqual({ user: 'ada' })
  const thief = browser.copy()
  await browser.send(two, 'POST', '/logout')
  expect(await browser.send(three, 'GET', '/me')).toEqual({ user: null })
  expect(await thief.send(three, 'GET', '/me')).toEqual({ user: null })

  expect(await within('the exit', 15_000, two.kill('SIGTERM'))).toEqual([0, null])
})
