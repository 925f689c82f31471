/**
 * `pnpm soak`: five real processes at 500 writes a second for as long as you like, with faults all along. One line a fault,
 * then what each member had, and whether it grows.
 */

import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { Usage } from '../sim/usage.js'
import { cleanUp } from '../support/cleanup.js'
import { LEAK_KINDS, type LeakKind } from '../support/measuring/protocol.js'
import { growth, summary, table } from './report.js'
import { runSoak } from './soak.js'

const HELP = `pnpm soak [--minutes N] [--seed S] [--writes W] [--out FILE] [--leak a,b]

  --minutes N   how long (30)
  --seed S      what is drawn (another one each time)
  --writes W    a second, in all (500)
  --out FILE    all samples and slopes, as JSON
  --leak a,b    one member leaks on purpose, to see that it is found: ${LEAK_KINDS.join(', ')}

It fails when a write that was confirmed is lost, when a session that ended is there again, and when a member that is warm
has ever more of something: when the 95 % confidence interval of its slope lies above what is allowed.`

const usage = new Usage(HELP)
const { values } = usage.parsed(() =>
  parseArgs({
    options: {
      minutes: { type: 'string', default: '30' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
      writes: { type: 'string', default: '500' },
      out: { type: 'string' },
      leak: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  }),
)
if (values.help) console.log(HELP)
else
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  })

async function main(): Promise<void> {
  const minutes = usage.count('minutes', values.minutes, 1)
  const seed = usage.count('seed', values.seed, 0)
  const writesPerSecond = usage.count('writes', values.writes, 1)
  const leak = values.leak?.split(',').map(leakOf) ?? []
  console.log(`seed ${seed}: ${minutes} minutes, ${writesPerSecond} writes a second on five processes`)
  try {
    const print = (line: string) => console.log(line)
    const result = await runSoak({ seed, forMs: minutes * 60_000, writesPerSecond, leak, print })
    if (values.out !== undefined)
      await writeFile(values.out, JSON.stringify({ seed, minutes, leak, ...result }))
    console.log(`\n${table(result.judged)}\n\n${summary(result)}`)
    const grown = growth(result.judged)
    for (const line of grown) console.error(line)
    if (grown.length > 0) process.exitCode = 1
    else console.log('nothing that was confirmed is lost, nothing that ended came back, and nothing grows')
  } finally {
    await cleanUp()
  }
}

function leakOf(name: string): LeakKind {
  return LEAK_KINDS.find((each) => each === name) ?? usage.stop(`--leak ${name} is not known`)
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void cleanUp().finally(() => process.exit(1))
  })
}
