/** The example with metrics, scraped as Prometheus does. */

import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { Client } from '../support/browser.js'
import { ExampleServer } from '../support/example-servers.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { freePorts } from '../support/ports.js'
import { until, within } from '../support/wait.js'

leaveNothingBehind()

interface Scraped {
  server: ExampleServer
  opsPort: number
}

test('three servers tell what they hold and do, and who of them is gone', async () => {
  const [one, two, three] = await threeScraped()
  const browser = new Client()
  for (let views = 1; views <= 5; views++) expect(await browser.ask(one.server, '/')).toEqual({ views })
  const all = [one, two, three]
  for (const each of all)
    await until('it has the session, and sees all', async () => {
      const series = await scrape(each)
      return (
        value(series, 'sessionmesh_sessions') === 1 && value(series, 'sessionmesh_members', 'alive') === 3
      )
    })
  expect(value(await scrape(one), 'sessionmesh_writes_total')).toBe(5)
  expect(value(await scrape(two), 'sessionmesh_writes_total')).toBe(0)
  // What prom-client knows by itself is there as well.
  expect(await scrape(one)).toMatch(/^process_resident_memory_bytes \d/m)

  await three.server.kill('SIGKILL')
  const after = await until('the death is seen', async () => {
    const series = await scrape(one)
    return value(series, 'sessionmesh_members', 'dead') === 1 ? series : undefined
  })
  expect(value(after, 'sessionmesh_members', 'alive')).toBe(2)
  expect(value(after, 'sessionmesh_takeovers_total')).toBe(1)
  expect(await browser.ask(two.server, '/')).toEqual({ views: 6 })
})

test('users do not get at the metrics, and the metrics keep no server that is asked to end', async () => {
  const [one] = await threeScraped()
  expect((await fetch(`${one.server.origin}/metrics`)).status).toBe(404)
  const outward = Object.values(networkInterfaces())
    .flatMap((each = []) => each)
    .find(({ internal }) => !internal)
  if (outward?.family === 'IPv4')
    await expect(reach(outward.address, one.opsPort)).rejects.toThrow(/ECONNREFUSED/)
  // (On a connection that is kept, as Prometheus does.)
  await scrape(one)
  expect(await within('the exit', 15_000, one.server.kill('SIGTERM'))).toEqual([0, null])
})

async function threeScraped(): Promise<[Scraped, Scraped, Scraped]> {
  const program = fileURLToPath(new URL('../../examples/metrics/dist/server.js', import.meta.url))
  const ports = await freePorts(9)
  const addresses = ports.slice(3, 6).map((port) => `127.0.0.1:${port}`)
  const start = async (i: number) => {
    const opsPort = ports[6 + i]!
    const server = new ExampleServer(program, ports[i]!, {
      SESSIONMESH_LISTEN: addresses[i],
      SESSIONMESH_PEERS: addresses.filter((_, other) => other !== i).join(),
      SESSIONMESH_SECRET: 'the secret of the example test',
      OPS_PORT: String(opsPort),
    })
    await server.start()
    return { server, opsPort }
  }
  return Promise.all([start(0), start(1), start(2)])
}

async function scrape({ opsPort }: Scraped): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${opsPort}/metrics`)
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    expect.stringMatching(/^text\/plain; .*version=/),
  ])
  return response.text()
}

function value(series: string, metric: string, state?: string): number | undefined {
  const line = series
    .split('\n')
    .find(
      (each) => each.startsWith(`${metric}{`) && (state === undefined || each.includes(`state="${state}"`)),
    )
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ')))
}

function reach(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port }, () => {
      socket.destroy()
      resolve()
    }).on('error', reject)
  })
}
