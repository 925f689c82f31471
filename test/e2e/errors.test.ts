/** Bad input gets an error with a stable code that says what is wrong, and harms nothing else. */

import { createServer } from 'node:net'
import { type ClusterOptions, joinCluster } from 'sessionmesh'
import { describe, expect, test } from 'vitest'
import { onCleanUp } from '../support/cleanup.js'
import { leaveNothingBehind } from '../support/leaks.js'
import {
  collect,
  freeAddresses,
  join,
  joinAll,
  linked,
  SECRET,
  warningsInto,
} from '../support/local-cluster.js'
import { freePorts, isFree } from '../support/ports.js'
import { TcpProxy } from '../support/tcp-proxy.js'
import { until } from '../support/wait.js'

leaveNothingBehind()

describe('options', () => {
  const anywhere = { host: '127.0.0.1', port: 0 }
  const fine = { secret: SECRET, listen: anywhere }
  const cases: [what: string, options: ClusterOptions, code: string, named: RegExp][] = [
    ['no secret, not on loopback', { listen: { host: '0.0.0.0', port: 0 } }, 'SECRET_REQUIRED', /0\.0\.0\.0/],
    ['a short secret', { ...fine, secret: 'short' }, 'WEAK_SECRET', /npx sessionmesh secret/],
    [
      'one short secret of two',
      { ...fine, secret: [SECRET, 'short'] },
      'WEAK_SECRET',
      /npx sessionmesh secret/,
    ],
    ['an address without a port', { ...fine, peers: ['10.0.0.1'] }, 'BAD_ADDRESS', /10\.0\.0\.1/],
    ['an address with a scheme', { ...fine, peers: ['http://a:1'] }, 'BAD_ADDRESS', /http:\/\/a:1/],
    ['a port out of range', { ...fine, peers: ['a:70000'] }, 'BAD_ADDRESS', /70000/],
    ['an empty address', { ...fine, peers: [''] }, 'BAD_ADDRESS', /host:port/],
    ['a listening port out of range', { ...fine, listen: { port: 70_000 } }, 'BAD_OPTION', /70000/],
    ['a negative ttl', { ...fine, ttlMs: -1 }, 'BAD_OPTION', /ttlMs/],
    ['an unknown limit', { ...fine, config: JSON.parse('{"nonsense":1}') }, 'BAD_OPTION', /nonsense/],
    ['limits at odds', { ...fine, config: { heartbeatMs: 3_000 } }, 'BAD_OPTION', /heartbeatMs.*3000/],
  ]

  test.each(cases)('%s', async (_, options, code, named) => {
    const failure = await joinCluster(options).then(
      (cluster) => cluster.close(),
      (error: unknown) => error,
    )
    expect(failure).toMatchObject({ name: 'SessionMeshError', code: `SESSIONMESH_${code}` })
    expect(String(failure)).toMatch(named)
  })

  test('a port in use', async () => {
    const [port] = await freePorts(1)
    const squatter = createServer()
    await new Promise<void>((resolve) => squatter.listen({ host: '127.0.0.1', port: port! }, resolve))
    onCleanUp(() => new Promise((resolve) => squatter.close(resolve)))
    const failure = joinCluster({ secret: SECRET, peers: [], listen: { host: '127.0.0.1', port: port! } })
    await expect(failure).rejects.toMatchObject({ code: 'SESSIONMESH_PORT_IN_USE' })
    await expect(failure).rejects.toThrow(String(port))
  })

  test('two members in one process, the second on the port of the first: the first goes on', async () => {
    const [a] = await joinAll(1)
    const port = Number(a!.self.address.split(':').at(-1))
    await expect(
      joinCluster({ secret: SECRET, peers: [], listen: { host: '127.0.0.1', port } }),
    ).rejects.toMatchObject({
      code: 'SESSIONMESH_PORT_IN_USE',
    })
    const b = await join({ listen: anywhere, peers: [a!.self.address] })
    await linked([a!, b])
  })

  test('a port is free again after close', async () => {
    const [port] = await freePorts(1)
    const cluster = await join({ listen: { host: '127.0.0.1', port: port! } })
    expect(await isFree(port!)).toBe(false)
    await cluster.close()
    expect(await isFree(port!)).toBe(true)
  })
})

