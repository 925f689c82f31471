/** The example with metrics, scraped as Prometheus does. */

import { expect, test } from 'vitest'
import { Client } from '../support/browser.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { type OpsServer, outward, statusOf, threeOpsServers } from '../support/ops-servers.js'
import { until, within } from '../support/wait.js'

leaveNothingBehind()

test('three servers tell what they hold and do, and who of them is gone', async () => {
  const [one, two, three] = await threeOpsServers('metrics')
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
  const [one] = await threeOpsServers('metrics')
  expect(await statusOf(`${one.server.origin}/metrics`)).toBe(404)
  const address = outward()
  if (address !== undefined)
    expect(await statusOf(`http://${address}:${one.opsPort}/metrics`)).toBe('ECONNREFUSED')
  // (On a connection that is kept, as Prometheus does.)
  await scrape(one)
  expect(await within('the exit', 15_000, one.server.kill('SIGTERM'))).toEqual([0, null])
})

async function scrape({ ops }: OpsServer): Promise<string> {
  const response = await fetch(`${ops}/metrics`)
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
