/** `pnpm sim`: as many seeds as you like. Prints what happened, and how to replay what went wrong. */

import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { runBatch } from './batch.js'
import { commitOf } from './commit.js'
import { invariants } from './invariants.js'
import { type Fault, faults, type Wishes } from './scenario.js'
import { simulate } from './simulation.js'
import type { Failure, Tally } from './tally.js'
import { Usage } from './usage.js'

const HELP = `pnpm sim [--seeds N] [--from S] [--for SECONDS] [--members M] [--nemesis a,b] [--jobs J]
pnpm sim --from S --transcript [--grep TEXT] [--seeds N] [--members M] [--nemesis a,b]

  --seeds N       how many seeds (100; with --for as many as fit)
  --from S        the first one (1); "fresh" begins where nobody has been
  --for SECONDS   stop after so long
  --members M     2 to 9; drawn by the seed unless given
  --nemesis a,b   only these faults may be drawn: ${faults.join(', ')}
  --jobs J        threads, 1 or more (1)
  --stop N        stop after so many failures (5)
  --transcript    print who sent what to whom, at what virtual time (of one seed, unless --seeds says more)
  --grep TEXT     of a transcript only the lines with this in it: a session's id, a member, "***" for the faults
  --invariants    print what is checked`

/** How to read a transcript. */
const LEGEND = `# ms since the beginning; A1: the first run of the member on host A, at h0:7373; 802.0@A1: a stamp (time, counter,
# origin); [..]: a digest; A>B: from A to B; *** what goes wrong
# s5{created STAMP, cart 7 STAMP, ttl MS STAMP, idle MS}: of session s5 who created it, attributes with the number of
# their value, its time to live, and how long it was not used; "owned": this member answers for it`

const usage = new Usage(HELP)
const { values } = usage.parsed(() =>
  parseArgs({
    options: {
      seeds: { type: 'string' },
      from: { type: 'string', default: '1' },
      for: { type: 'string' },
      members: { type: 'string' },
      nemesis: { type: 'string' },
      jobs: { type: 'string', default: '1' },
      stop: { type: 'string', default: '5' },
      transcript: { type: 'boolean', default: false },
      grep: { type: 'string', default: '' },
      invariants: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  }),
)

const wishes: Wishes = { members: membersOf(values.members), faults: faultsOf(values.nemesis) }
if (values.help) console.log(HELP)
else if (values.grep !== '' && !values.transcript) usage.stop('--grep is for a --transcript')
else if (values.invariants)
  for (const [name, text] of Object.entries(invariants)) console.log(`${name}: ${text}`)
else if (values.transcript) tellTranscripts()
else await main()

async function main(): Promise<void> {
  const startedMs = performance.now()
  const from = firstSeed()
  const batch = {
    ...wishes,
    from,
    seeds: values.seeds === undefined && values.for !== undefined ? Number.MAX_SAFE_INTEGER : seedCount(),
    step: 1,
    forMs: values.for === undefined ? Number.POSITIVE_INFINITY : 1_000 * usage.count('for', values.for),
    stopAfter: usage.count('stop', values.stop),
  }
  const total = await runBatch(batch, usage.count('jobs', values.jobs, 1), ({ failures }) =>
    failures.forEach(tell),
  )
  if (total.seeds === 0) return usage.stop('No seed was run: there was no time for one')
  summarize(total, from, performance.now() - startedMs)
  process.exitCode = total.failures.length > 0 ? 1 : 0
}

function tellTranscripts(): void {
  const from = firstSeed()
  console.log(LEGEND)
  for (let seed = from; seed < from + usage.count('seeds', values.seeds ?? '1', 1); seed++) {
    const { transcript, scenario, violation } = simulate({ ...wishes, seed, isTracing: true })
    for (const line of transcript) if (line.includes(values.grep)) console.log(line)
    if (violation === undefined) console.log(`seed ${seed}: nothing was wrong\n  ${scenario}`)
    else tell({ seed, scenario, text: violation.text })
    if (violation !== undefined) process.exitCode = 1
  }
}

function summarize({ seeds, failures, virtualMs, events, counts }: Tally, from: number, tookMs: number) {
  const { user, system } = process.cpuUsage()
  console.log(
    [
      `${seeds} seeds from ${from}, ${failures.length} failed`,
      `${(virtualMs / 3_600_000).toFixed(2)} virtual hours`,
      `${events} events, ${Math.round((events / tookMs) * 1_000)}/s`,
      `${(tookMs / 1_000).toFixed(1)} s, ${((user + system) / 1e6).toFixed(1)} s of CPU`,
    ].join(' · '),
  )
  const named = Object.entries(counts).map(([name, count]) => `${name} ${count}`)
  console.log(named.join(', '))
}

function tell({ seed, scenario, text }: Failure): void {
  console.log(
    `seed ${seed} at ${commitOf('packages/core', 'test/sim')}: ${text}\n  ${scenario}\n  replay: ${replay(seed)}`,
  )
}

function replay(seed: number): string {
  const members = values.members === undefined ? '' : ` --members ${values.members}`
  const nemesis = values.nemesis === undefined ? '' : ` --nemesis ${values.nemesis}`
  return `npx -y pnpm@10 sim --seeds 1 --from ${seed}${members}${nemesis} --transcript`
}

function firstSeed(): number {
  // Above all that anybody names, and each run begins elsewhere.
  return values.from === 'fresh' ? randomInt(2 ** 30, 2 ** 46) : usage.count('from', values.from)
}

function seedCount(): number {
  return usage.count('seeds', values.seeds ?? '100', 1)
}

function membersOf(given: string | undefined): number | undefined {
  if (given === undefined) return undefined
  return usage.count('members', given, 2, 9)
}

function faultsOf(given: string | undefined): readonly Fault[] | undefined {
  const names = given?.split(',')
  const unknown = names?.find((name) => !(faults as readonly string[]).includes(name))
  if (unknown !== undefined) usage.stop(`--nemesis ${unknown} is not known`)
  return names as Fault[] | undefined
}
