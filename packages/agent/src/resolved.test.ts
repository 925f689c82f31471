/** Host names in `peers`, which may lead elsewhere at any time: containers come back at other addresses. */

import type { LookupAddress, LookupOptions } from 'node:dns'
import { afterEach, expect, test, vi } from 'vitest'
import { joinCluster } from './cluster.js'
import { silent } from './log.js'
import type { Cluster } from './types.js'

type Done = (error: null, found: string | LookupAddress[], family: number) => void

const system = vi.hoisted(() => ({ asked: [] as string[], answer: '' }))

vi.mock('node:dns', async (importOriginal) => ({
  ...(await importOriginal<typeof import('node:dns')>()),
  lookup: (name: string, { all }: LookupOptions, done: Done) => {
    system.asked.push(name)
    const address = system.answer
    done(null, all ? [{ address, family: 4 }] : address, 4)
  },
}))

const joined: Cluster[] = []

afterEach(async () => {
  await Promise.all(joined.splice(0).map((cluster) => cluster.close()))
})

async function join(peers: string[]): Promise<Cluster> {
  const listen = { host: '127.0.0.1', port: 0 }
  const secret = 'for tests: 8KpX2vQz7RmW4tLd'
  const cluster = await joinCluster({ name: 'resolved', secret, listen, peers, logger: silent })
  joined.push(cluster)
  return cluster
}

test('are resolved anew at each attempt: who leads nowhere at first is linked when the name has moved', async () => {
  const a = await join([])
  const port = a.self.address.split(':').at(-1)
  // (This machine as well, where nobody listens on that port.)
  system.answer = '127.0.0.2'
  const b = await join([`member.test:${port}`])
  expect(b.members()).toEqual([b.self])
  const before = system.asked.length
  expect(before).toBeGreaterThan(0)
  system.answer = '127.0.0.1'
  const linked = () => expect(b.members().map(({ id }) => id)).toContain(a.self.id)
  await vi.waitFor(linked, { timeout: 15_000, interval: 10 })
  expect(new Set(system.asked)).toEqual(new Set(['member.test']))
  expect(system.asked.length).toBeGreaterThan(before)
})
