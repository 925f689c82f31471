/** `node test/dist/sim/main.js --seeds N --from S [--members M] [--nemesis a,b] [--transcript]` */

import { parseArgs } from 'node:util'
import { faults } from './nemesis.js'
import { simulate } from './simulation.js'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    members: { type: 'string' },
    nemesis: { type: 'string' },
    transcript: { type: 'boolean', default: false },
    stop: { type: 'string', default: '5' },
  },
})

const members = values.members === undefined ? undefined : Number(values.members)
const named = values.nemesis?.split(',')
const enabled = named === undefined ? faults : faults.filter((fault) => named.includes(fault))
const startedMs = performance.now()
const totals: Record<string, number> = {}
let [failed, virtualMs, events, writes, run] = [0, 0, 0, 0, 0]
const from = Number(values.from)
for (let seed = from; seed < from + Number(values.seeds); seed++) {
  const options = { seed, members, faults: enabled }
  const outcome = simulate({ ...options, isTracing: values.transcript })
  run++
  virtualMs += outcome.virtualMs
  events += outcome.events
  writes += outcome.writes
  for (const [name, count] of Object.entries(outcome.counters)) totals[name] = (totals[name] ?? 0) + count
  if (values.transcript) for (const line of outcome.transcript) console.log(line)
  if (outcome.violation === undefined) continue
  failed++
  console.log(`seed ${seed}: ${outcome.violation}`)
  if (failed >= Number(values.stop)) break
}
const seconds = (performance.now() - startedMs) / 1000
console.log(
  `${run} seeds, ${failed} failed; ${(virtualMs / 3_600_000).toFixed(2)} virtual hours, ${writes} writes, ` +
    `${Math.round(events / seconds)} events/s, ${seconds.toFixed(1)} s`,
)
console.log(
  Object.entries(totals)
    .map(([name, count]) => `${name} ${count}`)
    .join(', '),
)
process.exitCode = failed > 0 ? 1 : 0
