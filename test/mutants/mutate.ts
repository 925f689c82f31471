/**
 * Tries a deliberate fault: a copy of the compiled core in which a few lines are changed, beside the compiled simulation,
 * which runs seeds against it until one finds the fault; or beside the compiled fuzzer, with the agent as it is.
 */

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Invariant } from '../sim/invariants.js'

/** One change of the source: what is there exactly once, and what stands there instead. */
export interface Edit {
  /** In packages/core/src. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

export interface Seeds {
  readonly from: number
  readonly seeds: number
  /** Leaves the folder in which all of it is. */
  readonly keep?: boolean
}

/** The seed that found the fault. */
export interface Catch {
  readonly seed: number
  /** `exception`: the core threw. */
  readonly by: Invariant | 'exception'
  readonly text: string
  /** Gone, unless it was to be kept. */
  readonly folder: string
}

const ROOT = workspace()
/** All the seeds of a mutant that survives, on a busy machine. */
export function timeoutMs(seeds: number): number {
  return 120_000 + 80 * seeds
}

const FUZZ_TIMEOUT_MS = 300_000
const COMPILE_TIMEOUT_MS = 120_000
/** Some violations name all that is wrong. */
const MAX_TEXT = 300

/** Runs the seeds against a core with these changes. `undefined`: none found anything wrong. */
export async function findFault(
  edits: readonly Edit[],
  seeds: Seeds,
  signal?: AbortSignal,
): Promise<Catch | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'sessionmesh-mutant-'))
  try {
    await build(folder, edits)
    return await simulate(folder, seeds, signal)
  } finally {
    if (!seeds.keep) await rm(folder, { recursive: true, force: true })
  }
}

/** Sends frames to a core with these changes. The first line of what went wrong; `undefined`: nothing did. */
export async function fuzzFault(
  edits: readonly Edit[],
  { seed, frames, isHeavy }: { seed: number; frames: number; isHeavy: boolean },
  signal?: AbortSignal,
): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'sessionmesh-mutant-'))
  try {
    await build(folder, edits)
    await cp(join(ROOT, 'test', 'dist', 'fuzz'), join(folder, 'fuzz'), { recursive: true, filter: isNoMap })
    await addAgent(folder)
    const args = [
      join(folder, 'fuzz', 'main.js'),
      '--frames',
      `${frames}`,
      '--seed',
      `${seed}`,
      '--stop',
      '1',
      ...(isHeavy ? ['--heavy'] : []),
    ]
    const { code, output } = await run(args, FUZZ_TIMEOUT_MS, signal)
    if (code === 0) return undefined
    const found = /^seed \d+ at [^:]*: (.*)$/m.exec(output)
    if (code !== 1 || found === null) throw new Error(`the fuzzer itself failed (${code}):\n${output}`)
    return found[1]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** (A copy: by a link it would find the core beside which it was built.) */
async function addAgent(folder: string): Promise<void> {
  const source = join(ROOT, 'packages', 'agent')
  const agent = join(folder, 'node_modules', 'sessionmesh')
  await mkdir(agent, { recursive: true })
  await cp(join(source, 'package.json'), join(agent, 'package.json'))
  await cp(join(source, 'dist'), join(agent, 'dist'), { recursive: true, filter: isNoMap })
  for (const name of await readdir(join(source, 'node_modules')))
    if (!/^[.@]/.test(name))
      await symlink(join(source, 'node_modules', name), join(folder, 'node_modules', name))
}

/** (Only what is changed is compiled, and not checked: there are many mutants.) */
async function build(folder: string, edits: readonly Edit[]): Promise<void> {
  const core = join(folder, 'node_modules', '@sessionmesh', 'core')
  const source = join(ROOT, 'packages', 'core')
  const changed = join(folder, 'changed')
  await mkdir(core, { recursive: true })
  await mkdir(changed)
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  for (const [from, to] of [
    [join(ROOT, 'test', 'dist', 'sim'), join(folder, 'sim')],
    [join(source, 'dist'), join(core, 'dist')],
  ] as const)
    await cp(from, to, { recursive: true, filter: isNoMap })
  await cp(join(source, 'package.json'), join(core, 'package.json'))
  const files = [...new Set(edits.map(({ file }) => file))]
  for (const file of files) await cp(join(source, 'src', file), join(changed, file))
  for (const edit of edits) await apply(changed, edit)
  if (files.length === 0) return
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  const options = [
    '--ignoreConfig',
    '--noCheck',
    '--noResolve',
    '--isolatedModules',
    '--verbatimModuleSyntax',
  ]
  const target = ['--module', 'nodenext', '--target', 'es2023', '--outDir', join(core, 'dist')]
  const paths = files.map((file) => join(changed, file))
  const { code, output } = await run([tsc, ...paths, ...options, ...target], COMPILE_TIMEOUT_MS)
  if (code !== 0) throw new Error(`the mutant does not compile:\n${output}`)
}

async function apply(sources: string, { file, find, replace }: Edit): Promise<void> {
  const path = join(sources, file)
  const source = await readFile(path, 'utf8')
  const times = source.split(find).length - 1
  if (times !== 1)
    throw new Error(`${file} has ${times} of the following, and should have one: mend the mutant.\n${find}`)
  // As a function: a `$` in the text is just that.
  await writeFile(
    path,
    source.replace(find, () => replace),
  )
}

async function simulate(folder: string, { from, seeds }: Seeds, signal?: AbortSignal) {
  const main = join(folder, 'sim', 'main.js')
  const args = [main, '--seeds', `${seeds}`, '--from', `${from}`, '--stop', '1']
  const { code, output } = await run(args, timeoutMs(seeds), signal)
  if (code === 0) return undefined
  const found = /^seed (\d+) at [^:]*: (?:(\w+): )?(at [\d.]+ ms: .*)$/m.exec(output)
  if (code !== 1 || found === null) throw new Error(`the simulation itself failed (${code}):\n${output}`)
  const [, seed, by = 'exception', text = ''] = found
  return { seed: Number(seed), by: by as Catch['by'], text: text.slice(0, MAX_TEXT), folder }
}

function run(
  args: readonly string[],
  timeout: number,
  signal?: AbortSignal,
): Promise<{ code: unknown; output: string }> {
  const options = { timeout, signal, maxBuffer: 2 ** 26 }
  return new Promise((resolve) => {
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      const ended = error?.killed ? 'killed: it took too long' : error?.code
      resolve({ code: error === null ? 0 : ended, output: `${stdout}${stderr}` })
    })
  })
}

function isNoMap(path: string): boolean {
  return !path.endsWith('.map') && !path.endsWith('.d.ts')
}

/** This file is run from its source by vitest, and compiled by `main`. */
function workspace(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'pnpm-workspace.yaml'))) folder = dirname(folder)
  return folder
}
