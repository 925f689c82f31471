/** What an app sees of its sessions on another member than the one that wrote them: values, events, lifetime. */

import type { Cluster, SessionEvent } from 'sessionmesh'
import { expect, test } from 'vitest'
import { leaveNothingBehind } from '../support/leaks.js'
import { collect, joinAll } from '../support/local-cluster.js'
import { until } from '../support/wait.js'

leaveNothingBehind()

test('whatever structured clone keeps arrives as it was', async () => {
  const [a, b] = await pair()
  const cycle: Record<string, unknown> = { name: 'cycle' }
  cycle.self = cycle
  const data = {
    date: new Date('2024-02-29T12:00:00.123Z'),
    buffer: Buffer.from([0, 1, 254, 255]),
    bytes: new Uint8Array([7, 8, 9]),
    floats: new Float64Array([0.1, Number.NaN, Number.NEGATIVE_INFINITY]),
    map: new Map<unknown, unknown>([
      [1, 'one'],
      ['two', new Set([2n, 'b'])],
    ]),
    bigint: 2n ** 70n,
    nothing: undefined,
    nil: null,
    nested: { list: [1, [2, { deep: new Date(0) }]], empty: {} },
    text: 'żółć 🦊 \u0000',
    cycle,
  }
  a.sessions.write('s', data)
  await until('b has it', () => b.sessions.has('s'))
  const there = b.sessions.load('s')!.data
  expect(there).toEqual(data)
  expect(Object.keys(there)).toContain('nothing')
  const back = there.cycle
  expect(back).toBeTypeOf('object')
  expect((back as typeof cycle).self).toBe(back)
})

test('what a load gives is a copy: to change it changes nothing', async () => {
  const [a] = await pair()
  a.sessions.write('s', { cart: { items: ['book'] } })
  const mine = a.sessions.load('s')!.data.cart as { items: string[] }
  mine.items.push('stolen')
  expect(a.sessions.load('s')!.data).toEqual({ cart: { items: ['book'] } })
})

test('a write says what changed, removes what is missing, and is a touch when nothing differs', async () => {
  const [a, b] = await pair()
  a.sessions.write('s', { kept: 1, changed: 1, removed: 1 })
  await until('b has it', () => b.sessions.has('s'))
  const { base } = b.sessions.load('s')!
  const result = b.sessions.write('s', { kept: 1, changed: 2, added: 1 }, { base })
  expect(result.outcome).toBe('changed')
  expect([...result.changed].sort()).toEqual(['added', 'changed', 'removed'])
  await until('a has the change', () => a.sessions.load('s')?.data.changed === 2)
  expect(a.sessions.load('s')!.data).toEqual({ kept: 1, changed: 2, added: 1 })
  const again = b.sessions.write('s', { kept: 1, changed: 2, added: 1 }, { base: result.base })
  expect(again).toMatchObject({ outcome: 'unchanged', changed: [] })
})

test('each member hears of each change once, and one of them is the owner', async () => {
  const members = await joinAll(3)
  const [a, b] = members as [Cluster, Cluster, Cluster]
  const heard = members.map((member) => ({
    created: collect(member, 'session:created'),
    changed: collect(member, 'session:changed'),
    destroyed: collect(member, 'session:destroyed'),
  }))
  const { base } = a.sessions.write('s', { n: 1 })
  a.sessions.write('s', { n: 2, m: 1 }, { base })
  await until('b has the change', () => b.sessions.load('s')?.data.n === 2)
  b.sessions.destroy('s')
  await until('all heard of the end', () => heard.every(({ destroyed }) => destroyed.length > 0))

  for (const [kind, origin] of [
    ['created', 0],
    ['changed', 0],
    ['destroyed', 1],
  ] as const) {
    const events: SessionEvent[][] = heard.map((each) => each[kind])
    expect(events.map((each) => each.map(({ sid }) => sid))).toEqual([['s'], ['s'], ['s']])
    expect(events.map((each) => each[0]!.local)).toEqual([0, 1, 2].map((i) => i === origin))
    expect(events.filter((each) => each[0]!.owned)).toHaveLength(1)
  }
  expect(heard[2]!.created[0]!.changed).toEqual(['n'])
  expect([...heard[2]!.changed[0]!.changed].sort()).toEqual(['m', 'n'])
})

test('an idle session expires everywhere, and its owner says so', async () => {
  const members = await joinAll(3, { config: { sweepMs: 50, maxTouchIntervalMs: 50 } })
  const [a, b] = members as [Cluster, Cluster, Cluster]
  const expired = members.map((member) => collect(member, 'session:expired'))
  a.sessions.write('short', { n: 1 }, { ttlMs: 300 })
  a.sessions.write('long', { n: 1 })
  await until('all have both', () => members.every(({ sessions }) => sessions.size === 2))
  // Used on another member than its writer, it lives on.
  const start = performance.now()
  await until('it was kept alive beyond its ttl', () => {
    expect(b.sessions.touch('short')).toBe(true)
    return performance.now() - start > 900
  })
  expect(a.sessions.has('short')).toBe(true)

  await until('it is gone everywhere', () => members.every(({ sessions }) => !sessions.has('short')))
  await until('its owner says so', () => expired.flat().length > 0)
  expect(expired.flat()).toEqual([{ sid: 'short', changed: [], owned: true, local: false }])
  for (const { sessions } of members) expect([...sessions.keys()]).toEqual(['long'])
})

async function pair(): Promise<[Cluster, Cluster]> {
  const [a, b] = await joinAll(2)
  return [a!, b!]
}
