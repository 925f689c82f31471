import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { definitions, prometheusName } from './definitions.js'

test('the README lists all metrics as they are', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const listed = readme.split('\n').filter((line) => line.startsWith('| `sessionmesh'))
  const code = (text: string) => `\`${text}\``
  const row = (definition: (typeof definitions)[number]) => {
    const { name, unit, labels, help } = definition
    return `| ${code(prometheusName(definition))} | ${code(name)} | ${code(unit)} | ${labels.map(code).join(', ')} | ${help} |`
  }
  expect(listed).toEqual(definitions.map(row))
})
