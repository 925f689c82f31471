/**
 * IPv6 link-local addresses. Whoever writes one names an interface of its own, as in `fe80::2%a0`, which means nothing to
 * others: what a member tells of where it sees another one has to be read with the interface of whoever is told.
 */

import { describe, expect, test } from 'vitest'
import { Lan } from '../support/lan.js'
import { leaveNothingBehind } from '../support/leaks.js'
import type { MemberProcess } from '../support/member-process.js'
import { until } from '../support/wait.js'
import { allSeeAll, areNoHosts, memberOn } from './members.js'

describe.skipIf(areNoHosts)('members at link-local addresses', () => {
  leaveNothingBehind()

  test('are told of each other by one whose interface has another name', async () => {
    const lan = new Lan()
    // Nothing else leads from one to the other, and nobody has an interface of another one's name.
    const hosts = ['a0', 'b0', 'c0'].map((device, i) => {
      const host = lan.host(i + 1, device)
      host.linkLocalOnly(`fe80::${i + 1}`)
      return host
    })
    const peers = [['[fe80::2%a0]:7373'], [], ['[fe80::2%c0]:7373']]
    const members = hosts.map((host, i) => memberOn(host, `m${i + 1}`, { peers: peers[i] }))
    await Promise.all(members.map((member) => member.start()))
    await allSeeAll(members)
    const [a, b, c] = members
    const seenAt = async (name: string, by: MemberProcess) =>
      (await by.ask('status')).members.find((each) => each.name === name)?.address
    await until(
      'a and c see each other by their own interfaces',
      async () => {
        const addresses = [await seenAt('m3', a!), await seenAt('m1', c!)]
        return addresses.join() === '[fe80::3%a0]:7373,[fe80::1%c0]:7373'
      },
      { dump: async () => [await seenAt('m3', a!), await seenAt('m1', c!)] },
    )
    // Until here b may have passed on everything.
    await b!.terminate()
    await a!.ask('write', 's', { user: 'ada' }, { acks: 'all' })
    expect(await c!.ask('load', 's')).toEqual({ user: 'ada' })
  })
})
