/** What the README says is what runs. */

import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { withFigures } from '../bench/readme.js'

const root = new URL('../../', import.meta.url)
const read = (path: string) => readFile(fileURLToPath(new URL(path, root)), 'utf8')

test('the figures are those of the last recorded run, which was a whole one', async () => {
  const readme = await read('README.md')
  const results = JSON.parse(await read('test/bench/results.json'))
  expect(withFigures(readme, results)).toBe(readme)
  const told = [...(await read('test/bench/README.md')).matchAll(/^\| `(\w+)` \|/gm)].map(([, part]) => part)
  // (A part may have come since.)
  expect(told).toEqual(expect.arrayContaining(Object.keys(results.parts)))
})

const packages = await readdir(fileURLToPath(new URL('packages', root)))

test.each([
  'README.md',
  ...packages.map((name) => `packages/${name}/README.md`),
  'examples/load-balancers/README.md',
  'examples/grafana/README.md',
  'ARCHITECTURE.md',
  'PROTOCOL.md',
  'CONTRIBUTING.md',
])('every file that %s links to is there', async (page) => {
  const links = [...(await read(page)).matchAll(/\]\((?!http|#)([^)#]+)/g)].map(([, link]) => link!)
  const folder = new URL(page, root)
  for (const link of links)
    await expect(readFile(new URL(link, folder)).catch(isFolder)).resolves.toBeDefined()
})

test('every script that it names exists', async () => {
  const { scripts } = JSON.parse(await read('package.json'))
  const pages = `${await read('README.md')}${await read('CONTRIBUTING.md')}`
  const named = [...pages.matchAll(/pnpm(?:@10)? ([\w:]+)/g)].map(([, script]) => script!)
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining([...new Set(named)]))
})

test('the way out that it shows is that of the example, which a test stops under load', async () => {
  const readme = await read('README.md')
  const example = lines(await read('examples/express/src/server.ts'))
  const [, snippet] = /```ts\n(import \{ shutDown \}[\s\S]*?)```/.exec(readme) ?? []
  const shown = lines(snippet ?? '').filter((line) => !/^(\/\/ …|import )/.test(line))
  expect(shown.length).toBeGreaterThan(5)
  expect(example).toEqual(expect.arrayContaining(shown))
})

test("what the dashboard's README shows of other frameworks is what a test mounts in each", async () => {
  const [, snippet = ''] =
    /## In other frameworks[\s\S]*?```ts\n([\s\S]*?)```/.exec(await read('packages/dashboard/README.md')) ??
    []
  const tested = await read('packages/dashboard/src/frameworks.test.ts')
  const shown = lines(snippet).filter((line) => !line.startsWith('//'))
  expect(shown.length).toBeGreaterThan(15)
  // (There it is told besides who is an admin.)
  const mounts = tested.replaceAll(', authorize: isAdmin }', ' }')
  for (const line of shown) expect(lines(mounts)).toContain(line)
})

/** What stands between, as code: the README leaves out some comments. */
function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

function isFolder(error: NodeJS.ErrnoException): true {
  if (error.code === 'EISDIR') return true
  throw error
}
