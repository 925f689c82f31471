/** Each deliberate fault against the simulation: which seed finds it, and by which invariant. */

import { parseArgs } from 'node:util'
import { Usage } from '../sim/usage.js'
import { atMost } from './at-most.js'
import { editsOf, firstSeedOf, type Mutant, mutants } from './mutants.js'
import { findFault } from './mutate.js'

const HELP = `pnpm mutants [--only TEXT] [--from S] [--seeds N] [--keep]

  --only TEXT  those whose name or file has this in it
  --from S     the first seed, and
  --seeds N    how many, instead of what each mutant states: to measure anew
  --keep       leave the changed core and the simulation in their folder, and print how to replay the seed`

const usage = new Usage(HELP)
const { values } = usage.parsed(() =>
  parseArgs({
    options: {
      only: { type: 'string', default: '' },
      from: { type: 'string' },
      seeds: { type: 'string' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  }),
)

if (values.help) console.log(HELP)
else await main()

async function main(): Promise<void> {
  const chosen = mutants.filter(({ name, file }) => name.includes(values.only) || file.includes(values.only))
  if (chosen.length === 0) return usage.stop(`No mutant has "${values.only}" in its name or file`)
  const twoAtATime = atMost(2)
  const isCaught = await Promise.all(chosen.map((mutant) => twoAtATime(() => tell(mutant))))
  const survivors = isCaught.filter((is) => !is).length
  console.log(`${chosen.length} mutants, ${survivors} survived`)
  process.exitCode = survivors > 0 ? 1 : 0
}

async function tell(mutant: Mutant): Promise<boolean> {
  const startedMs = performance.now()
  const from = usage.count('from', values.from ?? `${firstSeedOf(mutant)}`)
  const seeds = usage.count('seeds', values.seeds ?? `${mutant.seeds}`)
  const { keep } = values
  const found = await findFault(editsOf(mutant), { from, seeds, keep }).catch(String)
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1)
  if (typeof found === 'string') {
    console.log(`FAILED ${mutant.name}\n${found}`)
    return false
  }
  if (found === undefined) {
    console.log(`SURVIVED ${seeds} seeds, ${seconds} s: ${mutant.name}`)
    return false
  }
  const isRight = mutant.by.some((name) => name === found.by)
  const times = `after ${found.seed - from + 1} of ${seeds} seeds, ${seconds} s, by ${found.by}`
  console.log(`${isRight ? 'caught' : 'CAUGHT BY ANOTHER'} ${times}: ${mutant.name}`)
  if (!isRight || keep) console.log(`  seed ${found.seed}: ${found.text}`)
  if (keep) console.log(`  node ${found.folder}/sim/main.js --from ${found.seed} --transcript`)
  return isRight
}
