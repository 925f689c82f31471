/** Who is a member, who is not any more, and who answers for the sessions then. */

import { expect, test } from 'vitest'
import { leaveNothingBehind } from '../support/leaks.js'
import { collect, freeAddresses, join, joinAll, linked } from '../support/local-cluster.js'
import type { MemberProcess } from '../support/member-process.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { until } from '../support/wait.js'

leaveNothingBehind()

test('each pair of members settles on one link', async () => {
  const cluster = await ProcessCluster.start({ members: ['a', 'b', 'c'], wired: true })
  for (const [one, other] of [
    ['a', 'b'],
    ['a', 'c'],
    ['b', 'c'],
  ] as const) {
    await until(`${one} and ${other} have one link`, () => cluster.wire.connections(one, other) === 1, {
      dump: () => cluster.dump(),
    })
  }
})

test('a newcomer that names one member joins all, and the others need no new configuration', async () => {
  const [first, second, third] = await freeAddresses(3)
  const listenAt = (place: typeof first) => ({ host: '127.0.0.1', port: place!.port })
  const a = await join({ memberName: 'a', listen: listenAt(first) })
  const b = await join({ memberName: 'b', listen: listenAt(second), peers: [first!.address] })
  await linked([a, b])
  b.sessions.write('s', { n: 1 })
  const c = await join({ memberName: 'c', listen: listenAt(third), peers: [first!.address] })
  expect(c.sessions.load('s')?.data).toEqual({ n: 1 })
  await linked([a, b, c])

  // b was never told of c, nor c of b: with the one they both named gone, they go on together.
  await a.close()
  await linked([b, c])
  c.sessions.write('s', { n: 2 })
  await until('b has the write of c', () => b.sessions.load('s')?.data.n === 2)
})

test('who leaves is gone at once, by its own word, and with nothing lost', async () => {
  const cluster = await ProcessCluster.start({
    members: ['a', 'b', 'c'],
    // No verdict of theirs can be the reason.
    cluster: { config: { suspectAfterMs: 20_000, deadAfterMs: 30_000 } },
  })
  const [a, b, c] = members(cluster)
  await c.ask('writeMany', 's', 200, 100)
  // Not waited for: leaving hands over what was written.
  await c.terminate()

  for (const survivor of [a, b]) {
    await survivor.event('member:left', ({ name }) => name === 'c')
    const accusations = survivor.events.filter(
      ({ name }) => name === 'member:dead' || name === 'member:suspect',
    )
    expect(accusations).toEqual([])
  }
  await cluster.converged([a, b], { sessions: 200 })
  await expectTakeover([a, b], 'c', 200)
})

test('who leaves stays until a joiner that is being sent its sessions has them', async () => {
  // Tiny chunks, so that it takes far longer than acks are waited for.
  const config = { transferChunkRecords: 5, ackTimeoutMs: 20 }
  const [first, second] = await freeAddresses(2)
  const listenAt = (place: typeof first) => ({ host: '127.0.0.1', port: place!.port })
  const a = await join({ memberName: 'a', listen: listenAt(first), config })
  for (let i = 0; i < 3_000; i++) a.sessions.write(`s${i}`, { n: i })
  const linkedToB = new Promise<void>((resolve) => a.once('member:alive', () => resolve()))
  const joining = join({ memberName: 'b', listen: listenAt(second), peers: [first!.address] })
  await linkedToB
  await a.close()
  const b = await joining
  expect([b.sessions.size, b.sessions.load('s2999')?.data]).toEqual([3_000, { n: 2_999 }])
})

test('kill -9 is noticed, and each session of the dead gets exactly one new owner', async () => {
  const cluster = await ProcessCluster.start({ members: ['a', 'b', 'c'] })
  const [a, b, c] = members(cluster)
  await c.ask('writeMany', 'c', 200, 100)
  await a.ask('writeMany', 'a', 100, 100)
  await cluster.converged(cluster.all(), { sessions: 300 })
  expect(await b.ask('owner', 'c0')).toBe('c')

  await c.kill()
  await expectTakeover([a, b], 'c', 200)
  for (const survivor of [a, b]) {
    await survivor.event('member:dead', ({ name }) => name === 'c')
    expect(await survivor.ask('owner', 'a0')).toBe('a')
  }
  await a.ask('write', 'c0', { moved: true })
  await cluster.fence([a, b])
  expect(await b.ask('owner', 'c0'), 'the last writer answers').toBe('a')
})

test('a frozen member is dead to the others, and alive again when it is thawed', async () => {
  const cluster = await ProcessCluster.start({ members: ['a', 'b', 'c'] })
  const [a, b, c] = members(cluster)
  await c.ask('writeMany', 'c', 50, 100)
  await cluster.converged(cluster.all(), { sessions: 50 })
  c.freeze()
  await expectTakeover([a, b], 'c', 50)
  await a.ask('write', 'meanwhile', { n: 1 })
  const since = a.events.length
  c.thaw()
  await a.event('member:alive', ({ name }) => name === 'c', { since })
  await cluster.linked()
  await cluster.converged(cluster.all(), { sessions: 51 })
})

test('thawed in the very moment of its death, it is alive again everywhere, each time', async () => {
  const cluster = await ProcessCluster.start({
    members: ['a', 'b', 'c'],
    cluster: { config: { heartbeatMs: 100, suspectAfterMs: 250, deadAfterMs: 500 } },
  })
  const [a, b, c] = members(cluster)
  for (let round = 0; round < 6; round++) {
    const observer = round % 2 === 0 ? a : b
    const since = observer.events.length
    c.freeze()
    await observer.event('member:dead', ({ name }) => name === 'c', { since })
    c.thaw()
    await cluster.linked()
  }
  await cluster.fence()
})

test('a member whose own event loop stalls accuses nobody', async () => {
  const cluster = await ProcessCluster.start({
    members: ['a', 'b', 'c'],
    cluster: { config: { heartbeatMs: 100, suspectAfterMs: 1_200, deadAfterMs: 10_000 } },
  })
  const [a, b, c] = members(cluster)
  const since = a.events.length
  await a.ask('stall', 3_000)
  // Two rounds of proof that it hears the others again.
  await cluster.fence()
  await cluster.fence([a, b, c])
  const accused = a.events
    .slice(since)
    .filter(({ name }) => name === 'member:suspect' || name === 'member:dead')
  expect(accused).toEqual([])
})

test('close is idempotent, and what was written before it arrives', async () => {
  const [a, b] = await joinAll(2)
  const left = collect(b!, 'member:left')
  for (let i = 0; i < 500; i++) a!.sessions.write(`s${i}`, { i })
  await Promise.all([a!.close(), a!.close()])
  await a!.close()
  await until('b knows that a left', () => left.length === 1)
  expect(b!.sessions.size).toBe(500)
  expect(left.map(({ name }) => name)).toEqual(['a'])
})

/** Among them, the survivors take over each session of `dead` exactly once. */
async function expectTakeover(survivors: MemberProcess[], dead: string, sessions: number): Promise<void> {
  const taken: string[] = []
  for (const survivor of survivors) {
    const { detail } = await survivor.event('takeover', ({ member }) => member.name === dead)
    for (const sid of detail.sessions) {
      expect(await survivor.ask('owner', sid)).toBe(survivor.name)
      taken.push(sid)
    }
  }
  expect(taken.length, 'sessions taken over').toBe(sessions)
  expect(new Set(taken).size, 'sessions taken over by one only').toBe(sessions)
}

function members(cluster: ProcessCluster): [MemberProcess, MemberProcess, MemberProcess] {
  return [cluster.member('a'), cluster.member('b'), cluster.member('c')]
}
