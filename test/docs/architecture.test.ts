/** What ARCHITECTURE.md says of the packages' files: all are named, and each imports only from those named before it. */

import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path/posix'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = new URL('../../', import.meta.url)
const pathOf = (path: string) => fileURLToPath(new URL(path, root))
const read = (path: string) => readFile(pathOf(path), 'utf8')

const packages = [
  'Core',
  'Agent',
  'Express',
  'Fastify',
  'Koa',
  'Hono',
  'React Router',
  'unstorage',
  'Metrics',
  'Dashboard',
]

test.each(packages)('%s: its files in reading order', async (name) => {
  const folder = `packages/${name.toLowerCase().replace(' ', '-')}/src`
  const files = (await readdir(pathOf(folder), { recursive: true }))
    .filter((file) => /^[\w/-]+\.ts$/.test(file) && !/(^|\/)index\.ts$|^testing\//.test(file))
    .map((file) => file.slice(0, -'.ts'.length))
  const order = await filesNamedIn(name, files)
  expect([...order].sort()).toEqual(files.sort())

  const early: string[] = []
  for (const [at, file] of order.entries()) {
    const source = await read(`${folder}/${file}.ts`)
    for (const [, path] of source.matchAll(/ from '(\.[\w./-]+)\.js'/g)) {
      const other = join(dirname(file), path!)
      if (order.indexOf(other) >= at) early.push(`${file} imports ${other}, which is listed after it`)
    }
  }
  expect(early).toEqual([])
})

/** Those of `files` that the list of a package names, in its order. */
async function filesNamedIn(name: string, files: readonly string[]): Promise<string[]> {
  const [, list = ''] = new RegExp(`\n${name}: ([\\s\\S]*?)\n\n`).exec(await read('ARCHITECTURE.md')) ?? []
  const named = [...list.matchAll(/`([\w/-]+)`/g)].map(([, each]) => each!)
  // (Once: what is mentioned again in an explanation is not listed again.)
  return [...new Set(named)].filter((each) => files.includes(each))
}
