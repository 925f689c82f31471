/**
 * The figures in the root README are those of a real run: this writes them there from test/bench/results.json,
 * and a test sees to it that nobody types one by hand.
 *
 *     pnpm bench --out test/bench/results.json && node test/dist/bench/readme.js
 */

import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { PartResult, Row } from './part.js'
import { PARTS } from './parts.js'

interface Results {
  date: string
  commit: string
  cores: number
  node: string
  quick: boolean
  /** It has all parts that there were then. (Told by later runs than the one that is kept, perhaps.) */
  isWhole?: boolean
  parts: Record<string, PartResult>
}

const BEGIN = '<!-- figures: written by test/bench/readme.ts, not by hand -->'
const HEAD = '| | sessionmesh | beside it | goal |'
const END = '<!-- end of figures -->'

/** The README with the figures of these results between its two marks. */
export function withFigures(readme: string, results: Results): string {
  const [before, rest] = readme.split(BEGIN)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined)
    throw new Error(`README.md lacks the marks ${BEGIN} and ${END}`)
  if (results.quick) throw new Error('a --quick run has no figures')
  // (It failed, it was interrupted, or somebody wanted a part alone: figures of two runs mean nothing beside each other.)
  const missing = Object.keys(PARTS).filter((name) => !Object.hasOwn(results.parts, name))
  if (results.isWhole === false) throw new Error(`a run without ${missing.join(', ')} is not a whole one`)
  const rows = Object.values(results.parts).flatMap(({ rows }) => rows)
  const table = rows.map(({ what, measured, beside = '', goal }) => {
    const aim = goal === undefined ? '' : `${goal.says}${goal.isMet ? '' : ': not met'}`
    return `| ${[what, measured, beside, aim].join(' | ')} |`
  })
  const { cores, node, date, commit } = results
  const measured = `Measured with \`npx -y pnpm@10 bench\` at ${commit} (${cores} shared cores, Node ${node}, ${date.slice(0, 10)}).`
  const text = ['', measured, '', unreached(rows), '', HEAD, '|---|---|---|---|', ...table, '']
  return `${before}${BEGIN}${text.join('\n')}${END}${after}`
}

/** In words, above the table: nobody should have to look for it. */
function unreached(rows: readonly Row[]): string {
  const goals = rows.filter(({ goal }) => goal !== undefined)
  const missed = goals.filter(({ goal }) => !goal?.isMet)
  if (missed.length === 0) return `All of the ${goals.length} goals are reached.`
  const each = missed.map(({ what, measured, goal }) => `- ${what}: ${measured}; goal: ${goal?.says}`)
  return [`Of ${goals.length} goals these ${missed.length} are not reached:`, '', ...each].join('\n')
}

const readmeFile = fileURLToPath(new URL('../../../README.md', import.meta.url))
const resultsFile = fileURLToPath(new URL('../../bench/results.json', import.meta.url))

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const results: Results = JSON.parse(await readFile(resultsFile, 'utf8'))
  await writeFile(readmeFile, withFigures(await readFile(readmeFile, 'utf8'), results))
}
