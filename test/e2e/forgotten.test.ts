/** A server that was cut off for longer than the others remember, and comes back. */

import { expect, test } from 'vitest'
import { Browser } from '../support/browser.js'
import { leaveNothingBehind } from '../support/leaks.js'
import type { MemberProcess } from '../support/member-process.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { until } from '../support/wait.js'

leaveNothingBehind()

const config = {
  heartbeatMs: 100,
  suspectAfterMs: 500,
  deadAfterMs: 1_500,
  forgetDeadAfterMs: 2_500,
  tombstoneGraceMs: 100,
}

const knows = async (member: MemberProcess, id: string) =>
  (await member.ask('status')).members.some((other) => other.id === id)

test.each(['cut off', 'stopped'])('a member that was %s for that long goes on as a new one', async (how) => {
  const cluster = await ProcessCluster.start({
    members: ['a', 'b', 'c'],
    http: true,
    wired: true,
    cluster: { config },
  })
  const [a, b, c] = ['a', 'b', 'c'].map((name) => cluster.member(name)) as [
    MemberProcess,
    MemberProcess,
    MemberProcess,
  ]
  const [user, other] = [new Browser(), new Browser()]
  await user.post(c.url, '/login/ann')
  const { sid } = await other.post(a.url, '/login/bob')
  await cluster.converged(cluster.all(), { sessions: 2 })
  const former = (await c.ask('status')).self.id

  if (how === 'cut off') await cluster.wire.isolate('c')
  else c.freeze()
  for (const member of [a, b]) {
    await member.event('member:dead', ({ name }) => name === 'c')
    await until(`${member.name} has forgotten c`, async () => !(await knows(member, former)), {
      dump: () => cluster.dump([a, b]),
    })
  }
  await other.post(b.url, '/destroy')
  await user.post(b.url, '/set/cart/book')
  for (const member of [a, b]) {
    await until(
      `nothing at ${member.name} tells of the end`,
      async () => (await member.ask('status')).tombstones === 0,
    )
  }
  if (how === 'cut off') {
    expect(await c.ask('has', sid)).toBe(true)
    await c.ask('write', 'alone', { n: 1 })
    await cluster.wire.healAll('c')
  } else {
    c.thaw()
  }

  await until('c has another id', async () => (await c.ask('status')).self.id !== former, {
    dump: () => cluster.dump(),
  })
  // It may be asked at once.
  expect((await user.get(c.url, '/session')).data).toEqual({ user: 'ann', cart: 'book' })
  await user.post(c.url, '/set/paid/yes')
  expect((await user.get(a.url, '/session')).data).toEqual({ user: 'ann', cart: 'book', paid: 'yes' })
  await cluster.linked()
  await cluster.converged(cluster.all(), { sessions: 1 })
  await cluster.fence()
  expect(await b.ask('has', sid)).toBe(false)
  const warned = c.events
    .filter(({ name }) => name === 'warning')
    .map(({ detail }) => 'code' in detail && detail.code)
  expect(warned).toContain('SESSIONMESH_FORGOTTEN_MEMBER')
})
