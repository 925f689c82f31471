/** A member that joins serves nothing before it has everything, whatever happens to its source meanwhile. */

import { expect, test } from 'vitest'
import { leaveNothingBehind } from '../support/leaks.js'
import { freeAddresses, join, warningsInto } from '../support/local-cluster.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { until, within } from '../support/wait.js'

leaveNothingBehind()

test('joinCluster resolves with the whole state: 20,000 sessions', async () => {
  const cluster = await ProcessCluster.start({ members: ['a', 'b'], later: ['c'] })
  const [a, c] = [cluster.member('a'), cluster.member('c')]
  await a.ask('writeMany', 's', 20_000, 1_000)
  await cluster.converged(cluster.running(), { sessions: 20_000 })

  const { sessionsAtJoin } = await c.start()
  expect(sessionsAtJoin).toBe(20_000)
  expect(await c.ask('fingerprint')).toEqual(await a.ask('fingerprint'))
})

test('the source dies in mid-transfer: the joiner gets everything from another, and not half of it twice', async () => {
  const cluster = await ProcessCluster.start({ members: ['a', 'b'], later: ['c'], wired: true })
  const c = cluster.member('c')
  await cluster.member('a').ask('writeMany', 's', 10_000, 1_000)
  const before = await cluster.converged(cluster.running(), { sessions: 10_000 })

  // Enough for hello, heartbeats and a part of the state, far from all of it.
  const part = 2_000_000
  for (const source of ['a', 'b']) cluster.wire.holdAfter(source, 'c', part)
  const joining = c.start()
  const source = await until(
    'a transfer is under way',
    () => ['a', 'b'].find((name) => cluster.wire.isHeld(name, 'c')),
    { dump: () => cluster.dump(cluster.running().filter((member) => member !== c)) },
  )
  const other = source === 'a' ? 'b' : 'a'
  cluster.wire.release(other, 'c')
  await cluster.member(source).kill()
  await cluster.wire.cut(source, 'c')

  const { sessionsAtJoin } = await joining
  expect(sessionsAtJoin).toBe(10_000)
  expect(await c.ask('fingerprint')).toEqual(before)
})

test('a burst of 10,000 sessions is written while a member joins: it misses none', async () => {
  const cluster = await ProcessCluster.start({ members: ['a', 'b'], later: ['c'] })
  const [a, b, c] = [cluster.member('a'), cluster.member('b'), cluster.member('c')]
  await a.ask('writeMany', 'before', 5_000, 500)

  const joining = c.start()
  const bursts = [a.ask('writeMany', 'left', 5_000, 500), b.ask('writeMany', 'right', 5_000, 500)]
  await Promise.all([joining, ...bursts])
  await cluster.linked()
  await cluster.converged(cluster.all(), { sessions: 15_000 })
})

test('a member that is killed comes back at its address at once, with everything', async () => {
  const cluster = await ProcessCluster.start({ members: ['a', 'b', 'c'] })
  const [a, b, c] = [cluster.member('a'), cluster.member('b'), cluster.member('c')]
  await b.ask('writeMany', 'own', 1_000, 100)
  await a.ask('writeMany', 'other', 1_000, 100)
  const before = await cluster.converged(cluster.all(), { sessions: 2_000 })
  const old = (await b.ask('status')).self

  await b.kill()
  const { sessionsAtJoin } = await b.start()
  expect(sessionsAtJoin).toBe(2_000)
  expect(await b.ask('fingerprint')).toEqual(before)
  const self = (await b.ask('status')).self
  expect(self.address).toBe(old.address)
  expect(self.id).not.toBe(old.id)
  await cluster.linked()

  await b.ask('write', 'own1', { second: 'life' })
  await a.ask('write', 'other1', { seen: true })
  await cluster.fence()
  expect(await c.ask('load', 'own1')).toEqual({ second: 'life' })
  expect(await b.ask('load', 'other1')).toEqual({ seen: true })
})

test('alone, with peers that refuse, it is ready at once', async () => {
  const [own, ...others] = await freeAddresses(3)
  // Far below what the deadline for silent peers would take.
  const cluster = await within(
    'joining alone',
    10_000,
    join({
      listen: { host: '127.0.0.1', port: own!.port },
      peers: others.map(({ address }) => address),
      joinTimeoutMs: 60_000,
    }),
  )
  expect(cluster.status()).toMatchObject({ ready: true, sessions: 0 })
  expect(cluster.members().filter(({ state }) => state === 'alive')).toEqual([cluster.self])
  expect(cluster.sessions.write('s', { n: 1 }).outcome).toBe('created')
})

test('a peer that neither answers nor refuses delays the join no longer than joinTimeoutMs, and is named', async () => {
  const cluster = await ProcessCluster.start({ members: ['frozen'] })
  const frozen = cluster.member('frozen')
  await frozen.ask('write', 's', { n: 1 })
  const { address } = (await frozen.ask('status')).self
  frozen.freeze()

  const lines: string[] = []
  const options = { listen: { port: 0 }, peers: [address], joinTimeoutMs: 1_000, logger: warningsInto(lines) }
  const joiner = await within('a join with joinTimeoutMs of 1 s', 10_000, join(options))
  expect(joiner.sessions.size).toBe(0)
  expect(lines.filter((line) => line.includes(address) && line.includes('joinTimeoutMs'))).toHaveLength(1)

  frozen.thaw()
  await until('what it holds arrives after all', () => joiner.sessions.has('s'), {
    dump: () => joiner.status(),
  })
})
