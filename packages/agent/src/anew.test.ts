/** A member that the others have forgotten goes on as another run, and what the former one was asked is answered. */

import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { joinCluster } from './cluster.js'
import type { Runner } from './runner.js'
import type { Cluster, ClusterOptions } from './types.js'

const joined: Cluster[] = []
/** Only a link that is closed may tell of an end. */
const patient = { suspectAfterMs: 30_000, deadAfterMs: 60_000 }

afterEach(async () => {
  await Promise.all(joined.splice(0).map((cluster) => cluster.close()))
})

async function join(memberName: string, options: ClusterOptions = {}): Promise<Cluster> {
  const listen = { host: '127.0.0.1', port: 0 }
  const cluster = await joinCluster({ name: 'shop', memberName, listen, peers: [], ...options })
  joined.push(cluster)
  // It tells a turn later whether it is alone.
  await turn()
  return cluster
}

/** a and b, of which b alone dials. */
async function pair() {
  const a = await join('a', { config: patient })
  const b = await join('b', { peers: [a.self.address], config: patient })
  await until('a sees b', () => stateAt(a, b.self.id) === 'alive')
  return { a, b, former: b.self.id }
}

function stateAt(cluster: Cluster, id: string): string | undefined {
  return cluster.members().find((member) => member.id === id)?.state
}

function until(what: string, condition: () => boolean): Promise<void> {
  return vi.waitFor(() => expect(condition(), what).toBe(true), { timeout: 10_000, interval: 5 })
}

function runnerOf(cluster: Cluster): Runner {
  return (cluster as unknown as { runner: Runner }).runner
}

/** The origins of the writes that the one knows the other to have. */
function toldOrigins(cluster: Cluster, other: Cluster): string[] {
  const peer = runnerOf(cluster)
    .replica.peers()
    .find(({ id }) => id === other.self.id)
  return peer?.digest.entries().map(({ origin }) => origin) ?? []
}

/** As if the others had said so, which takes them `forgetDeadAfterMs`. */
function beForgotten(cluster: Cluster): void {
  const late = { type: 'warning', code: 'SESSIONMESH_STALE_READ', message: 'of the former run' } as const
  runnerOf(cluster).run([
    { type: 'forgotten', addresses: [], sought: [] },
    { type: 'notify', event: late },
  ])
}

test('it has another id, the sessions of the cluster, and is written and read as before', async () => {
  const { a, b, former } = await pair()
  b.sessions.write('s', { n: 1 })
  await until('a has it', () => a.sessions.has('s'))
  const warnings: string[] = []
  b.on('warning', ({ code }) => warnings.push(code))
  beForgotten(b)
  expect(b.self.id).not.toBe(former)
  expect(b.self).toMatchObject({ name: 'b', state: 'alive' })
  expect([b.status().ready, b.sessions.has('s')]).toEqual([false, false])
  await b.sessions.catchUp('s', undefined)
  expect([b.status().ready, b.sessions.load('s')?.data, warnings]).toEqual([true, { n: 1 }, []])
  expect(Object.keys(b.status().digest)).toEqual([former])
  await until('a knows what it has', () => toldOrigins(a, b).length > 0)
  expect(toldOrigins(a, b)).toEqual([former])
  b.sessions.write('new', { n: 2 })
  await until('a sees the one and not the other', () => {
    return stateAt(a, b.self.id) === 'alive' && stateAt(a, former) === 'left'
  })
  await until('a has what b wrote', () => a.sessions.has('new'))
  expect(a.sessions.owner('new')).toMatchObject({ id: b.self.id, name: 'b' })
  expect(b.sessions.owner('new')).toEqual(b.self)
  expect(a.status().digest).toEqual(b.status().digest)
})

test('what it writes during a first transfer that breaks off is not lost', async () => {
  const { a, b } = await pair()
  a.sessions.write('s', { n: 1 })
  await until('b has it', () => b.sessions.has('s'))
  beForgotten(b)
  b.once('sync:start', () => {
    b.sessions.write('meanwhile', { n: 2 })
    const link = runnerOf(b)
      .replica.peers()
      .find(({ id }) => id === a.self.id)?.link
    expect(link).toBeDefined()
    runnerOf(b).run([{ type: 'drop', link: link as number, reason: 'broken' }])
  })
  await b.sessions.catchUp('s', undefined)
  expect([...b.sessions.keys()].sort()).toEqual(['meanwhile', 's'])
  await until('a has it too', () => a.sessions.has('meanwhile'))
  expect(b.status().counters.transfersAbandoned).toBe(1)
})

test('acks that were waited for are not there, and reads and writes that waited go on', async () => {
  const { a, b } = await pair()
  const { acked } = b.sessions.write('s', { n: 1 }, { acks: 'one' })
  const flushed = b.sessions.flushed()
  beForgotten(b)
  await expect(acked).rejects.toMatchObject({ code: 'SESSIONMESH_FORGOTTEN_MEMBER' })
  const reads = [b.sessions.catchUp('s', undefined), b.sessions.catchUp('s', undefined)]
  expect(reads).not.toContain(undefined)
  // A second time, before the first is over.
  beForgotten(b)
  await Promise.all(reads)
  await expect(flushed).rejects.toMatchObject({ code: 'SESSIONMESH_FORGOTTEN_MEMBER' })
  const again = b.sessions.write('s', { n: 2 }, { acks: 'one' })
  expect(await again.acked).toBe(1)
  expect(a.sessions.load('s')?.data).toEqual({ n: 2 })
})

test('a read that waited when it was forgotten is served by the run that comes after', async () => {
  const { a, b } = await pair()
  a.sessions.write('s', { n: 1 })
  await a.sessions.flushed()
  beForgotten(b)
  const read = b.sessions.catchUp('s', undefined)?.then(() => b.sessions.load('s')?.data)
  beForgotten(b)
  expect(await read).toEqual({ n: 1 })
})

test('its counters go on', async () => {
  const { b } = await pair()
  b.sessions.write('s', { n: 1 })
  b.sessions.write('s', { n: 2 })
  const before = b.status().counters
  for (let i = 0; i < 2; i++) {
    beForgotten(b)
    await b.sessions.catchUp('s', undefined)
  }
  b.sessions.write('s', { n: 3 })
  expect(b.status().counters.writes).toBe(before.writes + 1)
  for (const [name, count] of Object.entries(b.status().counters))
    expect(count, name).toBeGreaterThanOrEqual(before[name as keyof typeof before])
})

test('what a former run was dialling is given up: who makes it begin anew again and again costs it no sockets', async () => {
  let [open, most, all] = [0, 0, 0]
  const silent = createServer((socket) => {
    all++
    most = Math.max(most, ++open)
    // (Who does not read does not see the end.)
    socket.resume().on('error', () => {})
    socket.on('close', () => open--)
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void silent.close())
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const b = await join('b', { peers: [`127.0.0.1:${port}`], joinTimeoutMs: 50 })
  for (let i = 0; i < 20; i++) {
    const before = all
    beForgotten(b)
    await until('the new run dials', () => all > before)
  }
  expect(most).toBeLessThan(10)
})
