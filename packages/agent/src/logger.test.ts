/** What a cluster's life looks like in the log of an application, here by pino. */

import { setImmediate as turn } from 'node:timers/promises'
import { inspect } from 'node:util'
import { type Level, pino } from 'pino'
import { afterEach, expect, test, vi } from 'vitest'
import { joinCluster } from './cluster.js'
import type { Cluster, ClusterOptions } from './types.js'

const joined: Cluster[] = []
/** Whatever this machine is busy with, nobody is suspect. */
const patient = { suspectAfterMs: 30_000, deadAfterMs: 60_000 }

afterEach(async () => {
  await Promise.all(joined.splice(0).map((cluster) => cluster.close()))
})

async function join(memberName: string, options: ClusterOptions): Promise<Cluster> {
  const listen = { host: '127.0.0.1', port: 0 }
  const cluster = await joinCluster({ name: 'shop', memberName, listen, peers: [], ...options })
  joined.push(cluster)
  await turn()
  return cluster
}

/** A logger of an application, and what it wrote by level. */
function log(level: Level = 'debug') {
  const lines: { level: number; msg: string }[] = []
  const logger = pino({ level }, { write: (line: string) => lines.push(JSON.parse(line)) })
  const at = (name: Level) =>
    lines.filter((line) => line.level === pino.levels.values[name]).map(({ msg }) => msg)
  return { logger, lines, at }
}

function until(what: string, condition: () => boolean, dump: () => unknown): Promise<void> {
  const isSo = () => expect(condition(), `${what}: ${JSON.stringify(dump())}`).toBe(true)
  return vi.waitFor(isSo, { timeout: 10_000, interval: 5 })
}

test('transitions are information, repairs are for debugging', async () => {
  const { logger, lines, at } = log()
  const has = (level: Level, line: RegExp) =>
    until(
      `${level} has ${line}`,
      () => at(level).some((each) => line.test(each)),
      () => lines,
    )
  const a = await join('a', { logger, config: patient })
  const b = await join('b', { peers: [a.self.address], config: patient })
  await has('info', /^b at .* is alive$/)
  await has('debug', /^Transfer from b: 0 records$/)
  b.sessions.write('ada', { user: 'ada' })
  await until(
    'a has it',
    () => a.sessions.has('ada'),
    () => lines,
  )
  await b.close()
  await has('info', /^1 sessions of b are taken over$/)
  a.drain()
  await a.close()

  expect(at('info')).toEqual([
    'a has joined cluster shop with 0 sessions',
    `b at ${b.self.address} is alive`,
    `b at ${b.self.address} is left`,
    '1 sessions of b are taken over',
    'a is draining: it serves what still comes, and tells that it is not ready',
    'a has left cluster shop',
  ])
  expect(at('debug')).toEqual(['Asks b for all that is lacking here', 'Transfer from b: 0 records'])
  expect(at('error')).toEqual([])
})

test('a repair says what was amiss', async () => {
  const { logger, lines, at } = log()
  const config = { heartbeatMs: 50, suspectAfterMs: 200, deadAfterMs: 5_000 }
  const a = await join('a', { logger, config })
  await join('b', { peers: [a.self.address], config })
  await until(
    'the first transfer is over',
    () => at('debug').some((line) => /^Transfer/.test(line)),
    () => lines,
  )
  standStill(600)
  await until(
    'a asks again',
    () => at('debug').some((line) => /^Asks b .*\(.*stalls: \d+.*\)$/.test(line)),
    () => lines,
  )
})

test('problems are warnings, by their code; the fault of a listener is an error', async () => {
  const { logger, lines, at } = log()
  const consoleWarn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  const a = await join('a', { logger, peers: ['127.0.0.1:1'] })
  const { base } = a.sessions.write('ada', { user: 'ada' })
  const told: unknown[] = []
  a.on('session:destroyed', () => {
    throw new Error('a fault of the application')
  })
  a.on('session:destroyed', async () => {
    throw new Error('a fault that came later')
  })
  a.once('session:destroyed', ({ sid }) => told.push(sid))
  a.on('session:destroyed', ({ sid }) => told.push(sid))
  a.sessions.destroy('ada')
  a.sessions.destroy('eve')
  // (None keeps the next one from being told.)
  expect(told).toEqual(['ada', 'ada'])
  a.sessions.write('ada', { user: 'eve' }, { base })
  await until(
    'the dropped write is told',
    () => at('warn').some((line) => /WRITE_DROPPED/.test(line)),
    () => lines,
  )
  expect(at('warn')).toEqual([
    expect.stringMatching(/^No secret: 127\.0\.0\.1 is open to every process of this machine$/),
    expect.stringMatching(/^SESSIONMESH_ALONE: .*127\.0\.0\.1:1 refused/),
    expect.stringMatching(/^SESSIONMESH_WRITE_DROPPED: /),
  ])
  expect(at('error')).toEqual([
    expect.stringMatching(/^A listener of "session:destroyed" failed: Error: a fault of the application\n/),
    expect.stringMatching(/^A listener of "session:destroyed" failed: Error: a fault that came later\n/),
  ])
  // Who has a log looks there.
  expect(consoleWarn).not.toHaveBeenCalled()
  consoleWarn.mockRestore()
})

test('a listener may throw or reject with anything', async () => {
  const { logger, lines, at } = log('error')
  const a = await join('a', { logger })
  const untellable = {
    toString() {
      throw new Error('no text')
    },
    [inspect.custom]() {
      throw new Error('nor any other')
    },
  }
  const thrown = [Object.create(null), untellable, { password: 'secret' }, 'a text', undefined]
  a.on('draining', () => Promise.reject(untellable))
  // (As promises of libraries are: no native ones.)
  // biome-ignore lint/suspicious/noThenProperty: that is what it is
  a.on('draining', () => ({ then: (_: unknown, reject: (error: unknown) => void) => reject('later') }))
  for (const each of thrown)
    a.on('draining', () => {
      throw each
    })
  a.drain()
  await until(
    'all are told',
    () => lines.length === thrown.length + 2,
    () => lines,
  )
  const faults = at('error').map((line) => line.replace('A listener of "draining" failed: ', ''))
  const untold = 'something that cannot be shown was thrown'
  expect(faults.slice(0, 5)).toEqual([
    '[Object: null prototype] {}',
    untold,
    '[Object]',
    'a text',
    'undefined',
  ])
  expect(faults.slice(5).sort()).toEqual(['later', untold])
})

test("what is written is for the logger's own level to say", async () => {
  const { logger, lines } = log('warn')
  const a = await join('a', {
    logger: logger.child({ part: 'sessions' }),
    secret: 'for tests only: 8KpX2vQz7RmW4tLd',
  })
  await a.close()
  expect(lines).toEqual([])
})

function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
