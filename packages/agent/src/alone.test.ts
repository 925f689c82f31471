/** A member that finds nobody says why, so that a mistake is not taken for an empty cluster. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { joinCluster } from './cluster.js'
import type { Discovery } from './discovery/discovery.js'
import type { ClusterOptions, Logger } from './types.js'

const cleanUps: (() => Promise<unknown> | unknown)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

/** The warnings of a member that joins with these peers, until it has said whether it is alone. */
async function warningsOf(options: ClusterOptions): Promise<string[]> {
  const warnings: string[] = []
  const ignore = () => {}
  const logger: Logger = { debug: ignore, info: ignore, error: ignore, warn: (text) => warnings.push(text) }
  const cluster = await joinCluster({
    listen: { host: '127.0.0.1', port: 0 },
    peers: [],
    secret: 'for tests only: 8KpX2vQz7RmW4tLd',
    ...options,
    logger,
  })
  cleanUps.unshift(() => cluster.close())
  // It is told in the turn after.
  await new Promise(setImmediate)
  return warnings
}

const said = (warnings: readonly string[], code: string) => warnings.filter((line) => line.startsWith(code))

test('a peer has more than the limits here allow: both say so, and nobody blames the network', async () => {
  const options = {
    secret: 'for tests only: 8KpX2vQz7RmW4tLd',
    listen: { host: '127.0.0.1', port: 0 },
    peers: [],
  }
  const large = await joinCluster(options)
  cleanUps.push(() => large.close())
  const told: string[] = []
  large.on('warning', ({ message }) => told.push(message))
  for (let i = 0; i < 100; i++) large.sessions.write(`s${i}`, { n: i })
  const { address } = large.self
  const config = { maxSessions: 2, maxTombstones: 2 }
  const warnings = await warningsOf({ ...options, peers: [address], config, joinTimeoutMs: 500 })
  const [line, ...others] = said(warnings, 'SESSIONMESH_JOIN_TIMEOUT')
  expect(line).toBe(
    `SESSIONMESH_JOIN_TIMEOUT: ${address} has more sessions than the limits here allow, so this member serves without them. Give all members the same limits`,
  )
  expect(others).toEqual([])
  expect(told[0]).toMatch(/was cut: SESSIONMESH_TOO_MANY_SESSIONS\. .*give all members the same maxSessions/)
})

test('nobody listens: it may well be the first', async () => {
  const [line] = said(await warningsOf({ peers: ['127.0.0.1:1'] }), 'SESSIONMESH_ALONE')
  expect(line).toMatch(/127\.0\.0\.1:1 refused the connection.*If it is the first one, all is well/)
})

test.each([
  ['another secret', { secret: 'another: 3TnB9yHc6GsF1wJe' }],
  ['another cluster name', { name: 'other' }],
])('who answered has %s: it is not said to be silent, nor that all is well', async (what, differing) => {
  const stranger = await joinCluster({
    listen: { host: '127.0.0.1', port: 0 },
    peers: [],
    secret: 'for tests only: 8KpX2vQz7RmW4tLd',
  })
  cleanUps.push(() => stranger.close())
  const warnings = await warningsOf({ peers: [stranger.self.address], ...differing })
  const [line] = said(warnings, 'SESSIONMESH_ALONE')
  expect(line).toMatch(what === 'another secret' ? /has another secret/ : /does not know this cluster/)
  expect(line).not.toMatch(/did not answer|all is well/)
})

test('the port of an HTTP server: it is named as that, and not twice', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUps.push(() => server.close())
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const warnings = await warningsOf({ peers: [address], joinTimeoutMs: 300 })
  const why = said(warnings, 'SESSIONMESH_JOIN_TIMEOUT')
  expect(why).toEqual([expect.stringContaining('the port of an HTTP server?')])
  const alone = said(warnings, 'SESSIONMESH_ALONE')
  expect(alone).toEqual([expect.stringMatching(`alone so far. Not linked in time: ${address}.$`)])
})

test('its own address in a list for all is none that did not answer', async () => {
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const { port } = free.address() as AddressInfo
  free.close()
  await once(free, 'close')
  const peers = [`127.0.0.1:${port}`, '127.0.0.1:1']
  const [line] = said(await warningsOf({ listen: { port }, peers }), 'SESSIONMESH_ALONE')
  expect(line).toContain('127.0.0.1:1 refused')
  expect(line).not.toContain(`:${port}`)
})

test('a secret that is given and empty is told: its variable may not be set', async () => {
  const noSecret = (warnings: readonly string[]) => said(warnings, 'SESSIONMESH_NO_SECRET').length
  expect(noSecret(await warningsOf({ secret: '' }))).toBe(1)
  expect(noSecret(await warningsOf({ secret: undefined }))).toBe(1)
  expect(noSecret(await warningsOf({ secret: undefined, peers: ['127.0.0.1:1'] }))).toBe(1)
  expect(noSecret(await warningsOf({}))).toBe(0)
})

test('addresses that anybody may have made up: all is well only if nobody listens there', async () => {
  const silent = createTcpServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  cleanUps.push(() => silent.close())
  const at = (...ports: number[]): Discovery => ({
    name: 'the test',
    source: 'heard',
    start: (_, { found }) => {
      for (const port of ports) found(`127.0.0.1:${port}`)
      return { looked: Promise.resolve(), stop: async () => {} }
    },
  })
  const alone = async (discovery: Discovery) => {
    const warnings = await warningsOf({ peers: [discovery], joinTimeoutMs: 300 })
    return said(warnings, 'SESSIONMESH_ALONE')[0]
  }
  const { port } = silent.address() as AddressInfo
  expect(await alone(at(1))).toMatch(/one address was found.*127\.0\.0\.1:1 refused.*all is well/)
  const line = await alone(at(port, 1))
  expect(line).toMatch(
    `2 addresses were found, and nobody there was linked. 127.0.0.1:${port} was not linked in time.`,
  )
  expect(line).not.toMatch('all is well')
})
