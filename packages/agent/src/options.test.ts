import { describe, expect, it } from 'vitest'
import type { Discovery } from './discovery/discovery.js'
import { dns } from './discovery/dns.js'
import { mdns } from './discovery/mdns.js'
import { rekeyed, resolveOptions } from './options.js'
import type { ClusterOptions } from './types.js'

const secret = 'for tests: 8KpX2vQz7RmW4tLd'

describe('options', () => {
  it('have defaults that work on one machine', () => {
    const options = resolveOptions({})
    expect(options).toMatchObject({ name: 'default', host: '127.0.0.1', acks: 'none' })
    expect([options.ports.length, options.ports[0], options.ports.at(-1)]).toEqual([32, 7373, 7404])
    expect(options.discoveries.map(({ name }) => name)).toEqual(['the list of peers', 'mDNS'])
    expect(options.config).toMatchObject({ heartbeatMs: 250, deadAfterMs: 2000, ttlMs: 86_400_000 })
  })

  it('listen everywhere with a secret, and on the port that is asked for alone', () => {
    expect(resolveOptions({ secret })).toMatchObject({ host: '' })
    expect(resolveOptions({ secret, listen: { host: '10.0.0.7', port: 80 } })).toMatchObject({
      host: '10.0.0.7',
      ports: [80],
    })
  })

  it('say how peers are found: as a list, by name, by multicast, and by what the user brings', () => {
    const own = { name: 'own', source: 'named', start: () => ({}) } as unknown as Discovery
    const peers = [
      'web-1:7373',
      'mdns',
      'dns:sessions.internal:7400',
      dns('_mesh._tcp.internal'),
      mdns(),
      own,
    ]
    const { discoveries } = resolveOptions({ secret, peers })
    expect(discoveries.map(({ name }) => name)).toEqual([
      'the list of peers',
      'mDNS',
      'DNS sessions.internal',
      'DNS _mesh._tcp.internal',
      'mDNS',
      'own',
    ])
    expect(resolveOptions({ secret, peers: [] }).discoveries.map(({ name }) => name)).toEqual([
      'the list of peers',
    ])
  })

  it.each<[string, ClusterOptions, string, RegExp]>([
    [
      'a port of its own',
      { port: 1 } as never,
      'SESSIONMESH_BAD_OPTION',
      /Known are: .*; the port to listen on is listen: \{ port \}/,
    ],
    [
      'no secret beyond loopback',
      { listen: { host: '0.0.0.0' } },
      'SESSIONMESH_SECRET_REQUIRED',
      /0\.0\.0\.0.*secret/s,
    ],
    [
      'an empty secret beyond loopback',
      { secret: '', listen: { host: '10.0.0.1' } },
      'SESSIONMESH_SECRET_REQUIRED',
      /secret/,
    ],
    [
      'an empty list of secrets beyond loopback',
      { secret: [], listen: { host: '0.0.0.0' } },
      'SESSIONMESH_SECRET_REQUIRED',
      /secret/,
    ],
    [
      'a peer beyond loopback without a secret',
      { peers: ['10.0.0.2:7373'] },
      'SESSIONMESH_SECRET_REQUIRED',
      /10\.0\.0\.2/,
    ],
    [
      'to be advertised beyond loopback without a secret',
      { advertise: '10.0.0.2:7373' },
      'SESSIONMESH_SECRET_REQUIRED',
      /10\.0\.0\.2/,
    ],
    [
      'a name to look up without a secret',
      { peers: ['dns:sessions.internal'] },
      'SESSIONMESH_SECRET_REQUIRED',
      /DNS sessions\.internal/,
    ],
    ['no object', null as unknown as ClusterOptions, 'SESSIONMESH_BAD_OPTION', /object/],
    ['a secret that is no text', { secret: 42 as unknown as string }, 'SESSIONMESH_BAD_OPTION', /secret/],
    [
      'a host that is no text',
      { listen: { host: 7373 as unknown as string } },
      'SESSIONMESH_BAD_OPTION',
      /7373/,
    ],
    ['a discovery that is not called', { peers: [mdns as never] }, 'SESSIONMESH_BAD_OPTION', /mdns\(\)/],
    ['a discovery of no kind', { peers: [{ start() {} } as never] }, 'SESSIONMESH_BAD_OPTION', /source/],
    ['listen as a number', { listen: 7373 } as unknown as ClusterOptions, 'SESSIONMESH_BAD_OPTION', /object/],
    ['listen as null', { listen: null } as unknown as ClusterOptions, 'SESSIONMESH_BAD_OPTION', /object/],
    [
      'a misspelt part of listen',
      { listen: { prot: 1 } } as ClusterOptions,
      'SESSIONMESH_BAD_OPTION',
      /prot/,
    ],
    [
      'a port as text',
      { listen: { port: '7399' as unknown as number } },
      'SESSIONMESH_BAD_OPTION',
      /"7399".*number/,
    ],
    [
      'a logger that is a function',
      { logger: console.log as unknown as Console },
      'SESSIONMESH_BAD_OPTION',
      /debug/,
    ],
    ['a short secret', { secret: 'short' }, 'SESSIONMESH_WEAK_SECRET', /at least 80/],
    ['a short secret among several', { secret: [secret, 'short'] }, 'SESSIONMESH_WEAK_SECRET', /2 of 2/],
    [
      'a comma behind a secret',
      { secret: `${secret},` },
      'SESSIONMESH_BAD_OPTION',
      /2 of 2 is empty: .*comma/,
    ],
    [
      'two commas between secrets',
      { secret: `${secret},,${secret}` },
      'SESSIONMESH_BAD_OPTION',
      /2 of 3 is empty/,
    ],
    [
      'an empty secret among several',
      { secret: ['', secret] },
      'SESSIONMESH_BAD_OPTION',
      /1 of 2 is empty: take it out/,
    ],
    [
      'an unset secret among several',
      { secret: [secret, undefined as unknown as string] },
      'SESSIONMESH_BAD_OPTION',
      /secret 2 of 2 is undefined: is its variable set\?/,
    ],
    [
      'a number among secrets',
      { secret: [secret, 42 as unknown as string] },
      'SESSIONMESH_BAD_OPTION',
      /secret 2 of 2 is no text/,
    ],
    ['a malformed peer', { peers: ['nonsense'] }, 'SESSIONMESH_BAD_ADDRESS', /nonsense/],
    ['peers that are no address', { peers: ['mDNS!'] }, 'SESSIONMESH_BAD_ADDRESS', /'mdns', or 'dns:/],
    ['a malformed advertise', { advertise: 'http://x' }, 'SESSIONMESH_BAD_ADDRESS', /http/],
    [
      'to be advertised everywhere',
      { secret, advertise: '0.0.0.0:7373' },
      'SESSIONMESH_BAD_OPTION',
      /"0\.0\.0\.0:7373".*or leave it out/,
    ],
    [
      'to be advertised everywhere, by IPv6',
      { secret, advertise: '[0::0]:7373' },
      'SESSIONMESH_BAD_OPTION',
      /"\[0::0\]:7373".*or leave it out/,
    ],
    ['a bad port', { listen: { port: 70_000 } }, 'SESSIONMESH_BAD_OPTION', /70000/],
    ['bad acks', { acks: 'some' as 'one' }, 'SESSIONMESH_BAD_OPTION', /some/],
    ['a misspelt option', { secrets: secret } as ClusterOptions, 'SESSIONMESH_BAD_OPTION', /secrets/],
    ['a bad ttl', { ttlMs: -1 }, 'SESSIONMESH_BAD_OPTION', /ttlMs.*-1/],
    [
      'options at odds',
      { config: { heartbeatMs: 5000 } },
      'SESSIONMESH_BAD_OPTION',
      /heartbeatMs.*5000.*suspectAfterMs.*750/,
    ],
  ])('refuse %s with a code and the mend', (_what, options, code, message) => {
    expect(() => resolveOptions(options)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    )
  })

  it('take several secrets as a list or with commas, and say which one is weak', () => {
    const several = `${secret}, another: 3TnB9yHc6GsF1wJe`
    expect(resolveOptions({ secret: several }).credentials.keyring.keys).toHaveLength(2)
    expect(resolveOptions({ secret: several.split(', ') }).credentials.keyring.keys).toHaveLength(2)
    expect(() => resolveOptions({ secret: `${secret},short` })).toThrow(/Secret 2 of 2/)
  })

  it('of rekey say as well which secret is empty or unset, and change nothing', () => {
    const { credentials } = resolveOptions({ secret })
    const tried = (given: unknown) => () => rekeyed(credentials, true, { secret: given as string[] })
    expect(tried([secret, ''])).toThrow(/secret 2 of 2 is empty: take it out/)
    expect(tried(`${secret},`)).toThrow(/secret 2 of 2 is empty: .*comma/)
    expect(tried([secret, undefined])).toThrow(/secret 2 of 2 is undefined/)
    expect(tried([''])).toThrow(/rekey has a secret that is empty/)
  })

  it('never show a secret in an error', () => {
    expect(() => resolveOptions({ secret: 'hunter2' })).toThrow(expect.not.stringContaining('hunter2'))
  })
})
