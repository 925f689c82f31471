/** What SECURITY.md says: every promise names a test that there is, and what is in it of packages is what they say. */

import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = new URL('../../', import.meta.url)
const read = (path: string) => readFile(fileURLToPath(new URL(path, root)), 'utf8')

const page = await read('SECURITY.md')

/** Each item of a list, on one line. */
const promises = page
  .split(/\n(?=- |\n)/)
  .filter((item) => item.startsWith('- '))
  .map((item) => item.replace(/\n\s*/g, ' '))

/** Names of tests, of groups of them, and of the cases of a table: literals that something follows which is run. */
const TITLE = /(['"`])((?:\\.|(?!\1)[^\\])+)\1,?\s*(?:,\s*)?(?:async\s*)?(?:\(|\{|\w+,|\w+\s*=>)/g

function titlesIn(source: string): string[] {
  return [...source.matchAll(TITLE)].map(([, , title = '']) => title.replaceAll('\\', ''))
}

/** A link to a file, and what is quoted after it up to the next one. */
const REFERENCE = /\]\(([^)]+\.test\.ts)\): ((?:"[^"]+"(?:, )?)+)/g

describe('every promise', () => {
  test('is found', () => expect(promises.length).toBeGreaterThan(30))

  test.each(promises)('%s', async (promise) => {
    const references = [...promise.matchAll(REFERENCE)]
    expect(references.length, 'it names a test').toBeGreaterThan(0)
    for (const [, path = '', quoted = ''] of references) {
      const titles = titlesIn(await read(path))
      for (const [, quote = ''] of quoted.matchAll(/"([^"]+)"/g))
        expect(
          titles.some((title) => title.includes(quote)),
          `${path} has "${quote}"`,
        ).toBe(true)
    }
  })
})

test('the run-time dependencies of each package are those of the table, and none has an install script', async () => {
  const table = page.slice(page.indexOf('| package '), page.indexOf('(`msgpackr` names'))
  const said: string[] = []
  let packages: string[] = []
  for (const row of table.split('\n').slice(2)) {
    const [, names = '', needs = ''] = row.split('|')
    if (names.includes('`')) packages = [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)
    for (const [, need] of needs.matchAll(/`([^`]+)`/g))
      said.push(...packages.map((name) => `${name}: ${need}`))
  }
  const needed: string[] = []
  for (const folder of await readdir(fileURLToPath(new URL('packages', root)))) {
    const manifest = JSON.parse(await read(`packages/${folder}/package.json`))
    for (const name of Object.keys(manifest.dependencies ?? {}))
      if (!name.startsWith('@sessionmesh/')) needed.push(`${manifest.name}: ${name}`)
    expect(Object.keys(manifest.scripts ?? {}).filter((script) => /install|prepare$/.test(script))).toEqual(
      [],
    )
  }
  expect(said.sort()).toEqual(needed.sort())
})

test('the check asks for advisories', async () => {
  expect(await read('.ci/run')).toMatch(/pnpm@10 audit --prod/)
})
