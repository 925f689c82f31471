import { describe, expect, it, test } from 'vitest'
import { withEnvironment } from './environment.js'
import { resolveOptions } from './options.js'

const secret = 'for tests: 8KpX2vQz7RmW4tLd'

describe('environment variables', () => {
  it('say what the options leave out', () => {
    const env = {
      SESSIONMESH_SECRET: `${secret}, another: 3TnB9yHc6GsF1wJe`,
      SESSIONMESH_CLUSTER: 'shop',
      SESSIONMESH_LISTEN: '0.0.0.0:7400',
      SESSIONMESH_PEERS: 'web-1:7373-7374, web-2:7373 mdns,dns:sessions.internal',
      SESSIONMESH_ADVERTISE: 'web-3.example.org:80',
    }
    const options = resolveOptions({}, env)
    expect(options).toMatchObject({
      name: 'shop',
      host: '0.0.0.0',
      ports: [7400],
      advertise: 'web-3.example.org:80',
      hasSecret: true,
    })
    expect(options.credentials.keyring.keys).toHaveLength(2)
    expect(options.discoveries.map(({ name }) => name)).toEqual([
      'the list of peers',
      'mDNS',
      'DNS sessions.internal',
    ])
  })

  it('are overruled by options, for host and port one by one', () => {
    const env = { SESSIONMESH_CLUSTER: 'shop', SESSIONMESH_LISTEN: '10.0.0.7:7400', SESSIONMESH_PEERS: 'x:1' }
    const options = resolveOptions({ name: 'other', secret, peers: [], listen: { port: 1 } }, env)
    expect(options).toMatchObject({ name: 'other', host: '10.0.0.7', ports: [1] })
    expect(options.discoveries).toHaveLength(1)
    expect(withEnvironment({ name: undefined } as never, env)).toMatchObject({ name: 'shop' })
  })

  it('are named in errors about what they say', () => {
    const tried = (options: object, env: Record<string, string>) => () => resolveOptions(options, env)
    const env = { SESSIONMESH_SECRET: secret, SESSIONMESH_PEERS: '127.0.0.1' }
    expect(tried({}, env)).toThrow(/\(From the environment: SESSIONMESH_SECRET, SESSIONMESH_PEERS\.\)$/)
    expect(tried({ secret }, env)).toThrow(/\(From the environment: SESSIONMESH_PEERS\.\)$/)
    expect(tried({ secret, peers: ['127.0.0.1'] }, env)).not.toThrow(/environment/)
    expect(tried({}, { SESSIONMESH_SECRET: `${secret},` })).toThrow(
      /2 of 2 is empty.*: SESSIONMESH_SECRET\.\)$/,
    )
    expect(tried({}, { SESSIONMESH_SECRET: 'short' })).toThrow(
      expect.objectContaining({ code: 'SESSIONMESH_WEAK_SECRET' }),
    )
  })

  it('are as good as not set when they are empty', () => {
    const env = {
      SESSIONMESH_SECRET: '',
      SESSIONMESH_CLUSTER: '',
      SESSIONMESH_LISTEN: '',
      SESSIONMESH_PEERS: '',
      SESSIONMESH_ADVERTISE: '',
    }
    expect(withEnvironment({}, env)).toEqual({})
  })

  it.each([' ', ',', ' , '])('name nobody as %j, which is as good as not set', (SESSIONMESH_PEERS) => {
    const { discoveries } = resolveOptions({}, { SESSIONMESH_PEERS })
    expect(discoveries.map(({ name }) => name)).toEqual(['the list of peers', 'mDNS'])
  })

  test('an option that is given and not set is filled in, and said to be unset only when nothing is', () => {
    expect(resolveOptions({ secret: undefined }, { SESSIONMESH_SECRET: secret })).toMatchObject({
      hasSecret: true,
      isSecretUnset: false,
    })
    expect(resolveOptions({ secret: undefined }, {})).toMatchObject({ hasSecret: false, isSecretUnset: true })
  })

  it.each([
    ['10.0.0.7', { host: '10.0.0.7' }],
    [':7400', { port: 7400 }],
    ['7400', { port: 7400 }],
    ['[::1]:7400', { host: '[::1]', port: 7400 }],
    ['web-1.internal:80', { host: 'web-1.internal', port: 80 }],
  ])('say where to listen as %s', (SESSIONMESH_LISTEN, listen) => {
    expect(withEnvironment({}, { SESSIONMESH_LISTEN }).listen).toEqual(listen)
  })

  it('fill in no listen that is null, which is refused', () => {
    const listen = null as unknown as { port: number }
    expect(() => resolveOptions({ listen }, { SESSIONMESH_LISTEN: ':7400' })).toThrow(
      expect.objectContaining({ code: 'SESSIONMESH_BAD_OPTION' }),
    )
  })

  it('refuse a number that is no port', () => {
    const code = 'SESSIONMESH_BAD_OPTION'
    expect(() => resolveOptions({}, { SESSIONMESH_LISTEN: '737373' })).toThrow(
      expect.objectContaining({ code }),
    )
  })

  it.each(['http://x:80', '::1:80', 'x:port', '10.0.0.7:123456'])('refuse to listen on %s', (text) => {
    const listen = { host: '10.0.0.7', port: 7373 }
    expect(withEnvironment({ listen }, { SESSIONMESH_LISTEN: text }).listen).toEqual(listen)
    expect(() => withEnvironment({}, { SESSIONMESH_LISTEN: text })).toThrow(
      expect.objectContaining({ code: 'SESSIONMESH_BAD_OPTION', message: expect.stringContaining(text) }),
    )
  })
})
