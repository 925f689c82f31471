/** What is secret (the secret, its keys, what sessions hold) shows nowhere but where the application asks for it. */

import { hkdfSync } from 'node:crypto'
import { inspect } from 'node:util'
import { metrics } from '@sessionmesh/metrics/prometheus'
import { Registry } from 'prom-client'
import { type ClusterOptions, joinCluster, type Logger } from 'sessionmesh'
import { expect, test } from 'vitest'
import { leaveNothingBehind } from '../support/leaks.js'
import { freeAddresses, join, linked } from '../support/local-cluster.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { until } from '../support/wait.js'

leaveNothingBehind()

const NAME = 'shop'
const SECRET = 'the secret: 9QzR4kVx7LmW2tBd'
const OLD = 'an old one: 4YhJ7sWc2KtM9xQa'
const VALUE = 'value-6fd1c0ffee'
const SID = 'sid-0badcafe51'

/** Both secrets and every key that comes of them, as bytes may be written; what a session holds; and its id. */
const marks = [SECRET, OLD].flatMap((secret) => {
  const root = Buffer.from(hkdfSync('sha256', secret, NAME, 'sessionmesh root', 32))
  const keys = ['link', 'causal token'].map((purpose) =>
    Buffer.from(hkdfSync('sha256', root, '', `sessionmesh ${purpose}`, 32)),
  )
  return [secret, ...[root, ...keys].flatMap(spellings)]
})

function spellings(key: Buffer): string[] {
  const part = key.subarray(0, 12)
  return [
    part.toString('hex'),
    part.toString('base64'),
    part.toString('base64url'),
    [...part].join(','),
    [...part].join(', '),
    [...part].map((byte) => byte.toString(16).padStart(2, '0')).join(' '),
  ]
}

function found(text: string, more: readonly string[] = []): string[] {
  return [...marks, ...more].filter((mark) => text.includes(mark))
}

/** Two members, and all that they log. */
async function pair() {
  const lines: string[] = []
  const keep = (line: string) => void lines.push(inspect(line))
  const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep }
  const [one, two] = await freeAddresses(2)
  const options: ClusterOptions = {
    name: NAME,
    secret: [SECRET, OLD],
    logger,
    sessions: { indexBy: ['user'] },
  }
  const at = (port: number) => ({ host: '127.0.0.1', port })
  // (Of two dials that cross one is closed, and what was asked on it.)
  const a = await join({ ...options, memberName: 'a', listen: at(one!.port), peers: [] })
  const b = await join({ ...options, memberName: 'b', listen: at(two!.port), peers: [one!.address] })
  await linked([a, b])
  a.sessions.write(SID, { user: VALUE, cart: { nested: [VALUE] }, at: new Date() })
  await until('b has it', () => b.sessions.has(SID))
  return { a, b, lines }
}

test('what people look at shows neither keys nor what sessions hold', async () => {
  const { a, b, lines } = await pair()
  const registry = new Registry()
  metrics(a, { register: registry })
  const report = await a.diagnostics.report({ of: b.self.id })
  const session = await a.diagnostics.inspect(SID, { of: b.self.id })
  const whole = {
    depth: Number.POSITIVE_INFINITY,
    showHidden: true,
    getters: true,
    maxArrayLength: null,
  } as const
  const shown = {
    'util.inspect(cluster)': inspect(a, whole),
    'util.inspect(cluster.sessions)': inspect(a.sessions, whole),
    'JSON of a cluster': JSON.stringify(a),
    status: JSON.stringify(a.status()),
    members: JSON.stringify(a.members()),
    metrics: await registry.metrics(),
    'report of a peer': JSON.stringify(report),
    'report of a session': JSON.stringify(session),
    'what is logged': lines.join('\n'),
  }
  for (const [what, text] of Object.entries(shown)) expect(found(text, [VALUE]), what).toEqual([])
  // (These name sessions on purpose: who asks for one names it himself.)
  const { 'report of a session': _, 'report of a peer': __, ...others } = shown
  for (const [what, text] of Object.entries(others)) expect(found(text, [SID]), what).toEqual([])
})

test('nor do errors and warnings', async () => {
  const { a, b, lines } = await pair()
  const errors: unknown[] = []
  const failing = async (act: () => unknown) => {
    try {
      await act()
      throw new Error('it did not fail')
    } catch (error) {
      errors.push(error)
    }
  }
  await failing(() => joinCluster({ name: NAME, secret: [SECRET, 'short'] }))
  await failing(() => joinCluster({ name: NAME, secret: SECRET, port: 1 } as never))
  await failing(() =>
    joinCluster({ name: NAME, secret: SECRET, tls: { cert: VALUE, key: VALUE, ca: VALUE } }),
  )
  await failing(() => a.rekey({ secret: SECRET, tls: { cert: SECRET, key: SECRET, ca: SECRET } }))
  await failing(() => a.sessions.write(SID, { user: VALUE, fn: () => VALUE }))
  await failing(() => a.sessions.write(SID, { user: VALUE, deep: { constructor: VALUE } }))
  await failing(() => a.sessions.write(SID, { user: VALUE, big: VALUE.repeat(100_000) }))
  await failing(() => a.sessions.write(SID, { [`${'n'.repeat(1_000)}`]: VALUE }))
  await failing(() => a.sessions.findBy('no index', VALUE))
  await failing(() => a.sessions.findBy('user', { value: VALUE }))
  const { base } = a.sessions.load(SID)!
  a.sessions.destroy(SID)
  a.sessions.write(SID, { user: VALUE }, { base })
  a.on('session:created', () => {
    throw new Error('of the application')
  })
  a.sessions.write('another', { user: VALUE })
  // Somebody with other keys comes by.
  const stranger = await join({
    name: NAME,
    secret: OLD.split('').reverse().join(''),
    listen: { host: '127.0.0.1', port: 0 },
    peers: [a.self.address],
    joinTimeoutMs: 500,
  })
  await until('he is refused', () => lines.some((line) => line.includes('SECRET_MISMATCH')), {
    dump: () => lines,
  })
  const shown = [
    ...errors.map((error) => inspect(error, { depth: 9 })),
    ...lines,
    inspect(b),
    inspect(stranger),
  ]
  for (const text of shown) expect(found(text, [VALUE, SID]), text.slice(0, 300)).toEqual([])
  expect(errors.map((error) => (error as { code?: string }).code)).not.toContain(undefined)
})

test('and all of it works where no code may be made of texts', async () => {
  const cluster = await ProcessCluster.start({
    members: ['a', 'b'],
    nodeOptions: ['--disallow-code-generation-from-strings'],
  })
  const [a, b] = cluster.all()
  // (Of objects alike the usual codec makes code.)
  const data = { alike: Array.from({ length: 50 }, (_, i) => ({ at: new Date(i), name: `n${i}` })) }
  await a!.ask('write', 's', data, { acks: 'all' })
  expect(await b!.ask('load', 's')).toEqual(data)
})
