/** Somebody on the LAN who means harm: multicast is open to all, and so is the port. */

import { describe, expect, test } from 'vitest'
import { Lan } from '../support/lan.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { SECRET } from '../support/local-cluster.js'
import type { MemberProcess } from '../support/member-process.js'
import type { MemberEvent } from '../support/member-protocol.js'
import { until } from '../support/wait.js'
import { HostileHost } from './hostile-host.js'
import { allSeeAll, areNoHosts, memberOn, sameState, startOn } from './members.js'

/** Addresses that were only heard of (64), and those of the members. */
const MAX_CANDIDATES = 64 + 8

/** What a member takes those for who answer with an alert of TLS. */
const MISMATCHES: readonly string[] = ['SESSIONMESH_CLUSTER_MISMATCH', 'SESSIONMESH_SECRET_MISMATCH']
/** Of one run, each code after 0, 10, 30 and 70 s. */
const MAX_MISMATCHES = 4 * MISMATCHES.length

describe.skipIf(areNoHosts)('a hostile host', () => {
  leaveNothingBehind()

  test('that forges thousands of members and floods the port keeps nobody out, and learns nothing', async () => {
    const lan = new Lan()
    const hosts = lan.hosts(3)
    const members = await startOn(hosts)
    await members[0]!.ask('write', 'marked session', { mark: 'marked value' })
    const enemy = lan.host()
    const aliases = Array.from({ length: 40 }, (_, i) => lan.address(100 + i))
    enemy.alias(...aliases)
    const hostile = await HostileHost.start(enemy, {
      addresses: [enemy.address, ...aliases],
      victims: hosts.map(({ address }) => address),
      cluster: 'lan',
      marks: [SECRET, 'marked session', 'marked value'],
    })
    await until(
      'it has said a lot, and was asked',
      async () => {
        const { packets, alerts, floods } = await hostile.report()
        return packets > 3_000 && alerts > 100 && floods > 500
      },
      { deadlineMs: 60_000, dump: () => hostile.report() },
    )

    // The cluster works as ever, a newcomer finds it, and one that was away comes back.
    for (let i = 0; i < 50; i++) await members[i % 3]!.ask('write', `s${i}`, { i }, { acks: 'all' })
    await sameState(members, 51)
    const all = [...members, memberOn(lan.host(), 'm4', { joinTimeoutMs: 30_000 })]
    const { sessionsAtJoin, joinedMs } = await all[3]!.start()
    const others = warningsOf(all[3]!).filter(({ code }) => !MISMATCHES.includes(code))
    expect([sessionsAtJoin, others]).toEqual([51, []])
    await allSeeAll(all)
    for (const member of members) {
      const mismatches = warningsOf(member).filter(({ code }) => MISMATCHES.includes(code))
      expect(mismatches.length).toBeGreaterThan(0)
      expect(mismatches.length).toBeLessThanOrEqual(MAX_MISMATCHES)
    }
    await members[1]!.kill()
    await members[1]!.start()
    await allSeeAll(all)

    for (const member of all) {
      const { candidates } = await member.ask('status')
      expect(candidates).toBeLessThanOrEqual(MAX_CANDIDATES)
    }
    const report = await hostile.report()
    console.log(`a hostile host: ${JSON.stringify(report)}; a newcomer joined in ${joinedMs.toFixed(0)} ms`)
    // It was sent the beginning of a handshake, and nothing else.
    expect(report).toMatchObject({ strange: 0, marked: 0 })
    expect(report.mostBytes).toBeLessThan(2_000)
  })
})

function warningsOf({ events }: MemberProcess) {
  return events
    .filter((event): event is MemberEvent<'warning'> => event.name === 'warning')
    .map(({ detail }) => detail)
}
