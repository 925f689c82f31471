/** The bench runs with whatever is installed here. Its figures mean nothing when it is in a hurry, but it has them all. */

import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { onCleanUp } from '../support/cleanup.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { compiled } from '../support/program.js'
import { until } from '../support/wait.js'
import { candidates, FLOOR, OURS } from './http/candidates.js'
import { whyNoRedis } from './http/redis.js'
import type { Plan } from './http/round.js'
import { KINDS, type Kind, SHOP_KINDS, TIMED_KINDS } from './http/user.js'
import type { PartResult } from './part.js'
import { PARTS } from './parts.js'
import { withFigures } from './readme.js'

/** Where Tomcat is installed as well, which takes its time to start six times, on a machine that is busy. */
const TIMEOUT_MS = 600_000

// CI installs it. What it skipped all the same would look as if it had been measured.
if (whyNoRedis !== undefined && process.env.SESSIONMESH_TEST_REDIS === 'required')
  throw new Error(`SESSIONMESH_TEST_REDIS says that Redis must be here: ${whyNoRedis}`)

/** Why nobody knows which processes a bench has started: what is asserted of them is left out then. */
const whyUnseen =
  process.platform === 'linux'
    ? undefined
    : `who started a process is read from /proc, and this is ${process.platform}`
if (whyUnseen !== undefined) console.log(`no process of the bench is looked for: ${whyUnseen}`)
const orSkipped = whyUnseen === undefined ? '' : `, skipped: ${whyUnseen}`

leaveNothingBehind()

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sessionmesh-bench-'))
})
afterAll(() => rm(folder, { recursive: true }))

test(
  'every part gives figures, of everyone who could run, and leaves nothing behind',
  async () => {
    const out = join(folder, 'figures.json')
    const bench = await Bench.start('--quick', '--out', out)
    expect(await bench.ended(), bench.output).toBe(0)
    await bench.leftNothing()
    // Who is in a hurry has no figures that could meet a goal.
    expect(bench.output).not.toMatch(/goal:|NOT MET/)

    expect(JSON.parse(await readFile(out, 'utf8'))).toMatchObject({ isWhole: true })
    const parts = await partsIn(out)
    expect(Object.keys(parts)).toEqual(Object.keys(PARTS))
    for (const [name, { rows, figures }] of Object.entries(parts)) {
      const isSkipped = rows.every(({ measured }) => measured.startsWith('skipped: '))
      const numbers = leaves(figures)
      // (In JSON a figure that is not finite is null.)
      if (!isSkipped) expect.soft(numbers.length, `figures of ${name}`).toBeGreaterThan(0)
      expect.soft(numbers, `figures of ${name}`).not.toContain(null)
      for (const row of rows) expect.soft(JSON.stringify(row)).not.toMatch(/NaN|Infinity|undefined/)
    }
    const { plan, skipped, ...kinds } = parts.http!.figures as unknown as HttpFigures
    for (const { name, whyNot, whyNoShop } of candidates) {
      expect.soft(skipped[name], name).toBe(whyNot)
      const isThere = (kind: Kind) => name in kinds[kind]
      for (const kind of TIMED_KINDS) expect.soft(isThere(kind), name).toBe(whyNot === undefined)
      for (const kind of SHOP_KINDS)
        expect.soft(isThere(kind), name).toBe((whyNot ?? whyNoShop) === undefined)
    }
    // A lead-in does not count.
    const { rounds, timed, timedRequests, shop } = plan
    const asked = { timed: rounds * (timed.requests + timedRequests), shop: rounds * shop.requests }
    for (const kind of TIMED_KINDS) expect.soft(kinds[kind][OURS]).toMatchObject({ asked: asked.timed })
    for (const kind of SHOP_KINDS) expect.soft(kinds[kind][OURS]).toMatchObject({ asked: asked.shop })
    // Who has the same server each time is never wrong: else it would be the users who are.
    for (const kind of KINDS) expect.soft(kinds[kind][FLOOR]).toMatchObject({ wrongAnswers: 0 })
    expect.soft(kinds.write[OURS]).toHaveProperty('medians.heldPerSecond')
  },
  TIMEOUT_MS,
)

test.skipIf(whyUnseen !== undefined)(
  `who interrupts it finds nothing left behind, and what was measured before${orSkipped}`,
  async () => {
    const out = join(folder, 'interrupted.json')
    const bench = await Bench.start('wire', 'http', '--quick', '--out', out)
    const startedLast = whyNoRedis === undefined ? 'connect-redis' : 'MemoryStore'
    await until(`${startedLast} serves`, () => bench.output.includes(`${startedLast} serves`), {
      deadlineMs: 60_000,
      dump: () => bench.output,
    })
    expect(await bench.startedProcesses()).not.toEqual([])
    bench.interrupt()
    expect(await bench.ended(), bench.output).toBe(1)
    await bench.leftNothing()
    expect(Object.keys(await partsIn(out))).toEqual(['wire'])
    expect(JSON.parse(await readFile(out, 'utf8'))).toMatchObject({ isWhole: false })
  },
  TIMEOUT_MS,
)

