/** Hosts with addresses and multicast of their own, and members that are told nothing but a secret. */

import { describe, expect, test } from 'vitest'
import { Lan, loneHost } from '../support/lan.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { pause, until } from '../support/wait.js'
import { Client } from './client.js'
import { allSeeAll, areNoHosts, memberOn, serverOn, startInTurn, startOn, statesOf } from './members.js'

describe.skipIf(areNoHosts)('members that are told nothing but a secret', () => {
  leaveNothingBehind()

  test('are one cluster on five hosts, whatever the order in which they start', async () => {
    const members = new Lan().hosts(5).map((host, i) => memberOn(host, `m${i + 1}`))
    const { order, joinMs, meshMs } = await startInTurn(members)
    console.log(
      `five hosts (${order}): all linked ${meshMs.toFixed(0)} ms after the last process was started (it joined in ${joinMs.toFixed(0)} ms)`,
    )
    for (const member of members) {
      const { counters } = await member.ask('status')
      expect(counters.linksRefused).toBe(0)
    }
  })

  test('are one cluster in several processes of one host, and on another one', async () => {
    const [one, other] = new Lan().hosts(2)
    await startOn([one!, one!, one!, other!])
  })

  test('are one cluster on a machine with no network', async () => {
    const host = loneHost()
    const members = await startOn([host, host, host])
    await members[0]!.ask('write', 's', { user: 'ada' }, { acks: 'all' })
    expect(await members[2]!.ask('load', 's')).toEqual({ user: 'ada' })
  })

  test('serve users who go from one to the other, while a host joins and leaves ten times', async () => {
    const lan = new Lan()
    const servers = lan.hosts(4).map((host, i) => serverOn(host, `m${i + 1}`))
    await Promise.all(servers.map((server) => server.start()))
    await allSeeAll(servers)
    const client = new Client(lan.host(), servers, 8)
    const [last] = servers.slice(-1)
    for (let i = 0; i < 10; i++) {
      await last!.terminate()
      await last!.start()
    }
    const tally = await client.stop()
    console.log(`a host that joined and left ten times: ${JSON.stringify(tally)}`)
    expect(tally).toMatchObject({ wrongReads: 0, lostSessions: 0 })
    expect(tally.requests).toBeGreaterThan(200)
  })

  test('stay out of clusters with another name, or with another secret, and say so now and then', async () => {
    const hosts = new Lan().hosts(6)
    const groups = [
      { name: 'blue' },
      { name: 'green' },
      { name: 'blue', secret: 'another: 3TnB9yHc6GsF1wJe' },
    ].map((cluster, g) =>
      hosts.slice(2 * g, 2 * g + 2).map((host, i) => memberOn(host, `g${g}m${i}`, cluster)),
    )
    const members = groups.flat()
    await Promise.all(members.map((member) => member.start()))
    await Promise.all(groups.map((group) => allSeeAll(group)))
    // Those of one name have found each other: each round of asking would do so again. (Whose process was up long before
    // the other's was alone until then, and said so.)
    const told = (member: (typeof members)[number]) =>
      member.events
        .flatMap((event) => (event.name === 'warning' ? (event.detail as { code: string }).code : []))
        .filter((code) => code !== 'SESSIONMESH_ALONE')
    await until('the others are noticed', () => told(groups[0]![0]!).length > 0)
    await pause(12_000)
    for (const group of groups) await allSeeAll(group)
    for (const member of members) {
      const codes = told(member)
      expect(codes.filter((code) => code !== 'SESSIONMESH_SECRET_MISMATCH')).toEqual([])
      // One for each of the two others, as dialled and as dialling; and ten seconds later once more.
      expect(codes.length).toBeLessThanOrEqual(8)
    }
    expect(told(groups[1]![0]!)).toEqual([])
  })

  test('find each other on a network that comes later than they', async () => {
    const lan = new Lan()
    const late = loneHost()
    const members = [memberOn(lan.host(), 'm1'), memberOn(late, 'm2')]
    await Promise.all(members.map((member) => member.start()))
    lan.join(late, 9)
    await allSeeAll(members)
  })

  test('find a host again that has got another address', async () => {
    const lan = new Lan()
    const hosts = lan.hosts(3)
    const members = await startOn(hosts)
    const before = (await members[2]!.ask('status')).self.id
    hosts[2]!.readdress(lan.address(50))
    const others = members.slice(0, 2)
    await members[0]!.ask('write', 's', { user: 'ada' })
    // (It may be found again there before it is found dead.)
    const expected = { id: before, address: `${lan.address(50)}:7373`, state: 'alive' }
    for (const other of others) {
      const seen = async () => (await other.ask('status')).members.find(({ name }) => name === 'm3')
      await until(
        'it is seen at its other address',
        async () => {
          const { id, address, state } = (await seen())!
          return JSON.stringify({ id, address, state }) === JSON.stringify(expected)
        },
        { deadlineMs: 30_000, dump: seen },
      )
    }
    await allSeeAll(members, 30_000)
    await until('it has what it missed', () => members[2]!.ask('has', 's'))
  })

  test('find each other by the second address of an interface, and among many', async () => {
    const lan = new Lan()
    const hosts = lan.hosts(2)
    const second = [201, 202].map((number) => lan.address(number))
    for (const [i, host] of hosts.entries()) {
      host.alias(second[i]!, ...Array.from({ length: 28 }, (_, n) => lan.address(20 + 50 * i + n)))
    }
    const members = hosts.map((host, i) => memberOn(host, `m${i + 1}`, { listen: { host: second[i]! } }))
    await Promise.all(members.map((member) => member.start()))
    await allSeeAll(members)
  })

  test('are linked by whichever of two networks carries', async () => {
    const [lan, vpn] = [new Lan(), new Lan()]
    const hosts = lan.hosts(2)
    for (const [i, host] of hosts.entries()) vpn.join(host, i + 1)
    // Multicast comes through there, and nothing else.
    hosts[0]!.blackhole(hosts[1]!)
    hosts[1]!.blackhole(hosts[0]!)
    const members = await startOn(hosts)
    const seenAt = async () => (await members[0]!.ask('status')).members[1]?.address
    expect(await seenAt()).toBe(`${vpn.address(2)}:7373`)
    // The other one breaks, and this one is whole again.
    hosts[0]!.linkDown('eth1')
    hosts[0]!.unblackhole(hosts[1]!)
    hosts[1]!.unblackhole(hosts[0]!)
    await until(
      'they are linked there',
      async () => {
        const status = await members[0]!.ask('status')
        return (await seenAt()) === `${lan.address(2)}:7373` && statesOf(status, 'alive').length === 2
      },
      { deadlineMs: 30_000 },
    )
  })
})
