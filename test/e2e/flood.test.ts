/**
 * Strangers may not share in anything: an intruder floods the port of a member, in each way in turn, from the address of
 * the members and from many others. However much comes, so many sockets are looked at and no more, nobody is answered,
 * and members, a user and a newcomer come by what is theirs.
 *
 * How long they wait for it depends on the machine: that is a figure of the bench (`strangers`). So nothing here is given
 * up because it is late, and each flood goes on until far more came than is looked at.
 */

import { expect, test } from 'vitest'
import { Browser } from '../support/browser.js'
import { onCleanUp } from '../support/cleanup.js'
import { ATTACKS, Intruder } from '../support/intruder-process.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { MemberProcess } from '../support/member-process.js'
import type { WriteReport } from '../support/member-protocol.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { until } from '../support/wait.js'

/** Of each attack, from one address, and then from many. */
const FLOOD_MS = 1_000
const MIN_REFUSED = 300
/** See `rates` in admission.ts: for the address that members come from as well, and for all others. */
const BURST = 128 + 256
const LOOKED_AT_PER_SECOND = 16 + 64
/** The shortest time between two warnings of one kind, see log.ts. */
const QUIET_SECONDS = 10
/** Of sockets that are gone nothing may stay; V8 and the allocator keep some for later. */
const HEAP_ALLOWANCE_BYTES = 8e6
const RESIDENT_ALLOWANCE_BYTES = 80e6
/** A busy machine delays members; who is suspect here has lost his link. */
const PATIENT = { suspectAfterMs: 20_000, deadAfterMs: 40_000, ackTimeoutMs: 20_000 }

const FROM_ONE = ['127.0.0.1']
const FROM_MANY = Array.from({ length: 16 }, (_, i) => `127.0.0.${i + 2}`)

leaveNothingBehind()

test('floods of strangers part no members, stop no write, keep no newcomer out, and leave nothing behind', {
  timeout: 180_000,
}, async () => {
  const cluster = await ProcessCluster.start({
    members: ['victim', 'peer'],
    http: true,
    cluster: { config: PATIENT },
  })
  const [victim, peer] = [cluster.member('victim'), cluster.member('peer')]
  const intruder = await Intruder.start()
  const strangers = async () => (await victim.ask('status')).strangers
  const isFlooded = async (since: { refused: number }) =>
    (await strangers()).refused >= since.refused + MIN_REFUSED
  // (Before there are users, whose connections stay open for a while.)
  const before = await memoryOf(victim)
  const [victimEvents, peerEvents] = [victim.events.length, peer.events.length]
  const user = new Browser()
  const writes: WriteReport[] = []
  const counts: unknown[] = []

  const startMs = performance.now()
  const secondsSince = () => (performance.now() - startMs) / 1_000
  const { admitted } = await strangers()
  for (const attack of ATTACKS) {
    for (const addresses of [FROM_ONE, FROM_MANY]) {
      const what = `${attack} from ${addresses.length}`
      const since = await strangers()
      const endMs = performance.now() + FLOOD_MS
      await intruder.begin(attack, victim.meshPort, addresses)
      await until(
        `far more comes than is looked at: ${what}`,
        async () => {
          writes.push(await victim.ask('write', what, { number: writes.length }, { acks: 'all' }))
          counts.push((await user.post(victim.url, '/increment')).data.count)
          return performance.now() >= endMs && (await isFlooded(since))
        },
        { deadlineMs: 30_000, dump: strangers },
      )
      const { answers } = await intruder.end()
      expect(answers, what).toEqual([])
      const lookedAt = (await strangers()).admitted - admitted
      expect(lookedAt, what).toBeLessThanOrEqual(BURST + LOOKED_AT_PER_SECOND * secondsSince())
    }
  }
  expect(writes.filter(({ acked }) => acked !== 1)).toEqual([])
  expect(counts).toEqual(counts.map((_, i) => i + 1))

  const since = await strangers()
  await intruder.begin('ten thousand sockets', victim.meshPort, FROM_MANY)
  await until('the door is flooded', () => isFlooded(since))
  const newcomer = newcomerTo([victim, peer])
  const { sessionsAtJoin } = await newcomer.start()
  expect(sessionsAtJoin).toBe(await victim.ask('size'))
  await cluster.linked([victim, peer, newcomer])
  await newcomer.terminate()
  const { answers } = await intruder.end()
  expect(answers).toEqual([])

  const leaves = ['member:suspect', 'member:dead']
  const partings = [...victim.events.slice(victimEvents), ...peer.events.slice(peerEvents)]
  expect(partings.filter(({ name }) => leaves.includes(name))).toEqual([])
  const warnings = warningsOf(victim)
  expect(warnings).toHaveProperty('SESSIONMESH_FLOODED')
  for (const [code, told] of Object.entries(warnings))
    expect(told, code).toBeLessThanOrEqual(1 + secondsSince() / QUIET_SECONDS)
  await until(
    'sockets and memory of the victim are back',
    async () => isBack(before, await memoryOf(victim)),
    {
      deadlineMs: 20_000,
      dump: async () => ({ before, now: await memoryOf(victim) }),
    },
  )
})

/** How many, by code. */
function warningsOf({ events }: MemberProcess): Record<string, number> {
  const told: Record<string, number> = {}
  for (const { name, detail } of events) {
    if (name === 'warning' && 'code' in detail) told[detail.code] = (told[detail.code] ?? 0) + 1
  }
  return told
}

interface Memory {
  usedBytes: number
  residentBytes: number
  handles: number
}

async function memoryOf(member: MemberProcess): Promise<Memory> {
  return { ...(await member.ask('memoryUse')), handles: await member.ask('openHandles') }
}

function isBack(before: Memory, now: Memory): boolean {
  return (
    now.handles <= before.handles &&
    now.usedBytes <= before.usedBytes + HEAP_ALLOWANCE_BYTES &&
    now.residentBytes <= before.residentBytes + RESIDENT_ALLOWANCE_BYTES
  )
}

/** From another address, and nobody knows of it: it has to come in by the door that is flooded. */
function newcomerTo(members: readonly MemberProcess[]): MemberProcess {
  const { cluster } = members[0]!.settings
  const peers = members.map(({ meshPort }) => `127.0.0.1:${meshPort}`)
  const settings = { ...cluster, listen: { host: '127.0.0.1', port: 0 }, peers }
  const newcomer = new MemberProcess({ name: 'newcomer', dialsFrom: '127.0.0.99', cluster: settings })
  onCleanUp(() => newcomer.end())
  return newcomer
}