test.skipIf(whyUnseen !== undefined)(
  `a part that fails is told by the exit code, and takes no figures of others with it${orSkipped}`,
  async () => {
    const out = join(folder, 'failed.json')
    const bench = await Bench.start('idle', 'wire', '--quick', '--out', out)
    // (Before it begins a part, a bench tries out whether there are network namespaces here.)
    const member = await until(
      'a member is started',
      async () => bench.output.includes('idle') && (await bench.startedProcesses())[0],
    )
    process.kill(Number(member), 'SIGKILL')
    expect(await bench.ended(), bench.output).toBe(1)
    await bench.leftNothing()
    expect(Object.keys(await partsIn(out))).toEqual(['wire'])
    expect(bench.output).toContain('failed, and not in the figures: idle')
  },
  TIMEOUT_MS,
)

test('the figures of the README are those of a whole run', async () => {
  const results: Parameters<typeof withFigures>[1] = JSON.parse(
    await readFile(new URL('./results.json', import.meta.url), 'utf8'),
  )
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const { idle: _, ...others } = results.parts
  const part = { ...results, isWhole: false, parts: others }
  expect(() => withFigures(readme, part)).toThrow(/^a run without .*\bidle\b/)
  expect(() => withFigures(readme, { ...results, quick: true })).toThrow('--quick')
})

test('what each part measures is told', async () => {
  const bench = await Bench.start('--help')
  expect(await bench.ended()).toBe(0)
  const told = [...bench.output.matchAll(/^ {4}(\w+) +\w+ \w+/gm)].map(([, part]) => part)
  expect(told).toEqual(Object.keys(PARTS))
  const page = await readFile(new URL('./README.md', import.meta.url), 'utf8')
  const toldThere = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, part]) => part)
  expect(toldThere.sort()).toEqual(told.sort())
})

/** One run, all of whose processes can be told from others, and whose files have a folder of their own. */
class Bench {
  readonly #child: ChildProcess
  readonly #mark: string
  readonly #files: string
  readonly #closed: Promise<unknown>
  output = ''

  static async start(...args: string[]): Promise<Bench> {
    const mark = randomUUID()
    const files = join(folder, mark)
    await mkdir(files)
    const env = { ...process.env, SESSIONMESH_TEST_BENCH: mark, TMPDIR: files }
    const main = compiled(import.meta.url, './main.js')
    const bench = new Bench(spawn(process.execPath, [main, ...args], { env }), mark, files)
    onCleanUp(async () => {
      bench.interrupt()
      await bench.ended()
    })
    return bench
  }

  private constructor(child: ChildProcess, mark: string, files: string) {
    this.#child = child
    this.#mark = mark
    this.#files = files
    this.#closed = once(child, 'close')
    child.stdout?.setEncoding('utf8').on('data', (said: string) => (this.output += said))
    child.stderr?.setEncoding('utf8').on('data', (said: string) => (this.output += said))
  }

  /** Resolves with its exit code. */
  async ended(): Promise<number | null> {
    await this.#closed
    return this.#child.exitCode
  }

  interrupt(): void {
    this.#child.kill('SIGINT')
  }

  async leftNothing(): Promise<void> {
    if (whyUnseen === undefined)
      await until('all its processes have ended', async () => (await this.processes()).length === 0)
    expect(await readdir(this.#files)).toEqual([])
  }

  /** The ids of its own one, and of those that were started by it or by what it started. */
  async processes(): Promise<string[]> {
    if (whyUnseen !== undefined) throw new Error(whyUnseen)
    const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
    const isOurs = async (id: string) => {
      const environment = await readFile(`/proc/${id}/environ`, 'latin1').catch(() => '')
      return environment.includes(`SESSIONMESH_TEST_BENCH=${this.#mark}`)
    }
    const found = await Promise.all(ids.map(async (id) => ((await isOurs(id)) ? [id] : [])))
    return found.flat()
  }

  async startedProcesses(): Promise<string[]> {
    return (await this.processes()).filter((id) => Number(id) !== this.#child.pid)
  }
}

type HttpFigures = { plan: Plan; skipped: Record<string, string> } & {
  [K in Kind]: Record<string, unknown>
}

async function partsIn(path: string): Promise<Record<string, PartResult>> {
  return JSON.parse(await readFile(path, 'utf8')).parts
}

function leaves(value: unknown): unknown[] {
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(leaves)
  return typeof value === 'string' ? [] : [value]
}
