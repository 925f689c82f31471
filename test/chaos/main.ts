/**
 * `node test/dist/chaos/main.js --rounds N --seed S [--from ROUND] [--members 5] [--clients 8] [--only kill,hold]`
 *
 * Random faults on real processes, while clients check every answer against their own histories. One line a
 * round. The same seed draws the same faults; the processes do not replay.
 */

import { parseArgs } from 'node:util'
import { cleanUp } from '../support/cleanup.js'
import { KINDS, type Kind } from './faults.js'
import { runChaos, type Totals } from './run.js'
import { describeTally } from './tally.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    from: { type: 'string', default: '1' },
    members: { type: 'string', default: '5' },
    clients: { type: 'string', default: '8' },
    only: { type: 'string', default: KINDS.join(',') },
  },
})

async function main(): Promise<void> {
  const [rounds, seed, from, members, clients] = [
    values.rounds,
    values.seed,
    values.from,
    values.members,
    values.clients,
  ].map(Number) as [number, number, number, number, number]
  const kinds = values.only.split(',').map(kindOf)
  console.log(`seed ${seed}: ${rounds} rounds from ${from} on ${members} processes, ${clients} clients`)
  console.log(`faults: ${kinds.join(', ')}`)
  try {
    const print = (line: string) => console.log(line)
    const numbers = Array.from({ length: rounds }, (_, i) => from + i)
    printTotals(await runChaos({ seed, rounds: numbers, members, clients, kinds, print }))
  } finally {
    await cleanUp()
  }
}

function kindOf(name: string): Kind {
  const kind = KINDS.find((each) => each === name)
  if (kind === undefined) throw new Error(`no fault named ${name}; there are ${KINDS.join(', ')}`)
  return kind
}

function printTotals({ rounds, tally, lost, ended, counters, linkedMs, sameMs }: Totals): void {
  console.log(`\n${rounds} rounds, no violation; ${describeTally(tally)}`)
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

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
