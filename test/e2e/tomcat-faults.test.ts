/** The rest of the Tomcat table: what it does when members are cut off, hang or die. Its own clusters. */

import { expect, test } from 'vitest'
import { Browser } from '../support/browser.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { until } from '../support/wait.js'

leaveNothingBehind()

test('partition, requests on both sides, heal: all agree, both sides are kept, the destroyed stay destroyed', async () => {
  const cluster = await ProcessCluster.start({ members: ['a', 'b', 'c'], http: true, wired: true })
  const [a, c] = [cluster.member('a'), cluster.member('c')]
  const users = Array.from({ length: 30 }, () => new Browser())
  const sids = await Promise.all(
    users.map(async (user, i) => (await user.post(a.url, `/login/user${i}`)).sid),
  )
  await cluster.fence()

  await cluster.wire.isolate('c')
  await a.event('member:dead', ({ name }) => name === 'c')
  await c.event('member:dead', ({ name }) => name === 'a')
  for (const [i, user] of users.entries()) {
    await user.post(a.url, `/set/left/${i}`)
    await user.post(c.url, `/set/right/${i}`)
  }
  const ended = users.slice(0, 10)
  for (const [i, user] of ended.entries()) await user.post(i % 2 === 0 ? a.url : c.url, '/destroy')

  await cluster.wire.healAll('c')
  await cluster.linked()
  await cluster.converged(cluster.all(), { sessions: 20 })
  for (const member of cluster.all()) {
    const held = await member.ask('snapshot')
    sids.forEach((sid, i) => {
      if (i < ended.length) expect(held[sid]).toBeUndefined()
      else expect(held[sid]).toMatchObject({ user: `user${i}`, left: String(i), right: String(i) })
    })
  }
})

test('a join with many sessions: the joiner serves from its first request', async () => {
  const cluster = await ProcessCluster.start({ members: ['a', 'b'], later: ['c'], http: true })
  const [a, c] = [cluster.member('a'), cluster.member('c')]
  const user = new Browser()
  await user.post(a.url, '/login/ann')
  await a.ask('writeMany', 's', 20_000, 1_000)
  await c.start()
  expect((await user.get(c.url, '/session')).data).toEqual({ user: 'ann' })
  expect(await c.ask('size')).toBe(20_001)
})

test.each(['hangs', 'is killed'] as const)(
  'a server %s: the others notice, and serve on meanwhile',
  async (how) => {
    const cluster = await ProcessCluster.start({ members: ['a', 'b', 'c'], http: true })
    const [a, b, c] = [cluster.member('a'), cluster.member('b'), cluster.member('c')]
    const users = Array.from({ length: 20 }, () => new Browser())
    await Promise.all(users.map((user, i) => user.post(c.url, `/login/user${i}`)))
    await Promise.all(users.map((user) => user.post(c.url, '/increment')))

    if (how === 'hangs') c.freeze()
    else await c.kill()
    let count = 1
    const hasNoticed = () => [a, b].every(({ events }) => events.some(({ name }) => name === 'member:dead'))
    await until(
      'both notice, while every request on them is right',
      async () => {
        count++
        for (const [i, user] of users.entries()) {
          const { data } = await user.post((i + count) % 2 === 0 ? a.url : b.url, '/increment')
          expect(data).toEqual({ user: `user${i}`, count })
        }
        return hasNoticed() && count > 5
      },
      { dump: () => cluster.dump([a, b]) },
    )
    expect(count).toBeGreaterThan(5)

    if (how === 'hangs') c.thaw()
    else await c.start()
    await cluster.linked()
    for (const [i, user] of users.entries()) {
      expect((await user.get(c.url, '/session')).data).toEqual({ user: `user${i}`, count })
    }
  },
)
