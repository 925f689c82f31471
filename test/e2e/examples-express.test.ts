/** The example for Express, asked to end in the middle of a request. (See examples.test.ts for what all of them do.) */

import { once } from 'node:events'
import { Agent, get, request } from 'node:http'
import { connect } from 'node:net'
import { json, text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { Client } from '../support/browser.js'
import { onCleanUp } from '../support/cleanup.js'
import { type ExampleServer, threeServers } from '../support/example-servers.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { pause, until, within } from '../support/wait.js'

leaveNothingBehind()

test('asked to end, a server answers what is under way, leaves, and exits by itself', async () => {
  const [one, two] = await threeServers('express')
  const browser = new Client()
  await browser.ask(one, '/login', { json: { user: 'ada' } })
  const busy = await halfARequest(one)

  const ended = one.kill('SIGTERM')
  await until('nobody is let in any more', () => isRefused(one))
  await busy.finish()

  // However often that connection is used again: it must not keep the server.
  const used = busy.useUntilClosed()
  expect(await within('the exit', 15_000, ended)).toEqual([0, null])
  await used
  expect(await browser.ask(two, '/me')).toEqual({ user: 'ada' })
})

/** A request whose second half the server waits for. */
async function halfARequest(server: ExampleServer) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onCleanUp(() => agent.destroy())
  const headers = { 'content-type': 'application/json', 'content-length': 16 }
  const asking = request(`${server.origin}/login`, { agent, method: 'POST', headers })
  const answer = once(asking, 'response')
  await new Promise((resolve) => asking.write('{"user":', resolve))
  return {
    async finish(): Promise<void> {
      asking.end('"grace"}')
      const [response] = await answer
      expect(await json(response)).toEqual({ user: 'grace' })
    },
    async useUntilClosed(): Promise<void> {
      try {
        for (;;) {
          const [response] = await once(get(`${server.origin}/me`, { agent }), 'response')
          await text(response)
          await pause(50)
        }
      } catch {
        agent.destroy()
      }
    },
  }
}

async function isRefused(server: ExampleServer): Promise<boolean> {
  const probe = connect({ host: '127.0.0.1', port: Number(new URL(server.origin).port) })
  try {
    await once(probe, 'connect')
    return false
  } catch {
    return true
  } finally {
    probe.destroy()
  }
}
