/** What every discovery promises, whatever it asks; and what each alone does. */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { DnsServer, type Record } from '../../test/dns-server.js'
import type { Announcement, Discovery } from './discovery.js'
import { type DnsOptions, dns } from './dns.js'
import { type MdnsOptions, mdns } from './mdns.js'
import { staticList } from './static.js'

const cleanUps: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

let members = 0
const self = (cluster: string, port = 7373): Announcement => ({
  cluster,
  id: `member${++members}`,
  host: '127.0.0.1',
  port,
})

/** A search, and what it reports. */
function start(discovery: Discovery, announcement: Announcement) {
  const found = new Map<string, string | undefined>()
  const lost: string[] = []
  const failures: string[] = []
  const search = discovery.start(announcement, {
    found: (address, member) => found.set(address, member),
    lost: (address) => {
      found.delete(address)
      lost.push(address)
    },
    failed: (message) => failures.push(message),
  })
  cleanUps.push(() => search.stop())
  return { search, found, lost, failures, reports: () => found.size + lost.length + failures.length }
}

const until = (condition: () => boolean) =>
  vi.waitFor(() => expect(condition()).toBe(true), { timeout: 15_000, interval: 10 })

/** Looks a name up until it is told to stop. Runs the built package: it must be plain Node. Argument: the name server. */
const searcher = `
  import { dns } from '${new URL('../../dist/discovery/dns.js', import.meta.url)}'

  const [server] = process.argv.slice(1)
  const report = { found() {}, lost() {}, failed() {} }
  const search = dns('sessions.test', { servers: [server] }).start({}, report)
  process.once('message', () => {
    process.disconnect()
    search.stop()
  })
`

/** Where members are, as one kind of discovery finds them. */
interface World {
  readonly discovery: Discovery
  readonly cluster: string
  /** Members come. */
  come(...ports: number[]): void
}

/** The name of a cluster that no other test has: multicast is heard by all of them. */
const freshCluster = () => `contract ${process.pid} ${++members}`

async function nameServer(options: DnsOptions = {}) {
  const server = await DnsServer.start()
  cleanUps.push(() => server.close())
  const dnsOptions = { servers: [server.address], periodMs: 100, ...options }
  const say = (name: string, ...records: Record[]) => server.records.set(name, records)
  return { server, say, find: (name: string) => dns(name, dnsOptions) }
}

const worlds: Readonly<{ [kind: string]: () => Promise<World> }> = {
  'a list': async () => {
    const entries: string[] = []
    const list = {
      ...staticList([]),
      start: (...args: Parameters<Discovery['start']>) => staticList(entries).start(...args),
    }
    return {
      discovery: list,
      cluster: 'any',
      come: (...ports) => entries.push(...ports.map((port) => `127.0.0.1:${port}`)),
    }
  },
  DNS: async () => {
    const { server, find } = await nameServer()
    const come = (...ports: number[]) => {
      const records = ports.map((port) => ({ target: '127.0.0.1', port }))
      server.records.set('_mesh._tcp.test', [...(server.records.get('_mesh._tcp.test') ?? []), ...records])
    }
    return { discovery: find('_mesh._tcp.test'), cluster: 'any', come }
  },
  mDNS: async () => {
    const cluster = freshCluster()
    return {
      discovery: mdns(),
      cluster,
      come: (...ports) => {
        for (const port of ports) start(mdns(), self(cluster, port))
      },
    }
  },
}

describe.each(Object.keys(worlds))('%s', (kind) => {
  /** What one kind cannot promise is skipped there, and said why. */
  function testUnless(exempt: string, why: string) {
    if (kind === exempt) console.log(`some of the contract is skipped for ${kind}: ${why}`)
    return test.skipIf(kind === exempt)
  }

  const testIfItGrows = testUnless('a list', 'it knows nobody but those on it')
  const world = () => (worlds[kind] as () => Promise<World>)()

  test('finds who is there, and has looked once soon', async () => {
    const { discovery, cluster, come } = await world()
    come(7401, 7402)
    const { search, found } = start(discovery, self(cluster))
    await search.looked
    expect([...found.keys()].sort()).toEqual(['127.0.0.1:7401', '127.0.0.1:7402'])
  })

  const testUnlessNamed = testUnless(
    'DNS',
    'of a name without addresses nobody knows whether they are about to be there',
  )
  testUnlessNamed('has looked once soon when nobody is there', async () => {
    const { discovery, cluster } = await world()
    const { search, found } = start(discovery, self(cluster))
    await search.looked
    expect(found.size).toBe(0)
  })

  testIfItGrows('finds who comes later', async () => {
    const { discovery, cluster, come } = await world()
    const { found } = start(discovery, self(cluster))
    come(7403)
    await until(() => found.has('127.0.0.1:7403'))
  })

  testIfItGrows('serves several members at once, each for itself', async () => {
    const { discovery, cluster, come } = await world()
    const [a, b] = [start(discovery, self(cluster, 7404)), start(discovery, self(cluster, 7405))]
    come(7406)
    await until(() => a.found.has('127.0.0.1:7406') && b.found.has('127.0.0.1:7406'))
    await a.search.stop()
    come(7407)
    await until(() => b.found.has('127.0.0.1:7407'))
    expect(a.found.has('127.0.0.1:7407')).toBe(false)
  })

  test('reports nothing after it is stopped, which it may be twice, and at once', async () => {
    const { discovery, cluster, come } = await world()
    const { search, reports } = start(discovery, self(cluster))
    await Promise.all([search.stop(), search.stop()])
    const before = reports()
    come(7408)
    const witness = start(discovery, self(cluster))
    await witness.search.looked
    expect(reports()).toBe(before)
  })
})

