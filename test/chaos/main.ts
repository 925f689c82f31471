/**
 * `pnpm chaos`: random faults on real processes, while clients check every answer against their own histories. One
 * line a round. The same seed draws the same faults; the processes do not replay.
 */

import { parseArgs } from 'node:util'
import { Usage } from '../sim/usage.js'
import { cleanUp } from '../support/cleanup.js'
import { KINDS, type Kind } from '../support/faults/faults.js'
import { runChaos, type Totals } from './run.js'
import { describeTally } from './tally.js'

const HELP = `pnpm chaos [--rounds N] [--seed S] [--from ROUND] [--members M] [--clients C] [--only a,b]

  --rounds N     how many rounds (100), 5 to 10 s each
  --seed S       what is drawn (another one each time)
  --from ROUND   the first round (1): a round of a seed is always the same one
  --members M    2 to 9 processes (5)
  --clients C    how many users (8)
  --only a,b     only these faults: ${KINDS.join(', ')}`

/** What a line of a round and the last lines count. Nothing of it is a violation: that ends the run. */
const LEGEND = `  refused     nobody listened; the client asked another server
  broken      the connection broke under a request, whose server was killed or cut off
  missedAcks  answered that the acks asked for did not come in time
  stale       answers whose server says that it gave up waiting for what the client had seen
  lost        answers whose server says that no server in reach has a write that the client had seen
  excused     those of them that did lack something: as documented, and told`

const usage = new Usage(HELP)
const { values } = usage.parsed(() =>
  parseArgs({
    options: {
      rounds: { type: 'string', default: '100' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
      from: { type: 'string', default: '1' },
      members: { type: 'string', default: '5' },
      clients: { type: 'string', default: '8' },
      only: { type: 'string', default: KINDS.join(',') },
      help: { type: 'boolean', default: false },
    },
  }),
)
if (values.help) console.log(`${HELP}\n\ncounted in each round:\n${LEGEND}`)
else
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  })

async function main(): Promise<void> {
  const rounds = usage.count('rounds', values.rounds, 1)
  const seed = usage.count('seed', values.seed, 0)
  const from = usage.count('from', values.from, 1)
  const members = usage.count('members', values.members, 2, 9)
  const clients = usage.count('clients', values.clients, 1)
  const kinds = values.only.split(',').map(kindOf)
  console.log(`seed ${seed}: ${rounds} rounds from ${from} on ${members} processes, ${clients} clients`)
  console.log(`faults: ${kinds.join(', ')}`)
  console.log(`counted in each round:\n${LEGEND}`)
  try {
    const print = (line: string) => console.log(line)
    const numbers = Array.from({ length: rounds }, (_, i) => from + i)
    printTotals(await runChaos({ seed, rounds: numbers, members, clients, kinds, print }))
  } finally {
    await cleanUp()
  }
}

function kindOf(name: string): Kind {
  return KINDS.find((each) => each === name) ?? usage.stop(`--only ${name} is not known`)
}

function printTotals({ rounds, tally, lost, ended, counters, linkedMs, sameMs }: Totals): void {
  console.log(`\n${rounds} rounds, no violation: every answer was right, or told what it lacked`)
  console.log(describeTally(tally))
  console.log(
    `${ended} sessions ended, none came back; ${lost} writes died with the only server that had them`,
  )
  console.log(
    `linked after the last repair: ${spread(linkedMs)}; the same state after the last answer: ${spread(sameMs)}`,
  )
  const counted = Object.entries(counters).map(([name, count]) => `${name} ${count}`)
  console.log(`counted by members that lived to tell: ${counted.join(', ')}`)
}

function spread(figures: readonly number[]): string {
  const sorted = [...figures].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]?.toFixed(0)
  return `p50 ${at(0.5)} ms, max ${at(1)} ms`
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void cleanUp().finally(() => process.exit(1))
  })
}
