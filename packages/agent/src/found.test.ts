/** Members that find each other: by name, on this machine, and by what a user brings. */

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { decode } from 'dns-packet'
import { afterEach, expect, test, vi } from 'vitest'
import { DnsServer } from '../test/dns-server.js'
import { joinCluster } from './cluster.js'
import type { Discovery, Report } from './discovery/discovery.js'
import { dns } from './discovery/dns.js'
import { createKeyring, offer } from './keys.js'
import { tlsWithKey } from './tls.js'
import type { Cluster, ClusterOptions } from './types.js'

const secret = 'for tests only: 8KpX2vQz7RmW4tLd'
const listen = { host: '127.0.0.1', port: 0 }
const cleanUps: (() => unknown)[] = []
let tests = 0

afterEach(async () => {
  vi.unstubAllEnvs()
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

/** A member with a logger that keeps its warnings. */
async function join(options: ClusterOptions): Promise<{ cluster: Cluster; warnings: string[] }> {
  const warnings: string[] = []
  const ignore = () => {}
  const logger = { debug: ignore, info: ignore, error: ignore, warn: (text: string) => warnings.push(text) }
  const cluster = await joinCluster({
    name: `found ${process.pid} ${tests}`,
    secret,
    listen,
    logger,
    ...options,
  })
  cleanUps.push(() => cluster.close())
  return { cluster, warnings }
}

const until = (condition: () => boolean) =>
  vi.waitFor(() => expect(condition()).toBe(true), { timeout: 15_000, interval: 10 })

const allSeeAll = (...clusters: Cluster[]) =>
  until(() =>
    clusters.every((cluster) => {
      const alive = cluster.members().filter(({ state }) => state === 'alive')
      return alive.length === clusters.length
    }),
  )

const portOf = ({ self }: Cluster) => Number(self.address.split(':').at(-1))

test('nothing but a name: members of one machine are one cluster, and the second has the state of the first', async () => {
  tests++
  const { cluster: a, warnings } = await join({})
  a.sessions.write('s', { user: 'ada' })
  const { cluster: b, warnings: none } = await join({})
  expect(b.sessions.load('s')?.data).toEqual({ user: 'ada' })
  await allSeeAll(a, b)
  const first =
    'This member is alone so far. By mDNS nobody was found. It listens on 127.0.0.1 alone: members on other machines are not looked for. If it is the first one, all is well.'
  expect([warnings, none]).toEqual([[`SESSIONMESH_ALONE: ${first}`], []])
})

test('by multicast a member tells the name of its cluster, its id, its port and the protocol, and nothing else', async () => {
  tests++
  const heard: Buffer[] = []
  const ear = createSocket({ type: 'udp4', reuseAddr: true })
  cleanUps.push(() => ear.close())
  ear.on('message', (packet) => heard.push(packet))
  ear.bind(5353, '0.0.0.0')
  await once(ear, 'listening')
  ear.addMembership('224.0.0.251', '127.0.0.1')
  const { cluster } = await join({})
  const service = `${cluster.self.id}._sessionmesh._tcp.local`
  const packets = () => heard.filter((packet) => packet.includes(cluster.self.id))
  const answers = () => packets().flatMap((packet) => decode(packet).answers ?? [])
  await until(() => ['TXT', 'SRV'].every((kind) => answers().some(({ type }) => type === kind)))
  const dataOf = (kind: string) =>
    answers().flatMap((answer) =>
      answer.type === kind && answer.name === service && 'data' in answer ? [answer.data] : [],
    )
  const texts = dataOf('TXT').map((data) => [data].flat(2).map(String))
  for (const text of texts)
    expect(text).toEqual([`cluster=${cluster.name}`, `id=${cluster.self.id}`, 'protocol=1'])
  for (const data of dataOf('SRV'))
    expect(data).toMatchObject({ port: portOf(cluster), target: `${cluster.self.id}.local` })
  const { keys } = createKeyring(cluster.name, [secret])
  const marks = [Buffer.from(secret), ...keys.flatMap(({ root, psk }) => [root.export(), psk.export()])]
  const traces = marks.flatMap((mark) => [mark, mark.toString('hex'), mark.toString('base64')])
  for (const packet of packets()) for (const trace of traces) expect(packet.includes(trace)).toBe(false)
})

test('nobody is looked for with an empty list', async () => {
  tests++
  const { cluster: a } = await join({})
  const { cluster: lone } = await join({ peers: [] })
  const { cluster: b } = await join({})
  await allSeeAll(a, b)
  expect(lone.members()).toHaveLength(1)
})

test('a name that resolves to all: who is added to it is found, and who is linked stays when it is taken out', async () => {
  tests++
  const server = await DnsServer.start()
  cleanUps.push(() => server.close())
  const name = '_mesh._tcp.test'
  const peers = [dns(name, { servers: [server.address], periodMs: 100 })]
  const say = (...clusters: Cluster[]) =>
    server.records.set(
      name,
      clusters.map((cluster) => ({ target: '127.0.0.1', port: portOf(cluster) })),
    )
  // Whether nobody is there yet, or the name is about to be filled, nobody knows: it waits, and says so.
  const { cluster: a, warnings } = await join({ peers, joinTimeoutMs: 500 })
  await new Promise(setImmediate)
  expect(warnings).toEqual([
    expect.stringContaining('SESSIONMESH_DISCOVERY_FAILED: _mesh._tcp.test does not resolve'),
    expect.stringContaining('This member is alone so far. _mesh._tcp.test does not resolve (ENOTFOUND).'),
  ])
  say(a)
  // It finds itself there as well, and thinks nothing of it.
  const { cluster: b, warnings: told } = await join({ peers })
  await allSeeAll(a, b)
  say(b)
  const { cluster: c } = await join({ peers })
  await allSeeAll(a, b, c)
  server.records.delete(name)
  const asked = server.questions
  await until(() => server.questions > asked + 6)
  await allSeeAll(a, b, c)
  expect(told.filter((line) => !line.includes('DISCOVERY_FAILED'))).toEqual([])
})

test('a name that only this member has: it is alone, and says so; whom it finds later is linked', async () => {
  tests++
  const found: Report[] = []
  const own: Discovery = {
    name: 'a test',
    source: 'named',
    start(self, report) {
      found.push(report)
      report.found(`127.0.0.1:${self.port}`)
      return { looked: Promise.resolve(), stop: async () => {} }
    },
  }
  const { cluster, warnings } = await join({ peers: [own] })
  await new Promise(setImmediate)
  const only = 'Nobody was named but this member itself.'
  expect(warnings).toEqual([expect.stringContaining(only)])
  expect(cluster.members()).toHaveLength(1)
  // Found later, as any other.
  const { cluster: b } = await join({ peers: [] })
  found[0]?.found(`127.0.0.1:${portOf(b)}`, b.self.id)
  await allSeeAll(cluster, b)
})

test('without a secret nobody is dialled beyond this machine, whoever says that he is there', async () => {
  tests++
  const far: Discovery = {
    name: 'a test',
    source: 'heard',
    start(_self, report) {
      // (For documentation: it leads nowhere.)
      report.found('192.0.2.7:7373')
      return { looked: Promise.resolve(), stop: async () => {} }
    },
  }
  const { warnings } = await join({ secret: undefined, peers: [far], joinTimeoutMs: 300 })
  expect(warnings).toEqual(
    expect.arrayContaining([
      expect.stringContaining('192.0.2.7:7373 is not of this machine, and there is no secret.'),
    ]),
  )
})

/** Listens where no member is, and refuses as one of another cluster does. Resolves when it has refused once. */
async function startStranger(): Promise<{ address: string; refused: Promise<void> }> {
  const handshakeFailure = Buffer.from([21, 3, 3, 0, 2, 2, 40])
  const server = createServer()
  const refused = once(server, 'connection').then(async ([socket]) => {
    await once(socket, 'data')
    socket.end(handshakeFailure)
    await once(socket, 'close')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUps.push(() => new Promise((resolve) => server.close(resolve)))
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, refused }
}

test.each([
  ['of who is only heard of once for all', 'heard', 1],
  ['of each that is named', 'named', 6],
] as const)('a member warns %s, when they refuse it', async (_what, source, count) => {
  tests++
  const strangers = await Promise.all(Array.from({ length: 6 }, startStranger))
  const crowd: Discovery = {
    name: 'a test',
    source,
    start(_self, report) {
      for (const { address } of strangers) report.found(address)
      return { looked: Promise.resolve(), stop: async () => {} }
    },
  }
  const { warnings } = await join({ peers: [crowd] })
  await Promise.all(strangers.map(({ refused }) => refused))
  await new Promise(setImmediate)
  const told = warnings.filter((line) => line.includes('SESSIONMESH_CLUSTER_MISMATCH'))
  expect(told.length).toBe(count)
  expect(strangers.some(({ address }) => told[0]?.includes(address))).toBe(true)
})

test('a member warns once of who comes from many addresses and has no key of it', async () => {
  tests++
  const { cluster, warnings } = await join({ peers: [] })
  const keyring = createKeyring('another cluster', [secret])
  for (let n = 1; n <= 6; n++) {
    const localAddress = `127.0.0.${n}`
    const to = { host: '127.0.0.1', port: portOf(cluster), localAddress }
    const socket = tlsConnect({ ...tlsWithKey, ...to, pskCallback: () => offer(keyring, 0) })
    await expect(once(socket, 'secureConnect')).rejects.toThrow()
  }
  const told = warnings.filter((line) => line.includes('SESSIONMESH_CLUSTER_MISMATCH'))
  expect(told).toEqual([expect.stringContaining('A connection from 127.0.0.1 is refused')])
})

test('variables of the environment are enough', async () => {
  tests++
  const { cluster: a } = await join({ peers: [] })
  a.sessions.write('s', { user: 'ada' })
  vi.stubEnv('SESSIONMESH_SECRET', secret)
  vi.stubEnv('SESSIONMESH_CLUSTER', a.name)
  vi.stubEnv('SESSIONMESH_LISTEN', '127.0.0.1:0')
  vi.stubEnv('SESSIONMESH_PEERS', a.self.address)
  const b = await joinCluster()
  cleanUps.push(() => b.close())
  expect([b.name, b.sessions.load('s')?.data]).toEqual([a.name, { user: 'ada' }])
})

test('members that ask for no port take the next one that is free', async () => {
  tests++
  const clusters = [await join({ listen: {}, peers: [] }), await join({ listen: {}, peers: [] })]
  const ports = clusters.map(({ cluster }) => portOf(cluster))
  expect(new Set(ports).size).toBe(2)
  for (const port of ports) {
    expect(port).toBeGreaterThanOrEqual(7373)
    expect(port).toBeLessThanOrEqual(7404)
  }
})