describe('a list', () => {
  const addresses = (...entries: string[]) => staticList(entries).addresses

  test('may have ranges of ports, for several processes on one host', () => {
    expect(addresses('web-1:7373-7376', '[::1]:7400-7401')).toEqual([
      'web-1:7373',
      'web-1:7374',
      'web-1:7375',
      'web-1:7376',
      '[::1]:7400',
      '[::1]:7401',
    ])
  })

  test('has one spelling of each address, once', () => {
    expect(addresses(' Web-1:7373', 'web-1:7373-7374', '[0:0::1]:7373')).toEqual([
      'web-1:7373',
      'web-1:7374',
      '[::1]:7373',
    ])
  })

  test.each(['web-1:7376-7373', 'web-1:1-65535', 'web-1:7373-', 'web-1:0-5', 'web-1:65530-65536'])(
    'refuses the range %s',
    (entry) => {
      expect(() => staticList([entry])).toThrow(
        expect.objectContaining({
          code: 'SESSIONMESH_BAD_ADDRESS',
          message: expect.stringContaining('web-1'),
        }),
      )
    },
  )
})

describe('DNS', () => {
  test('finds A and AAAA records, on the port that is given', async () => {
    const { say, find } = await nameServer({ port: 7400 })
    say('sessions.test', '10.0.0.1', '10.0.0.2', 'fd00::1')
    const { search, found } = start(find('sessions.test'), self('any'))
    await search.looked
    expect([...found.keys()].sort()).toEqual(['10.0.0.1:7400', '10.0.0.2:7400', '[fd00::1]:7400'])
  })

  test('follows the name: who is not there any more is lost, and who is new is found', async () => {
    const { say, find } = await nameServer()
    say('sessions.test', '10.0.0.1', '10.0.0.2')
    const { found, lost } = start(find('sessions.test'), self('any'))
    await until(() => found.size === 2)
    say('sessions.test', '10.0.0.2', '10.0.0.3')
    await until(() => found.has('10.0.0.3:7373') && lost.length > 0)
    expect([[...found.keys()].sort(), lost]).toEqual([['10.0.0.2:7373', '10.0.0.3:7373'], ['10.0.0.1:7373']])
    say('sessions.test')
    await until(() => found.size === 0)
  })

  test('says once that a name does not resolve, and goes on asking', async () => {
    const { server, say, find } = await nameServer()
    const { search, found, failures } = start(find('sessions.test'), self('any'))
    let hasLooked = false
    search.looked.then(() => (hasLooked = true))
    await until(() => server.questions > 4)
    expect([failures, hasLooked]).toEqual([['sessions.test does not resolve (ENOTFOUND)'], false])
    say('sessions.test', '10.0.0.1')
    await until(() => found.has('10.0.0.1:7373') && hasLooked)
  })

  test('keeps what it has found while the name server is silent', { timeout: 30_000 }, async () => {
    const { server, say, find } = await nameServer()
    say('sessions.test', '10.0.0.1')
    const { found, lost, failures } = start(find('sessions.test'), self('any'))
    await until(() => found.size === 1)
    server.isSilent = true
    await until(() => failures.length === 1)
    expect([failures, [...found.keys()], lost]).toEqual([
      ['sessions.test does not resolve (ETIMEOUT)'],
      ['10.0.0.1:7373'],
      [],
    ])
  })

  test('keeps no process that is to end, though the name server is silent', async () => {
    const { server } = await nameServer()
    server.isSilent = true
    const child = fork('-', [], { execArgv: ['--input-type=module', '-e', searcher, server.address] })
    cleanUps.push(async () => void child.kill('SIGKILL'))
    await until(() => server.questions > 0)
    const { questions } = server
    child.send('stop')
    expect(await once(child, 'exit')).toEqual([0, null])
    // (It would ask again after two seconds.)
    expect(server.questions - questions).toBeLessThan(2)
  })

  test('asks the same servers for the targets of SRV records', async () => {
    const { say, find } = await nameServer()
    say('_mesh._tcp.test', { target: 'n1.node.test', port: 7400 })
    say('n1.node.test', '10.0.0.1')
    const { search, found } = start(find('_mesh._tcp.test'), self('any'))
    await search.looked
    expect([...found.keys()]).toEqual(['10.0.0.1:7400'])
  })

  test('loses nobody for one target that does not resolve, and names it', async () => {
    const { say, find } = await nameServer()
    const [one, two] = [1, 2].map((n) => ({ target: `n${n}.node.test`, port: 7400 }))
    say('n1.node.test', '10.0.0.1')
    say('_mesh._tcp.test', one as Record)
    const { found, lost, failures } = start(find('_mesh._tcp.test'), self('any'))
    await until(() => found.size === 1)
    say('_mesh._tcp.test', one as Record, two as Record)
    await until(() => failures.length > 0)
    expect([failures, lost]).toEqual([['n2.node.test does not resolve (ENOTFOUND)'], []])
    say('n2.node.test', '10.0.0.2')
    await until(() => found.has('10.0.0.2:7400'))
    expect([...found.keys()]).toEqual(['10.0.0.1:7400', '10.0.0.2:7400'])
  })

  test.each([
    { silentType: 'A', kept: '10.0.0.1:7373', other: 'fd00::2' },
    { silentType: 'AAAA', kept: '[fd00::1]:7373', other: '10.0.0.2' },
  ])(
    'keeps what it has found of one family while there is no answer for it ($silentType)',
    { timeout: 30_000 },
    async ({ silentType, kept, other }) => {
      const { server, say, find } = await nameServer()
      say('sessions.test', '10.0.0.1', 'fd00::1')
      const { found, lost, failures } = start(find('sessions.test'), self('any'))
      await until(() => found.size === 2)
      server.silentType = silentType
      say('sessions.test', other)
      await until(() => failures.length > 0 && found.size === 3)
      expect([failures, lost]).toEqual([['sessions.test does not resolve (ETIMEOUT)'], []])
      server.silentType = undefined
      await until(() => found.size === 1)
      expect(found.has(kept)).toBe(false)
    },
  )

  test('asks the system for a name of the hosts file', async () => {
    const { search, found } = start(dns('localhost', { port: 7400 }), self('any'))
    await search.looked
    expect([...found.keys()]).toEqual(expect.arrayContaining(['127.0.0.1:7400']))
  })

  test.each([
    ['a name that is none', () => dns('no name'), 'BAD_ADDRESS'],
    ['no name', () => dns(''), 'BAD_OPTION'],
    ['a port that is none', () => dns('sessions.test', { port: 0 }), 'BAD_ADDRESS'],
    ['a port in the name', () => dns('sessions.test:7373'), 'BAD_OPTION'],
    ['a misspelt option', () => dns('sessions.test', { prot: 1 } as DnsOptions), 'BAD_OPTION'],
    ['options that are null', () => dns('sessions.test', null as unknown as DnsOptions), 'BAD_OPTION'],
    ['a port in place of the options', () => dns('sessions.test', 7400 as DnsOptions), 'BAD_OPTION'],
    ['a server by name', () => dns('sessions.test', { servers: ['ns.test'] }), 'BAD_OPTION'],
    ['a period without end', () => dns('sessions.test', { periodMs: 0 }), 'BAD_OPTION'],
  ])('refuses %s', (_what, make, code) => {
    expect(make).toThrow(expect.objectContaining({ code: `SESSIONMESH_${code}` }))
  })
})

