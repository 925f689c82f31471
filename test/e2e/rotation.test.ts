/** A secret is replaced on five members while they write: nobody is cut off for long, and no acked write is lost. */

import type { Acks } from 'sessionmesh'
import { afterEach, expect, test, vi } from 'vitest'
import { onCleanUp } from '../support/cleanup.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { MemberProcess } from '../support/member-process.js'
import { freePorts } from '../support/ports.js'
import { ProcessCluster } from '../support/process-cluster.js'
import { pause, until } from '../support/wait.js'

const OLD = 'the old one: 4YhJ7sWc2KtM9xQa'
const NEW = 'the new one: 6BrL8dPf3UvC5nZg'
/** One after the other, each on all members before the next. */
const PHASES: readonly (readonly string[])[] = [[OLD, NEW], [NEW, OLD], [NEW]]
const MEMBERS = ['a', 'b', 'c', 'd', 'e']
/** That a writer has done at the least before the next member has its turn. */
const WRITES = 8
/** Between two writes of a writer: more than that, with five processes and their tests on two cores, would measure the cores. */
const PACE_MS = 20

leaveNothingBehind()
vi.setConfig({ testTimeout: 180_000 })

/** Writes one session after the other at one member, and waits for the acks of each. */
class Writer {
  readonly acked: string[] = []
  readonly failures: unknown[] = []
  readonly #member: MemberProcess
  readonly #acks: Acks
  #isOver = false
  #writing: Promise<void> | undefined
  #next = 0

  constructor(member: MemberProcess, acks: Acks) {
    this.#member = member
    this.#acks = acks
  }

  start(): void {
    this.#isOver = false
    this.#writing = this.#write()
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#writing
  }

  /** Resolves when it has written some more. */
  goesOn(): Promise<unknown> {
    const goal = this.acked.length + WRITES
    return until(`${this.#member.name} writes`, () => this.acked.length >= goal, {
      dump: () => this.failures,
    })
  }

  async #write(): Promise<void> {
    while (!this.#isOver) {
      const sid = `${this.#member.name}-${this.#next++}`
      const { acked } = await this.#member.ask('write', sid, { sid }, { acks: this.#acks })
      if (typeof acked === 'number') this.acked.push(sid)
      else this.failures.push({ sid, acked })
      await pause(PACE_MS)
    }
  }
}

let writers: Writer[] = []

async function startWriting(cluster: ProcessCluster, acks: Acks): Promise<void> {
  writers = cluster.all().map((member) => new Writer(member, acks))
  for (const writer of writers) writer.start()
  await Promise.all(writers.map((writer) => writer.goesOn()))
}

afterEach(() => Promise.all(writers.map((writer) => writer.stop())))

/** What every writer was told to be safe is on every member, and none was told otherwise. */
async function nothingIsLost(cluster: ProcessCluster): Promise<void> {
  await Promise.all(writers.map((writer) => writer.stop()))
  expect(writers.flatMap(({ failures }) => failures)).toEqual([])
  await cluster.converged()
  const acked = writers.flatMap((writer) => writer.acked).sort()
  for (const member of cluster.all()) expect(Object.keys(await member.ask('snapshot')).sort()).toEqual(acked)
}

test('at run time: rekey on each member, thrice; who has the old secret alone is out then', async () => {
  const cluster = await ProcessCluster.start({ members: MEMBERS, cluster: { secret: OLD } })
  await startWriting(cluster, 'all')
  for (const secret of PHASES) {
    for (const [i, member] of cluster.all().entries()) {
      await member.ask('rekey', { secret })
      await writers[i]!.goesOn()
    }
    await cluster.linked()
  }
  await nothingIsLost(cluster)
  const died = cluster.all().flatMap(({ events }) => events.filter(({ name }) => name === 'member:dead'))
  expect(died).toEqual([])
  expect(await linksOf(await stranger(cluster, OLD))).toBe(0)
  expect(await linksOf(await stranger(cluster, NEW))).toBe(MEMBERS.length)
})

test('by restarts, one after the other, thrice', async () => {
  const cluster = await ProcessCluster.start({ members: MEMBERS, cluster: { secret: OLD } })
  await startWriting(cluster, 'one')
  for (const secret of PHASES) {
    for (const [i, member] of cluster.all().entries()) {
      // (Whoever stops a server has its load balancer send nothing more.)
      await writers[i]!.stop()
      await member.terminate()
      Object.assign(member.settings.cluster!, { secret })
      await member.start()
      await cluster.linked()
      writers[i]!.start()
      await Promise.all(writers.map((writer) => writer.goesOn()))
    }
  }
  await nothingIsLost(cluster)
})

/** One that comes along with this secret. */
async function stranger(cluster: ProcessCluster, secret: string): Promise<MemberProcess> {
  const [port] = await freePorts(1)
  const { peers = [], listen } = cluster.member('a').settings.cluster!
  const member = new MemberProcess({
    name: `with ${secret}`,
    cluster: {
      name: 'test',
      secret,
      peers: [...peers, `127.0.0.1:${listen!.port}`],
      listen: { host: '127.0.0.1', port: port! },
    },
  })
  onCleanUp(() => member.end())
  await member.start()
  return member
}

async function linksOf(member: MemberProcess): Promise<number> {
  return (await member.ask('status')).links.length
}