describe('a peer that does not belong here', () => {
  test.each([
    ['with another secret', { secret: 'another: 3TnB9yHc6GsF1wJe' }, 'SESSIONMESH_SECRET_MISMATCH'],
    ['of another cluster', { name: 'other' }, 'SESSIONMESH_CLUSTER_MISMATCH'],
  ] as const)(
    '%s: a warning that says which, not at every attempt, and no link',
    async (_, differing, code) => {
      const [place, stranger, proxyPort] = await freeAddresses(3)
      const warnings: string[] = []
      const a = await join({ memberName: 'a', listen: { host: '127.0.0.1', port: place!.port } })
      const heard = collect(a, 'warning')
      // Between them only to count the attempts.
      const door = new TcpProxy(proxyPort!.port, place!.port)
      onCleanUp(() => door.cut())
      await door.open()
      const b = await join({
        memberName: 'b',
        listen: { host: '127.0.0.1', port: stranger!.port },
        peers: [`127.0.0.1:${door.port}`],
        joinTimeoutMs: 500,
        logger: warningsInto(warnings),
        ...differing,
      })

      await until('it tried several times', () => door.dials >= 4, {
        deadlineMs: 20_000,
        dump: () => b.status(),
      })
      await until('the warning came', () => heard.length + warnings.length > 0)
      const said = [
        ...heard.map((warning) => warning.code),
        ...warnings.filter((line) => line.includes(code)),
      ]
      expect(said.length).toBeGreaterThan(0)
      expect(said.length).toBeLessThanOrEqual(2)
      expect(heard.every((warning) => warning.code === code)).toBe(true)
      for (const cluster of [a, b]) {
        expect(cluster.members().filter(({ self }) => !self)).toEqual([])
      }
      a.sessions.write('s', { n: 1 })
      expect(b.sessions.has('s')).toBe(false)
    },
  )
})

describe('writes', () => {
  test('an attribute that cannot be serialised is named, and nothing is written', async () => {
    const [a, b] = await joinAll(2)
    a!.sessions.write('s', { kept: 1 })
    const { data, base } = a!.sessions.load('s')!
    const write = () => a!.sessions.write('s', { ...data, callback: () => {} }, { base })
    expect(write).toThrow(expect.objectContaining({ code: 'SESSIONMESH_UNSERIALISABLE_ATTRIBUTE' }))
    expect(write).toThrow(/callback/)
    a!.sessions.write('other', { n: 1 })
    await until('the write after it arrives', () => b!.sessions.has('other'))
    for (const { sessions } of [a!, b!]) expect(sessions.load('s')?.data).toEqual({ kept: 1 })
  })

  test.each(['__proto__', 'constructor', 'prototype'])('the attribute name %s is refused', async (name) => {
    const [a] = await joinAll(1)
    const data: Record<string, unknown> = JSON.parse(`{ "fine": 1, "${name}": { "polluted": true } }`)
    expect(() => a!.sessions.write('s', data)).toThrow(
      expect.objectContaining({ code: 'SESSIONMESH_FORBIDDEN_ATTRIBUTE' }),
    )
    expect(a!.sessions.has('s')).toBe(false)
  })

  test('a session above the limit is refused', async () => {
    const [a] = await joinAll(1, { config: { maxSessionBytes: 10_000 } })
    expect(() => a!.sessions.write('s', { big: 'x'.repeat(20_000) })).toThrow(
      expect.objectContaining({ code: 'SESSIONMESH_SESSION_TOO_LARGE' }),
    )
    expect(a!.sessions.has('s')).toBe(false)
  })

  test('a write to a session that was destroyed is reported as dropped', async () => {
    const [a, b] = await joinAll(2)
    a!.sessions.write('s', { n: 1 })
    await until('b has it', () => b!.sessions.has('s'))
    const { data, base } = b!.sessions.load('s')!
    a!.sessions.destroy('s')
    await until('b has it no more', () => !b!.sessions.has('s'))
    const result = b!.sessions.write('s', { ...data, n: 2 }, { base })
    expect(result).toMatchObject({ outcome: 'dropped', changed: [], base: undefined })
    expect(b!.sessions.has('s')).toBe(false)
  })

  test('with nobody to hold it, a write that asks for acks says so and is made', async () => {
    const [a] = await joinAll(1)
    const { acked } = a!.sessions.write('s', { n: 1 }, { acks: 'one' })
    await expect(acked).rejects.toMatchObject({ code: 'SESSIONMESH_NO_PEER' })
    expect(a!.sessions.has('s')).toBe(true)
  })

  test('after close a write is refused', async () => {
    const [a] = await joinAll(1)
    await a!.close()
    expect(() => a!.sessions.write('s', { n: 1 })).toThrow(
      expect.objectContaining({ code: 'SESSIONMESH_CLOSED' }),
    )
  })
})
