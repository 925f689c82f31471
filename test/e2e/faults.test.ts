/** What full-mesh replication usually gets wrong, on real processes. Joins and membership have their own files. */

import { expect, test } from 'vitest'
import { Browser } from '../support/browser.js'
import { leaveNothingBehind } from '../support/leaks.js'
import type { MemberProcess } from '../support/member-process.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { until } from '../support/wait.js'

leaveNothingBehind()

test('the writer dies when only one of two peers has its last write: the other gets it from that peer', async () => {
  const cluster = await ProcessCluster.start({ members: ['a', 'b', 'c'], wired: true })
  const [a, b, c] = members(cluster)
  await a.ask('write', 'before', { n: 1 })
  await cluster.converged(cluster.all(), { sessions: 1 })

  cluster.wire.hold('a', 'c')
  const report = await a.ask('write', 'last', { n: 2 }, { acks: 'one' })
  expect(report.acked).toBe(1)
  expect(await b.ask('has', 'last')).toBe(true)
  expect(await c.ask('has', 'last')).toBe(false)
  await a.kill()
  // What the wire held dies with the writer.
  await cluster.wire.cut('a', 'c')

  await until('c has the last write', () => c.ask('has', 'last'), { dump: () => cluster.dump() })
  expect(await c.ask('load', 'last')).toEqual({ n: 2 })
  const { hash } = await cluster.converged([b, c], { sessions: 2 })
  expect(hash).toBe((await b.ask('fingerprint')).hash)
})

test('a partition heals with writes on both sides: nothing is lost, nothing destroyed comes back', async () => {
  const cluster = await ProcessCluster.start({ members: ['a', 'b', 'c'], wired: true })
  const [a, b, c] = members(cluster)
  await a.ask('write', 'shared', { base: 'base' })
  await a.ask('write', 'doomed', { n: 1 })
  await a.ask('write', 'same', { value: 'old' })
  await cluster.converged(cluster.all(), { sessions: 3 })

  await cluster.wire.isolate('c')
  await c.event('member:dead', ({ name }) => name === 'a')
  await c.event('member:dead', ({ name }) => name === 'b')
  await a.event('member:dead', ({ name }) => name === 'c')

  await a.ask('write', 'shared', { base: 'base', left: 1 })
  await c.ask('write', 'shared', { base: 'base', right: 2 })
  await a.ask('writeMany', 'left', 500, 100)
  await c.ask('writeMany', 'right', 500, 100)
  await a.ask('destroy', 'doomed')
  // The other side, which cannot know, goes on using it.
  expect((await c.ask('write', 'doomed', { n: 2, more: true })).outcome).toBe('changed')
  await a.ask('write', 'same', { value: 'first' })
  // Of two writes that knew nothing of each other and have one millisecond, neither is the later one.
  const firstBy = Date.now()
  await until('the clock moves on', () => Date.now() > firstBy)
  await c.ask('write', 'same', { value: 'second' })
  expect(await b.ask('has', 'right0')).toBe(false)

  await cluster.wire.healAll('c')
  await cluster.linked()
  await cluster.converged(cluster.all(), { sessions: 1_002 })
  for (const member of [a, b, c]) {
    expect(await member.ask('load', 'shared')).toEqual({ base: 'base', left: 1, right: 2 })
    expect(await member.ask('has', 'doomed')).toBe(false)
    expect(await member.ask('load', 'same')).toEqual({ value: 'second' })
  }
})

test('a peer that one member cannot reach but another can stays suspect, and its writes come through that other', async () => {
  const cluster = await ProcessCluster.start({
    members: ['a', 'b', 'c'],
    wired: true,
    // Only that nobody listens (the wire refuses) may count against it, no slowness of this machine.
    cluster: { config: { heartbeatMs: 100, suspectAfterMs: 8_000, deadAfterMs: 10_000 } },
  })
  const [a, , c] = members(cluster)
  await cluster.wire.cut('a', 'c')
  await c.event('member:suspect', ({ name }) => name === 'a')
  const cutAt = performance.now()

  for (let i = 0; i < 5 || performance.now() < cutAt + 1_500; i++) {
    await a.ask('write', `s${i}`, { i })
    await until(`c has write ${i} of a`, () => c.ask('has', `s${i}`), { dump: () => cluster.dump() })
  }
  expect(c.events.filter(({ name }) => name === 'member:dead')).toEqual([])

  // Nobody vouches for it any more: now it is dead.
  await cluster.wire.isolate('a')
  await c.event('member:dead', ({ name }) => name === 'a')
})

test('two requests on two members change different attributes of one session: both survive', async () => {
  const cluster = await ProcessCluster.start({ members: ['a', 'b', 'c'], http: true })
  const [a, b, c] = members(cluster)
  const user = new Browser()
  const { sid } = await user.post(c.url, '/login/ann')

  const left = user.post(a.url, '/set/cart/book?hold=left')
  const right = user.post(b.url, '/set/address/home?hold=right')
  await a.event('held')
  await b.event('held')
  await a.ask('release', 'left')
  await left
  await b.ask('release', 'right')
  await right

  await cluster.fence()
  for (const member of [a, b, c]) {
    expect((await user.get(member.url, '/session')).data).toEqual({
      user: 'ann',
      cart: 'book',
      address: 'home',
    })
    expect(await member.ask('load', sid)).toMatchObject({ user: 'ann', cart: 'book', address: 'home' })
  }
})

