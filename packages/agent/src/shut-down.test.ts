/** The way out of a server, with real connections that clients keep. */

import { once } from 'node:events'
import { Agent, createServer, get, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { joinCluster } from './cluster.js'
import { shutDown } from './shut-down.js'

async function serving(listener: RequestListener) {
  const cluster = await joinCluster({ name: `stop ${process.pid}`, peers: [], listen: { port: 0 } })
  onTestFinished(() => cluster.close())
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  const ask = async () => {
    const { port } = server.address() as AddressInfo
    const [response] = await once(get({ port, host: '127.0.0.1', agent }), 'response')
    return { connection: response.headers.connection, body: await text(response) }
  }
  return { cluster, server, ask }
}

test('serves on while it drains, and says that each answer is the last one on its connection', async () => {
  const { cluster, server, ask } = await serving((_req, res) => res.end(String(cluster.ready)))
  expect(await ask()).toEqual({ connection: 'keep-alive', body: 'true' })
  let over = false
  const stopped = shutDown(server, cluster, { drainMs: 300 }).then(() => (over = true))
  expect(await ask()).toEqual({ connection: 'close', body: 'false' })
  expect([over, server.listening, cluster.self.state]).toEqual([false, true, 'alive'])
  await stopped
  expect([server.listening, cluster.self.state]).toEqual([false, 'left'])
})

test('waits for the request that is under way, and leaves the cluster after it', async () => {
  let answer = () => {}
  const { cluster, server, ask } = await serving((_req, res) => {
    answer = () => {
      cluster.sessions.write('s', { made: 'late' })
      res.end('answered')
    }
    server.emit('under way')
  })
  const underWay = once(server, 'under way')
  const asking = ask()
  await underWay
  const stopped = shutDown(server, cluster)
  await once(server, 'close', { signal: AbortSignal.timeout(50) }).catch(() => {})
  expect(cluster.self.state).toBe('alive')
  answer()
  expect((await asking).body).toBe('answered')
  await stopped
  expect(cluster.self.state).toBe('left')
})

test('is over at once for a server that does not listen any more', async () => {
  const { cluster, server } = await serving((_req, res) => res.end())
  server.close()
  await shutDown(server, cluster)
  expect(cluster.self.state).toBe('left')
})

test.each<[unknown, object, RegExp]>([
  [{}, {}, /takes an HTTP server, as app\.listen\(\) gives it/],
  [createServer(), { drainMs: -1 }, /drainMs is -1/],
  [createServer(), { drainMs: Number.NaN }, /drainMs is NaN/],
])('tells of what it cannot stop: %o, %o', async (server, options, message) => {
  const { cluster } = await serving((_req, res) => res.end())
  const stopping = Reflect.apply(shutDown, undefined, [server, cluster, options])
  await expect(stopping).rejects.toMatchObject({ code: 'SESSIONMESH_BAD_OPTION' })
  await expect(stopping).rejects.toThrow(message)
  expect(cluster.ready).toBe(true)
})
