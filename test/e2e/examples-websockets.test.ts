/** The example with WebSockets: who logs out anywhere is logged out everywhere, and his sockets know it at once. */

import { once } from 'node:events'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { Client } from '../support/browser.js'
import { onCleanUp } from '../support/cleanup.js'
import { type ExampleServer, threeServers } from '../support/example-servers.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { within } from '../support/wait.js'

leaveNothingBehind()

test('sockets of a session close on every server when it is logged out on one', async () => {
  const [one, two, three] = await threeServers('websockets')
  const [phone, laptop] = [new Client(), new Client()]
  await phone.ask(one, '/login', { json: { user: 'ada' } })
  await laptop.ask(two, '/login', { json: { user: 'ada' } })
  // Right after the login, on a server that has to have heard of it.
  const ofPhone = await Promise.all([one, two, three].map((server) => open(server, phone)))
  const ofLaptop = await open(three, laptop)
  expect(await ofPhone[2]!.say('hello')).toBe('ada: hello')

  await phone.ask(two, '/logout', { method: 'POST' })
  expect(await Promise.all(ofPhone.map(({ closed }) => closed))).toEqual([4401, 4401, 4401])
  expect(await ofLaptop.say('still here')).toBe('ada: still here')
})

test('all of a user close when he logs out everywhere, but those of the device that asks for the others', async () => {
  const [one, two, three] = await threeServers('websockets')
  const devices = [new Client(), new Client(), new Client()] as const
  const [phone, laptop, tablet] = devices
  for (const device of devices) await device.ask(one, '/login', { json: { user: 'ada' } })
  const other = new Client()
  await other.ask(three, '/login', { json: { user: 'grace' } })
  const [ofPhone, ofLaptop, ofTablet, ofOther] = await Promise.all([
    open(two, phone),
    open(three, laptop),
    open(one, tablet),
    open(two, other),
  ])
  expect(await phone.ask(two, '/logout-others', { method: 'POST' })).toEqual({ loggedOut: 2 })
  expect([await ofLaptop.closed, await ofTablet.closed]).toEqual([4401, 4401])
  expect(await ofPhone.say('alone')).toBe('ada: alone')
  expect(await phone.ask(three, '/logout-everywhere', { method: 'POST' })).toEqual({ loggedOut: 1 })
  expect(await ofPhone.closed).toBe(4401)
  expect(await ofOther.say('hi')).toBe('grace: hi')
})

test('who is not logged in gets no socket; who has one is sent elsewhere when a server stops', async () => {
  const [one, two] = await threeServers('websockets')
  await expect(open(one, new Client())).rejects.toThrow('401')
  const browser = new Client()
  await browser.ask(one, '/login', { json: { user: 'ada' } })
  const socket = await open(one, browser)
  expect(await within('the exit', 15_000, one.kill('SIGTERM'))).toEqual([0, null])
  expect(await socket.closed).toBe(1001)
  expect(await (await open(two, browser)).say('again')).toBe('ada: again')
})

async function open(server: ExampleServer, browser: Client) {
  const socket = new WebSocket(server.origin.replace('http', 'ws'), { headers: { cookie: browser.header } })
  onCleanUp(() => socket.terminate())
  const closed = once(socket, 'close').then(([code]) => code as number)
  closed.catch(() => {})
  await within('the socket', 15_000, once(socket, 'open'))
  return {
    closed: within('the close', 15_000, closed),
    async say(text: string): Promise<string> {
      socket.send(text)
      const [answer] = await within('the answer', 15_000, once(socket, 'message'))
      return String(answer)
    },
  }
}
