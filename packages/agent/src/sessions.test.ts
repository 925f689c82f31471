/** What a member makes of the token that a client brings. (The sessions themselves are tested through the adapters.) */

import { expect, onTestFinished, test, vi } from 'vitest'
import { joinCluster } from './cluster.js'
import type { Cluster } from './types.js'

async function join(memberName: string, peers: string[]): Promise<Cluster> {
  const listen = { host: '127.0.0.1', port: 0 }
  const cluster = await joinCluster({ name: 'shop', memberName, listen, peers })
  onTestFinished(() => cluster.close())
  return cluster
}

test('a forged token makes nobody wait: of what is merged here it is as good as a right one, of all else as good as none', async () => {
  const a = await join('a', [])
  const b = await join('b', [a.self.address])
  await vi.waitFor(() => expect(a.members().filter(({ state }) => state === 'alive')).toHaveLength(2), 10_000)
  a.sessions.write('s', { n: 1 })
  // (That b has it b tells later.)
  const token = a.sessions.token('s', undefined)!
  const [signature, made, time, counter, origin] = token.split('.')
  expect(origin).toBe(a.self.id)
  const forged = (ms: number) =>
    `${'A'.repeat(signature!.length)}.${made}.${Number(time) + ms}.${counter}.${origin}`
  // (Without what depends on the second in which it is made.)
  const named = (made: string | undefined) => made?.split('.').slice(2)
  const taken = (member: Cluster, brought: string) => [
    member.sessions.catchUp('s', brought),
    named(member.sessions.token('other', brought)),
  ]
  expect(taken(a, forged(0))).toEqual([undefined, named(token)])
  expect(taken(a, forged(1))).toEqual([undefined, undefined])
  expect(taken(b, forged(0))).toEqual([undefined, undefined])
  // The right one is waited for where the write is still on its way.
  await b.sessions.catchUp('s', token)
  expect(b.sessions.load('s')?.data).toEqual({ n: 1 })
})
