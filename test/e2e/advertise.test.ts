/** A member that is reached through something else than it listens on: a port mapping, a proxy. */

import { expect, test } from 'vitest'
import { onCleanUp } from '../support/cleanup.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { freeAddresses, join, linked } from '../support/local-cluster.js'
import { TcpProxy } from '../support/tcp-proxy.js'
import { until } from '../support/wait.js'

leaveNothingBehind()

test('who advertises a proxy is linked through it, also by those that learn of it from others alone', async () => {
  const [behind, front, nowhere] = await freeAddresses(3)
  const proxy = new TcpProxy(front!.port, behind!.port)
  onCleanUp(() => proxy.cut())
  await proxy.open()
  const listen = { host: '127.0.0.1', port: 0 }
  const a = await join({
    memberName: 'a',
    listen: { host: '127.0.0.1', port: behind!.port },
    advertise: front!.address,
  })
  const b = await join({ memberName: 'b', listen, peers: [front!.address] })
  // Nobody can dial it: that c and a are linked is the work of c.
  const c = await join({ memberName: 'c', listen, peers: [b.self.address], advertise: nowhere!.address })
  await linked([a, b, c])
  expect(proxy.connections).toBe(2)
  for (const member of [a, b, c]) {
    expect(member.members().find(({ name }) => name === 'a')?.address).toBe(front!.address)
  }
  a.sessions.write('s', { user: 'ada' })
  await until('both have it', () => [b, c].every(({ sessions }) => sessions.load('s')?.data.user === 'ada'))
})
