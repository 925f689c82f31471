/**
 * Who has not authenticated costs nothing: an intruder floods the port of a member, in each way in turn, while users ask
 * its app at an even rate. Windows with and without the attack alternate, so that what else the machine does meets both.
 *
 * The intruder runs at nice 19: it stands for other machines, and is not to take the cores that the member needs. So the
 * rate of its sockets is what a busy machine leaves to it. What does not depend on that is how many are looked at.
 *
 * The bound is on the 99th percentile of the users' times. A machine that has more to run than cores makes a process that
 * works more wait longer for its next turn, whatever it works at. Where the member's longest pauses were mostly such waits
 * and the bound is not kept, the test says so and does not judge that figure; all others hold there as well.
 */

import { expect, test } from 'vitest'
import { median, percentile } from '../bench/statistics.js'
import { Browser } from '../support/browser.js'
import { onCleanUp } from '../support/cleanup.js'
import { ATTACKS, Intruder, type IntruderReport } from '../support/intruder-process.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { pace } from '../support/measuring/pace.js'
import type { LoopReport } from '../support/measuring/protocol.js'
import { MemberProcess } from '../support/member-process.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { until } from '../support/wait.js'

const USERS = 20
const PER_SECOND = 250
const WINDOW_MS = 500
/** Pairs of windows: more while the bound is not kept, since on a busy machine the medians of few are still chance. */
const MIN_PAIRS = 4
const MAX_PAIRS = 10
/** Fewer are no flood. */
const MIN_SOCKETS = 500
const MAX_RATIO = 2
/** See `rates` in admission.ts: for the address that members come from as well, and for all others. */
const BURST = 128 + 256
const LOOKED_AT_PER_SECOND = 16 + 64
/** Of sockets that are gone nothing may stay; V8 and the allocator keep some for later. */
const HEAP_ALLOWANCE_BYTES = 8e6
const RESIDENT_ALLOWANCE_BYTES = 80e6

const FROM_ONE = ['127.0.0.1']
const FROM_MANY = Array.from({ length: 16 }, (_, i) => `127.0.0.${i + 2}`)

leaveNothingBehind()

test('floods of strangers neither slow the app, nor part members, nor keep newcomers out', {
  timeout: 180_000,
}, async () => {
  const cluster = await ProcessCluster.start({ members: ['victim', 'peer'], http: true })
  const [victim, peer] = [cluster.member('victim'), cluster.member('peer')]
  const port = portOf(victim)
  const intruder = await Intruder.start()
  const users = await Users.login(victim)
  for (let i = 0; i < 6; i++) await users.window()
  const before = await memoryOf(victim)
  const [victimEvents, peerEvents] = [victim.events.length, peer.events.length]

  for (const attack of ATTACKS) {
    const quiet: Window[] = []
    const attacked: Window[] = []
    const reports: IntruderReport[] = []
    const { strangers } = await victim.ask('status')
    const startMs = performance.now()
    const ratio = () => typical(attacked, p99) / typical(quiet, p99)
    const opened = () => reports.reduce((sum, report) => sum + report.opened, 0)
    const isShown = () => ratio() <= MAX_RATIO && opened() >= MIN_SOCKETS
    while (quiet.length < MIN_PAIRS || (!isShown() && quiet.length < MAX_PAIRS)) {
      quiet.push(await users.window())
      await intruder.begin(attack, port, quiet.length % 2 === 0 ? FROM_ONE : FROM_MANY)
      const [window, write] = await Promise.all([
        users.window(),
        victim.ask('write', `${attack} ${quiet.length}`, { attack }, { acks: 'all' }),
      ])
      reports.push(await intruder.end())
      attacked.push(window)
      expect(write).toMatchObject({ acked: 1 })
    }
    const seconds = (performance.now() - startMs) / 1_000
    const after = (await victim.ask('status')).strangers
    const admitted = after.admitted - strangers.admitted
    console.log(
      `${attack}: p50 ${show(quiet, 50)} to ${show(attacked, 50)}, p99 ${show(quiet, 99)} to ${show(attacked, 99)} ms, ` +
        `${ratio().toFixed(2)} times in ${quiet.length} pairs; ${opened()} sockets, ${admitted} looked at, ` +
        `${after.refused - strangers.refused} refused, ${Math.max(...reports.map(({ mostOpen }) => mostOpen))} at once`,
    )
    expect(reports.flatMap(({ answers }) => answers)).toEqual([])
    expect(opened()).toBeGreaterThanOrEqual(MIN_SOCKETS)
    expect(admitted).toBeLessThan(BURST + LOOKED_AT_PER_SECOND * seconds)
    if (ratio() > MAX_RATIO && isHeldUp(attacked)) {
      console.log(
        `${attack}: the bound of ${MAX_RATIO} times is NOT judged: this machine has too much else to run`,
      )
    } else expect(ratio()).toBeLessThanOrEqual(MAX_RATIO)
  }

  await intruder.begin('ten thousand sockets', port, FROM_MANY)
  const newcomer = newcomerTo([victim, peer])
  const { sessionsAtJoin, joinedMs } = await newcomer.start()
  expect(sessionsAtJoin).toBe(await victim.ask('size'))
  await cluster.linked([victim, peer, newcomer])
  await newcomer.terminate()
  await intruder.end()

  const leaves = ['member:suspect', 'member:dead']
  const partings = [...victim.events.slice(victimEvents), ...peer.events.slice(peerEvents)]
  expect(partings.filter(({ name }) => leaves.includes(name))).toEqual([])
  // Told, and not again and again: after 0, 10, 30 and 70 s, by kind.
  const warnings = victim.events.filter(({ name }) => name === 'warning').length
  expect(warnings).toBeGreaterThan(0)
  expect(warnings).toBeLessThan(20)
  await until(
    'sockets and memory of the victim are back',
    async () => isBack(before, await memoryOf(victim)),
    {
      deadlineMs: 20_000,
      dump: async () => ({ before, now: await memoryOf(victim) }),
    },
  )
  const after = await memoryOf(victim)
  console.log(
    `memory: ${JSON.stringify(before)} to ${JSON.stringify(after)}, at most ${await victim.ask('peakBytes')}; ` +
      `a newcomer joined in ${joinedMs.toFixed(0)} ms`,
  )
})

