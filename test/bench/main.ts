/**
 * `pnpm bench`: prints a table, writes the figures as JSON. Machines are noisy: trust the ratios and the medians.
 */

import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
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
import { pauses } from './pauses.js'
import { store } from './store.js'
import { takeover } from './takeover.js'
import { transfer } from './transfer.js'
import { wire } from './wire.js'

const PARTS: Record<string, (options: BenchOptions) => Promise<PartResult>> = {
  finding,
  takeover,
  consistency,
  http,
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

  PART        ${Object.keys(PARTS).join(', ')}; all unless given
  --quick     shorter, to see that it runs: the figures mean nothing
  --out FILE  where the figures go (${relative(process.cwd(), DEFAULT_OUT)})`
const usage = new Usage(HELP)

const { values, positionals } = parsed()
if (values.help) console.log(HELP)
else
  main().catch((error: unknown) => {
    console.error(error)
    process.exitCode = 1
  })

async function main(): Promise<void> {
  const names = positionals.length > 0 ? positionals : Object.keys(PARTS)
  const machine = { cores: availableParallelism(), cpu: cpus()[0]?.model, node: process.version }
  console.log(
    `${machine.cores} cores (${machine.cpu}), Node ${machine.node}${values.quick ? ', QUICK: figures mean nothing' : ''}`,
  )

  const parts: Record<string, unknown> = {}
  for (const name of names) {
    console.log(`\n${name}`)
    try {
      const { rows, figures } = await PARTS[name]!({ quick: values.quick })
      for (const row of rows) console.log(inWords(row))
      parts[name] = { rows, figures }
    } finally {
      await cleanUp()
    }
  }

  const out = resolve(values.out)
  await mkdir(dirname(out), { recursive: true })
  await writeFile(
    out,
    `${JSON.stringify({ date: new Date().toISOString(), ...machine, quick: values.quick, parts }, undefined, 2)}\n`,
  )
  console.log(`\nfigures: ${out}`)
}

function inWords({ what, measured, beside, goal }: Row): string {
  const lines = [`  ${what}`, `      ${measured}`]
  if (beside !== undefined) lines.push(`      beside: ${beside}`)
  if (goal !== undefined) lines.push(`      goal: ${goal.says}${goal.isMet ? '' : ', NOT MET'}`)
  return lines.join('\n')
}

function parsed() {
  const given = usage.parsed(() =>
    parseArgs({
      allowPositionals: true,
      options: {
        out: { type: 'string', default: DEFAULT_OUT },
        quick: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }),
  )
  const unknown = given.positionals.find((name) => !Object.hasOwn(PARTS, name))
  return unknown === undefined ? given : usage.stop(`There is no part ${unknown}`)
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void cleanUp().finally(() => process.exit(1))
  })
}