test('a request in flight saves after another destroyed the session: it stays destroyed', async () => {
  const cluster = await ProcessCluster.start({ members: ['a', 'b', 'c'], http: true })
  const [a, b, c] = members(cluster)
  const user = new Browser()
  const { sid } = await user.post(c.url, '/login/ann')

  const inFlight = user.post(b.url, '/set/cart/book?hold=late')
  await b.event('held')
  await user.post(a.url, '/destroy')
  await until('b knows of the end', async () => !(await b.ask('has', sid)), { dump: () => cluster.dump() })
  await b.ask('release', 'late')
  await inFlight

  await cluster.fence()
  for (const member of [a, b, c]) {
    expect(await member.ask('has', sid)).toBe(false)
    expect((await user.get(member.url, '/session')).data).toEqual({})
  }
})

test('the destroy and the late save cross on the way: it stays destroyed', async () => {
  const cluster = await ProcessCluster.start({ members: ['a', 'b', 'c'], http: true, wired: true })
  const [a, b, c] = members(cluster)
  const user = new Browser()
  const { sid } = await user.post(c.url, '/login/ann')
  await cluster.fence()

  // b does not hear of the destroy before it saves.
  cluster.wire.hold('a', 'b')
  const inFlight = user.post(b.url, '/set/cart/book?hold=late')
  await b.event('held')
  await user.post(a.url, '/destroy')
  expect(await b.ask('has', sid)).toBe(true)
  await b.ask('release', 'late')
  await inFlight
  expect(await b.ask('load', sid)).toMatchObject({ cart: 'book' })
  cluster.wire.release('a', 'b')

  await cluster.fence()
  for (const member of [a, b, c]) expect(await member.ask('has', sid)).toBe(false)
})

const smallBuffers = {
  maxLinkBufferBytes: 2 * 1024 * 1024,
  maxSessionBytes: 256 * 1024,
  maxBatchBytes: 256 * 1024,
}

test('a peer too slow for its buffer is cut, and repaired when it reads again', async () => {
  const cluster = await ProcessCluster.start({
    members: ['a', 'b', 'c'],
    // Only the buffer may cut it, not the failure detector.
    cluster: { config: { ...smallBuffers, deadAfterMs: 60_000 } },
  })
  const [a, b, c] = members(cluster)
  c.freeze()
  // More than the kernel takes for a process that does not read.
  await a.ask('writeMany', 'burst', 24_000, 1_000)
  const warning = await a.event('warning', ({ code }) => code === 'SESSIONMESH_LINK_TOO_SLOW')
  expect(warning.detail.message).toContain('maxLinkBufferBytes')
  await cluster.converged([a, b], { sessions: 24_000 })

  c.thaw()
  await cluster.linked()
  await cluster.converged(cluster.all(), { sessions: 24_000, deadlineMs: 25_000 })
})

test('a member frozen while others write: no write waits for it longer than the ack deadline', async () => {
  const ackTimeoutMs = 700
  const cluster = await ProcessCluster.start({
    members: ['a', 'b', 'c'],
    http: true,
    cluster: { config: { ackTimeoutMs } },
  })
  const [a, b, c] = members(cluster)
  const user = new Browser()
  await user.post(a.url, '/login/ann')
  c.freeze()

  expect((await a.ask('write', 'none', { n: 1 }, { acks: 'none' })).acked).toBe(0)
  expect((await a.ask('write', 'one', { n: 1 }, { acks: 'one' })).acked).toBe(1)
  const all = await a.ask('write', 'all', { n: 1 }, { acks: 'all' })
  expect(all.acked).toBe('SESSIONMESH_ACK_TIMEOUT')
  expect(all.waitedMs).toBeLessThan(ackTimeoutMs + 1_000)
  for (let i = 1; i <= 100; i++) {
    const { data } = await user.post(i % 2 === 0 ? a.url : b.url, '/increment')
    expect(data.count).toBe(i)
  }
  expect(await b.ask('has', 'all'), 'a write whose acks are missing is made all the same').toBe(true)

  await a.event('member:dead', ({ name }) => name === 'c')
  await b.event('member:dead', ({ name }) => name === 'c')
  expect((await a.ask('write', 'all', { n: 2 }, { acks: 'all' })).acked).toBe(1)

  const thawed = c.events.length
  c.thaw()
  await cluster.linked()
  await cluster.converged()
  expect(await c.ask('load', 'all')).toEqual({ n: 2 })
  const accused = c.events.slice(thawed).filter(({ name }) => name === 'member:dead')
  expect(accused, 'who was stalled accuses nobody').toEqual([])
})

function members(cluster: ProcessCluster): [MemberProcess, MemberProcess, MemberProcess] {
  return [cluster.member('a'), cluster.member('b'), cluster.member('c')]
}