interface Window {
  /** How long each request took, in ms. */
  times: number[]
  loop: LoopReport
}

class Users {
  readonly #member: MemberProcess
  readonly #browsers: readonly Browser[]
  #turn = 0

  private constructor(member: MemberProcess, browsers: readonly Browser[]) {
    this.#member = member
    this.#browsers = browsers
  }

  static async login(member: MemberProcess): Promise<Users> {
    const browsers = Array.from({ length: USERS }, () => new Browser())
    for (const [i, browser] of browsers.entries()) await browser.post(member.url, `/login/user${i}`)
    return new Users(member, browsers)
  }

  async window(): Promise<Window> {
    await this.#member.ask('watchLoop')
    const asked: Promise<number>[] = []
    await pace({ perSecond: PER_SECOND, forMs: WINDOW_MS }, () => asked.push(this.#ask()))
    return { times: await Promise.all(asked), loop: await this.#member.ask('loopReport') }
  }

  async #ask(): Promise<number> {
    const startMs = performance.now()
    await this.#browsers[this.#turn++ % USERS]!.post(this.#member.url, '/increment')
    return performance.now() - startMs
  }
}

function p99({ times }: Window): number {
  return percentile(times, 99)
}

function typical(windows: readonly Window[], figure: (window: Window) => number): number {
  return median(windows.map(figure))
}

/** In its longest pauses the member mostly waited for a core. */
function isHeldUp(windows: readonly Window[]): boolean {
  return typical(windows, ({ loop }) => loop.longestMs - 2 * loop.longestCpuMs) > 0
}

function show(windows: readonly Window[], percent: number): string {
  return typical(windows, ({ times }) => percentile(times, percent)).toFixed(1)
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

function portOf({ settings }: MemberProcess): number {
  return settings.cluster!.listen!.port!
}

/** From another address, and nobody knows of it: it has to come in by the door that is flooded. */
function newcomerTo(members: readonly MemberProcess[]): MemberProcess {
  const { cluster } = members[0]!.settings
  const peers = members.map((member) => `127.0.0.1:${portOf(member)}`)
  const settings = { ...cluster, listen: { host: '127.0.0.1', port: 0 }, peers }
  const newcomer = new MemberProcess({ name: 'newcomer', dialsFrom: '127.0.0.99', cluster: settings })
  onCleanUp(() => newcomer.end())
  return newcomer
}
