/** Networks that part, by a cable or by a route, for moments or a minute; and what is written on each side meanwhile. */

import { describe, expect, test } from 'vitest'
import { type Host, Lan } from '../support/lan.js'
import { leaveNothingBehind } from '../support/leaks.js'
import type { MemberProcess } from '../support/member-process.js'
import { pause, until } from '../support/wait.js'
import { allSeeAll, areNoHosts, sameState, startOn, statesOf } from './members.js'

const SESSIONS = 50

/** Far beyond deadAfterMs: each side has found the other one dead, also where what one of them sends arrives. */
const LONG_SECONDS = 20

describe.skipIf(areNoHosts)('a partition', () => {
  leaveNothingBehind()

  interface Cut {
    readonly how: string
    readonly seconds: number
    /** What the other side cannot see: what the host writes (`there`), what the others do (`here`). */
    readonly hides: readonly ('here' | 'there')[]
    begin(apart: Host, others: readonly Host[]): void
    end(apart: Host, others: readonly Host[]): void
  }

  const byCable = (seconds: number): Cut => ({
    how: 'a cable that is pulled',
    seconds,
    hides: ['here', 'there'],
    begin: (apart) => apart.linkDown(),
    end: (apart) => apart.linkUp(),
  })
  const byRoutes = (seconds: number): Cut => ({
    how: 'routes to nowhere, in both directions',
    seconds,
    hides: ['here', 'there'],
    begin(apart, others) {
      apart.blackhole(...others)
      for (const other of others) other.blackhole(apart)
    },
    end(apart, others) {
      apart.unblackhole(...others)
      for (const other of others) other.unblackhole(apart)
    },
  })
  const outward = (seconds: number): Cut => ({
    how: 'routes to nowhere, for what the host sends',
    seconds,
    hides: ['there'],
    begin: (apart, others) => apart.blackhole(...others),
    end: (apart, others) => apart.unblackhole(...others),
  })
  const inward = (seconds: number): Cut => ({
    how: 'routes to nowhere, for what is sent to the host',
    seconds,
    hides: ['here'],
    begin(apart, others) {
      for (const other of others) other.blackhole(apart)
    },
    end(apart, others) {
      for (const other of others) other.unblackhole(apart)
    },
  })

  // The longest first: all the others begin and end while it lasts.
  const cuts = [
    ...[byCable(60), byCable(5), byCable(1)],
    ...[byRoutes(LONG_SECONDS), byRoutes(1)],
    ...[outward(LONG_SECONDS), outward(4), inward(4)],
  ]

  test('of a second or a minute, by cable or by route, heals, and all that was written is everywhere', {
    timeout: 240_000,
  }, async () => {
    const healing: Promise<string | undefined>[] = []
    for (const cut of cuts) {
      const hosts = new Lan().hosts(4)
      const members = await startOn(hosts)
      const tell = (error: unknown) => `${cut.seconds} s by ${cut.how}: ${error}`
      healing.push(heals(cut, hosts, members).then(() => undefined, tell))
    }
    expect((await Promise.all(healing)).filter((trouble) => trouble !== undefined)).toEqual([])
  })

  async function heals(cut: Cut, hosts: readonly Host[], members: readonly MemberProcess[]): Promise<void> {
    const [apart, others] = [hosts[3]!, hosts.slice(0, 3)]
    cut.begin(apart, others)
    const since = performance.now()
    await Promise.all([write(members[0]!, 'here'), write(members[3]!, 'there')])
    await pause(cut.seconds * 1_000 - (performance.now() - since))
    const across = { here: members[3]!, there: members[0]! }
    for (const side of cut.hides) expect(await across[side].ask('has', `${side}0`)).toBe(false)
    if (cut.seconds >= LONG_SECONDS) {
      expect(statesOf(await members[0]!.ask('status'), 'dead')).toEqual(['m4'])
      expect(statesOf(await members[3]!.ask('status'), 'dead')).toEqual(['m1', 'm2', 'm3'])
    }
    cut.end(apart, others)
    const ms = await sameState(members, 2 * SESSIONS)
    console.log(
      `healed after ${cut.seconds} s by ${cut.how}: the same state everywhere ${ms.toFixed(0)} ms later`,
    )
    await allSeeAll(members)
  }

  test('of two that a third one reaches both lets data through, and nobody is found dead', async () => {
    const hosts = new Lan().hosts(3)
    const members = await startOn(hosts)
    const [a, , c] = members
    hosts[0]!.blackhole(hosts[2]!)
    hosts[2]!.blackhole(hosts[0]!)
    await Promise.all([write(a!, 'a'), write(c!, 'c')])
    await until('a and c find each other silent', async () => {
      const [ofA, ofC] = await Promise.all([a!.ask('status'), c!.ask('status')])
      return statesOf(ofA, 'suspect').includes('m3') && statesOf(ofC, 'suspect').includes('m1')
    })
    await sameState(members, 2 * SESSIONS)
    // Well beyond deadAfterMs, twice.
    await pause(6_000)
    await a!.ask('write', 'late', { n: 1 })
    await sameState(members, 2 * SESSIONS + 1)
    for (const member of members) {
      const deaths = member.events.filter(({ name }) => name === 'member:dead' || name === 'takeover')
      expect(deaths).toEqual([])
    }
    hosts[0]!.unblackhole(hosts[2]!)
    hosts[2]!.unblackhole(hosts[0]!)
    await allSeeAll(members)
  })

  async function write(member: MemberProcess, prefix: string): Promise<void> {
    for (let i = 0; i < SESSIONS; i++) await member.ask('write', `${prefix}${i}`, { i, prefix })
  }
})
