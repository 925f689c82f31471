/**
 * `pnpm bench [takeover] [consistency] [throughput] [memory] [--quick] [--out FILE]`: prints a table, writes the figures as
 * JSON. Without names all parts run. Machines are noisy: trust the ratios and the medians.
 */

import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { cleanUp } from '../support/cleanup.js'
import { consistency } from './consistency.js'
import { memory } from './memory.js'
import type { BenchOptions, PartResult } from './part.js'
import { takeover } from './takeover.js'
import { throughput } from './throughput.js'

const PARTS: Record<string, (options: BenchOptions) => Promise<PartResult>> = {
  takeover,
  consistency,
  throughput,
  memory,
}

// Started as test/dist/bench/main.js.
const DEFAULT_OUT = fileURLToPath(new URL('../../artefacts/bench.json', import.meta.url))

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { out: { type: 'string', default: DEFAULT_OUT }, quick: { type: 'boolean', default: false } },
  })
  const unknown = positionals.filter((name) => !(name in PARTS))
  if (unknown.length > 0) {
    throw new Error(`no part named ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}`)
  }
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
      for (const { what, measured, goal } of rows) {
        console.log(`  ${what.padEnd(62)} ${measured}${goal === undefined ? '' : `   [goal: ${goal}]`}`)
      }
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

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void cleanUp().finally(() => process.exit(1))
  })
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