describe('mDNS', () => {
  test('says who is where, and finds neither itself nor members of other clusters', async () => {
    const [ours, others] = [freshCluster(), freshCluster()]
    const mine = self(ours, 7411)
    const b = self(ours, 7412)
    const searches = [start(mdns(), mine), start(mdns(), b), start(mdns(), self(others, 7413))]
    const [first] = searches
    await Promise.all(searches.map(({ search }) => search.looked))
    expect([...(first?.found ?? [])]).toEqual([['127.0.0.1:7412', b.id]])
    expect(searches[2]?.found.size).toBe(0)
  })

  test.each(['ü'.repeat(128), 'two\nlines', 'a=b', 'x'.repeat(128)])(
    'finds members of a cluster named %j',
    async (name) => {
      const cluster = `${name.slice(0, 100)} ${freshCluster()}`
      const [a, b] = [start(mdns(), self(cluster, 7421)), start(mdns(), self(cluster, 7422))]
      await Promise.all([a.search.looked, b.search.looked])
      expect([[...a.found.keys()], [...b.found.keys()]]).toEqual([['127.0.0.1:7422'], ['127.0.0.1:7421']])
    },
  )

  test('says that there is no network to look on', async () => {
    const lost = start(mdns({ interfaces: ['no such interface'] }), { ...self(freshCluster()), host: '' })
    await lost.search.looked
    expect(lost.failures).toEqual(['mDNS cannot look everywhere: there is no IPv4 network to look on'])
  })

  test.each([null, 'eth0'])('refuses %j in place of its options, with the mend', (options) => {
    expect(() => mdns(options as unknown as MdnsOptions)).toThrow(
      expect.objectContaining({
        code: 'SESSIONMESH_BAD_OPTION',
        message: expect.stringContaining('as in {'),
      }),
    )
  })

  test('refuses a list of interfaces that is none', () => {
    for (const interfaces of [[], 'eth0' as unknown as string[]])
      expect(() => mdns({ interfaces })).toThrow(expect.objectContaining({ code: 'SESSIONMESH_BAD_OPTION' }))
  })
})
