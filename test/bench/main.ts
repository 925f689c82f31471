/**
 * `pnpm bench`: prints a table, writes the figures as JSON. Machines are noisy: trust the ratios and the medians.
 */

import { writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { commitOf } from '../sim/commit.js'
import { Usage } from '../sim/usage.js'
import { cleanUp } from '../support/cleanup.js'
import { consistency } from './consistency.js'
import { finding } from './finding.js'
import { flood } from './flood.js'
import { growth } from './growth.js'
import { http } from './http/http.js'
import { idle } from './idle.js'
import { lag } from './lag.js'
import { memory } from './memory.js'
import type { BenchOptions, PartResult, Row } from './part.js'
import { PARTS, type PartName } from './parts.js'
import { pauses } from './pauses.js'
import { store } from './store.js'
import { strangers } from './strangers.js'
import { takeover } from './takeover.js'
import { transfer } from './transfer.js'
import { wire } from './wire.js'

const MEASURE: Record<PartName, (options: BenchOptions) => Promise<PartResult>> = {
  finding,
  takeover,
  consistency,
  http,
  strangers,
  memory,
  store,
  flood,
  wire,
  transfer,
  lag,
  pauses,
  idle,
  growth,
}

// Started as test/dist/bench/main.js.
const DEFAULT_OUT = fileURLToPath(new URL('../../artefacts/bench.json', import.meta.url))

const HELP = `pnpm bench [PART …] [--quick] [--out FILE]

  PART        one or several of these; all unless given, which takes about half an hour
${Object.entries(PARTS)
  .map(([name, measures]) => `    ${name.padEnd(12)} ${measures}`)
  .join('\n')}
  --quick     seconds for each, to see that it runs: the figures mean nothing
  --out FILE  where the figures go, after each part (${relative(process.cwd(), DEFAULT_OUT)})

Redis and Tomcat 10 are measured where they are installed, on Linux; else they are skipped, and the rows say so. So
are finding without network namespaces (Linux, root, iproute2) and a million sessions without the memory for them.`
const usage = new Usage(HELP)

const { values, names } = parsed()

let isInterrupted = false
let cleaned = Promise.resolve()

if (values.help) console.log(HELP)
else
  main().catch((error: unknown) => {
    console.error(error)
    process.exitCode = 1
  })

/** A part that fails keeps nobody from the figures of the others. */
async function main(): Promise<void> {
  const machine = { cores: availableParallelism(), cpu: cpus()[0]?.model, node: process.version }
  const commit = commitOf('packages', 'test')
  console.log(
    `${machine.cores} cores (${machine.cpu}), Node ${machine.node}${values.quick ? ', QUICK: figures mean nothing' : ''}`,
  )
  const out = resolve(values.out)
  await mkdir(dirname(out), { recursive: true })

  const parts: Record<string, PartResult> = {}
  const failed: string[] = []
  for (const name of names) {
    console.log(`\n${name}`)
    try {
      parts[name] = await measured(name)
    } catch (error) {
      if (isInterrupted) return
      console.error(error)
      failed.push(name)
      continue
    }
    // At once: who is interrupted later has what was measured. (In one turn, so that no signal comes in between.)
    const isWhole = Object.keys(PARTS).every((part) => Object.hasOwn(parts, part))
    const figures = {
      date: new Date().toISOString(),
      commit,
      ...machine,
      quick: values.quick,
      isWhole,
      parts,
    }
    writeFileSync(out, `${JSON.stringify(figures, undefined, 2)}\n`)
    if (isInterrupted) return
  }
  if (Object.keys(parts).length > 0) console.log(`\nfigures: ${out}`)
  if (failed.length > 0) throw new Error(`failed, and not in the figures: ${failed.join(', ')}`)
}

async function measured(name: PartName): Promise<PartResult> {
  try {
    const { rows, figures } = await MEASURE[name]({ quick: values.quick })
    for (const row of rows) console.log(inWords(row))
    return { rows, figures }
  } finally {
    await clean()
  }
}

/** Who is interrupted while a part cleans up has to wait for that. */
function clean(): Promise<void> {
  cleaned = cleaned.catch(() => {}).then(cleanUp)
  return cleaned
}

function inWords({ what, measured, beside, goal }: Row): string {
  const lines = [`  ${what}`, `      ${measured}`]
  if (beside !== undefined) lines.push(`      beside: ${beside}`)
  if (goal !== undefined && !values.quick)
    lines.push(`      goal: ${goal.says}${goal.isMet ? '' : ', NOT MET'}`)
  return lines.join('\n')
}

function parsed() {
  const { values, positionals } = usage.parsed(() =>
    parseArgs({
      allowPositionals: true,
      options: {
        out: { type: 'string', default: DEFAULT_OUT },
        quick: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }),
  )
  const isPart = (name: string): name is PartName => Object.hasOwn(PARTS, name)
  const unknown = positionals.find((name) => !isPart(name))
  if (unknown !== undefined) usage.stop(`There is no part ${unknown}`)
  return { values, names: (positionals.length > 0 ? positionals : Object.keys(PARTS)).filter(isPart) }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    isInterrupted = true
    void clean().finally(() => process.exit(1))
  })
}
