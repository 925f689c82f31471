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
import { candidates } from './http/candidates.js'
import { whyNoRedis } from './http/redis.js'
import type { PartResult } from './part.js'

/** Where Tomcat is installed as well, which takes its time to start six times. */
const TIMEOUT_MS = 300_000

// CI installs it. What it skipped all the same would look as if it had been measured.
if (whyNoRedis !== undefined && process.env.SESSIONMESH_TEST_REDIS === 'required')
  throw new Error(`SESSIONMESH_TEST_REDIS says that Redis must be here: ${whyNoRedis}`)

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

    const { parts }: { parts: Record<string, PartResult> } = JSON.parse(await readFile(out, 'utf8'))
    for (const [name, { rows, figures }] of Object.entries(parts)) {
      const isSkipped = rows.every(({ measured }) => measured.startsWith('skipped: '))
      const numbers = leaves(figures)
      // (In JSON a figure that is not finite is null.)
      if (!isSkipped) expect.soft(numbers.length, `figures of ${name}`).toBeGreaterThan(0)
      expect.soft(numbers, `figures of ${name}`).not.toContain(null)
      for (const row of rows) expect.soft(JSON.stringify(row)).not.toMatch(/NaN|Infinity|undefined/)
    }
    for (const { name, whyNot } of candidates) {
      const { skipped, write, read } = parts.http!.figures as Record<string, Record<string, unknown>>
      expect.soft(skipped![name], name).toBe(whyNot)
      for (const kind of [write, read]) expect.soft(name in kind!, name).toBe(whyNot === undefined)
    }
  },
  TIMEOUT_MS,
)

test(
  'who interrupts it finds nothing left behind',
  async () => {
    const bench = await Bench.start('http', '--out', join(folder, 'none.json'))
    const startedLast = whyNoRedis === undefined ? 'connect-redis' : 'MemoryStore'
    await until(`${startedLast} serves`, () => bench.output.includes(`${startedLast} serves`), {
      deadlineMs: 60_000,
      dump: () => bench.output,
    })
    expect(await bench.processes()).not.toEqual([])
    bench.interrupt()
    expect(await bench.ended(), bench.output).toBe(1)
    await bench.leftNothing()
  },
  TIMEOUT_MS,
)

test('what each part measures is told', async () => {
  const bench = await Bench.start('--help')
  await bench.ended()
  const [, named = ''] = /^ +PART +([^;]+);/m.exec(bench.output) ?? []
  const page = await readFile(new URL('./README.md', import.meta.url), 'utf8')
  const told = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, part]) => part)
  expect(told.sort()).toEqual(named.split(/,\s+/).sort())
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
    await until('all its processes have ended', async () => (await this.processes()).length === 0)
    expect(await readdir(this.#files)).toEqual([])
  }

  /** The ids of those that were started by it, or by what it started; known on Linux only. */
  async processes(): Promise<string[]> {
    if (process.platform !== 'linux') return []
    const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
    const isOurs = async (id: string) => {
      const environment = await readFile(`/proc/${id}/environ`, 'latin1').catch(() => '')
      return environment.includes(`SESSIONMESH_TEST_BENCH=${this.#mark}`)
    }
    const found = await Promise.all(ids.map(async (id) => ((await isOurs(id)) ? [id] : [])))
    return found.flat()
  }
}

function leaves(value: unknown): unknown[] {
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(leaves)
  return typeof value === 'string' ? [] : [value]
}
