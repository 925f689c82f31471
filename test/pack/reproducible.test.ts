/** Who builds the packages again, elsewhere, gets the same bytes: what is published can be checked against its source. */

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const TIMEOUT_MS = 300_000

test('two builds in two folders give the same packages', { timeout: TIMEOUT_MS }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sessionmesh-reproduced-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  // (Copies both: a folder that was built in before may have what is left of files that are gone.)
  const [here, there] = await Promise.all([
    packedIn(join(folder, 'here')),
    packedIn(join(folder, 'a', 'folder of another name')),
  ])
  const packages = await hashesIn(here)
  expect(Object.keys(packages)).toHaveLength(10)
  expect(await hashesIn(there)).toEqual(packages)
})

/** Where the packages are that a build in this folder gives. */
async function packedIn(workspace: string): Promise<string> {
  await copySource(workspace)
  const pnpm = (...args: string[]) => run('npx', ['-y', 'pnpm@10', ...args], { cwd: workspace })
  await pnpm('install', '--frozen-lockfile', '--prefer-offline')
  const packages = join(workspace, 'packed')
  await pnpm('-r', '--filter', './packages/**', 'exec', 'pnpm', 'pack', '--pack-destination', packages)
  return packages
}

/** As git has it, with what is not committed yet: no build, and nothing that was installed. */
async function copySource(to: string): Promise<void> {
  const { stdout } = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    maxBuffer: 16 * 2 ** 20,
  })
  for (const file of stdout.split('\0').filter((name) => name !== '')) {
    await mkdir(dirname(join(to, file)), { recursive: true })
    // (One that was removed and is not committed yet is not there.)
    await cp(join(root, file), join(to, file)).catch((error) => {
      if (error.code !== 'ENOENT') throw error
    })
  }
}

async function hashesIn(folder: string): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {}
  for (const file of (await readdir(folder)).sort())
    hashes[file] = createHash('sha256')
      .update(await readFile(join(folder, file)))
      .digest('hex')
  return hashes
}
