/** The example with health checks, asked as Kubernetes asks, at the places that its manifest names. */

import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Cluster, Status } from 'sessionmesh'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { onCleanUp } from '../support/cleanup.js'
import { ExampleServer } from '../support/example-servers.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { listening } from '../support/listening.js'
import { join } from '../support/local-cluster.js'
import { type OpsServer, outward, statusOf, threeOpsServers } from '../support/ops-servers.js'
import { freePorts } from '../support/ports.js'
import { until, within } from '../support/wait.js'

leaveNothingBehind()

const manifest = fileURLToPath(new URL('../../examples/kubernetes/shop.yaml', import.meta.url))
const program = fileURLToPath(new URL('../../examples/health/dist/server.js', import.meta.url))
const documents = parseAllDocuments(await readFile(manifest, 'utf8')).map((each) => each.toJS())
const [container] = documents.find(({ kind }) => kind === 'Deployment').spec.template.spec.containers

/** What the probe of the manifest gets. */
function probe(
  name: 'livenessProbe' | 'readinessProbe',
  { server, ops }: OpsServer,
): Promise<number | string> {
  const { path, port } = container[name].httpGet
  return statusOf((port === 'ops' ? ops : server.origin) + path)
}

async function statusAt({ ops }: OpsServer): Promise<Status> {
  return (await (await fetch(`${ops}/status`)).json()) as Status
}

test('a server whose peers are all gone is alive, and ready: it is not to be restarted for that', async () => {
  const [one, two, three] = await threeOpsServers('health')
  for (const each of [one, two, three])
    expect([await probe('livenessProbe', each), await probe('readinessProbe', each)]).toEqual([200, 200])
  await Promise.all([two.server.kill('SIGKILL'), three.server.kill('SIGKILL')])
  await until('it sees both dead', async () => {
    const { members } = await statusAt(one)
    return members.filter(({ state }) => state === 'dead').length === 2
  })
  expect([await probe('livenessProbe', one), await probe('readinessProbe', one)]).toEqual([200, 200])
  expect([await probe('livenessProbe', two), await probe('readinessProbe', two)]).toEqual([
    'ECONNREFUSED',
    'ECONNREFUSED',
  ])
})

test('one that is stuck answers neither, and both when it goes on', async () => {
  const [one] = await threeOpsServers('health')
  void one.server.kill('SIGSTOP')
  expect([await probe('livenessProbe', one), await probe('readinessProbe', one)]).toEqual([
    'silent',
    'silent',
  ])
  void one.server.kill('SIGCONT')
  await until('it is back', async () => (await probe('livenessProbe', one)) === 200)
  await until('it is ready', async () => (await probe('readinessProbe', one)) === 200)
})

test('one that is on its way out is sent nothing more, and is alive until it is gone', async () => {
  const [one] = await threeOpsServers('health', { DRAIN_MS: '3000' })
  const ended = one.server.kill('SIGTERM')
  await until('it is not ready', async () => (await probe('readinessProbe', one)) === 503)
  expect(await probe('livenessProbe', one)).toBe(200)
  expect(await within('the exit', 20_000, ended)).toEqual([0, null])
})

test('one that still joins is alive, and not yet there for users', async () => {
  // Who accepts and says nothing is waited for.
  const silent = createTcpServer((socket) => onCleanUp(() => socket.destroy())).listen(0, '127.0.0.1')
  onCleanUp(() => silent.close())
  await once(silent, 'listening')
  const [port, opsPort] = (await freePorts(2)) as [number, number]
  const server = new ExampleServer(program, port, {
    OPS_PORT: String(opsPort),
    SESSIONMESH_LISTEN: '127.0.0.1:0',
    SESSIONMESH_PEERS: `127.0.0.1:${(silent.address() as AddressInfo).port}`,
  })
  const joining: OpsServer = { server, opsPort, ops: `http://127.0.0.1:${opsPort}` }
  const joined = server.start()
  await until('it is alive', async () => (await probe('livenessProbe', joining)) === 200)
  expect(await probe('readinessProbe', joining)).toBe('ECONNREFUSED')
  expect(await statusOf(`${joining.ops}/status`)).toBe(503)
  await joined
  expect(await probe('readinessProbe', joining)).toBe(200)
  expect(await statusOf(`${joining.ops}/status`)).toBe(200)
})

test('its status is for those who run it', async () => {
  const [one] = await threeOpsServers('health')
  const status = await until('it sees all', async () => {
    const now = await statusAt(one)
    return now.members.filter(({ state }) => state === 'alive').length === 3 ? now : undefined
  })
  expect(status).toMatchObject({ cluster: 'shop', ready: true, sessions: 0, counters: { writes: 0 } })
  expect(await statusOf(`${one.server.origin}/status`)).toBe(404)
  expect(await statusOf(`${one.server.origin}/live`)).toBe(404)
  const address = outward()
  if (address !== undefined)
    expect(await statusOf(`http://${address}:${one.opsPort}/status`)).toBe('ECONNREFUSED')
})

test('with the OPS_HOST of the manifest the node reaches it', async () => {
  const { value } = container.env.find(({ name }: { name: string }) => name === 'OPS_HOST')
  const [one] = await threeOpsServers('health', { OPS_HOST: value })
  const address = outward() ?? '127.0.0.1'
  expect(await statusOf(`http://${address}:${one.opsPort}/live`)).toBe(200)
})

describe('a server', async () => {
  const file = new URL('../../examples/health/dist/health.js', import.meta.url)
  const { health }: { health: (joined: () => Cluster | undefined) => RequestListener } = await import(
    file.href
  )

  test('that still joins is alive, and says so to people', async () => {
    const origin = await served(health(() => undefined))
    expect(await statusOf(`${origin}/live`)).toBe(200)
    expect(await statusOf(`${origin}/status`)).toBe(503)
  })

  test('that has left its cluster and is still there is to be restarted', async () => {
    const cluster = await join({ listen: { host: '127.0.0.1', port: 0 } })
    const origin = await served(health(() => cluster))
    cluster.drain()
    expect(await statusOf(`${origin}/live`)).toBe(200)
    await cluster.close()
    expect(await statusOf(`${origin}/live`)).toBe(503)
    expect(await statusOf(`${origin}/status`)).toBe(200)
  })
})

async function served(app: RequestListener): Promise<string> {
  const { origin, close } = await listening(createServer(app))
  onCleanUp(close)
  return origin
}
