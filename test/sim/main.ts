/** `pnpm sim`: as many seeds as you like. Prints what happened, and how to replay what went wrong. */

import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { type Fault, faults } from './scenario.js'
import { type Outcome, simulate } from './simulation.js'

const HELP = `pnpm sim [--seeds N] [--from S] [--members M] [--nemesis a,b] [--transcript] [--stop N]

  --seeds N       how many seeds (100)
  --from S        the first one (1)
  --members M     2 to 9; drawn by the seed unless given
  --nemesis a,b   only these faults may be drawn: ${faults.join(', ')}
  --transcript    print who sent what to whom, at what virtual time
  --stop N        stop after so many failures (5)`

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    members: { type: 'string' },
    nemesis: { type: 'string' },
    transcript: { type: 'boolean', default: false },
    stop: { type: 'string', default: '5' },
    help: { type: 'boolean', default: false },
  },
})

const from = count('from', values.from)
const seeds = count('seeds', values.seeds)
const wishes = { members: membersOf(values.members), faults: faultsOf(values.nemesis) }
if (values.help) console.log(HELP)
else main()

function main(): void {
  const startedMs = performance.now()
  const cpu = process.cpuUsage()
  const totals: Record<string, number> = {}
  const sum = { run: 0, failed: 0, virtualMs: 0, events: 0 }
  for (let seed = from; seed < from + seeds && sum.failed < Number(values.stop); seed++) {
    const outcome = simulate({ seed, ...wishes, isTracing: values.transcript })
    sum.run++
    sum.virtualMs += outcome.virtualMs
    sum.events += outcome.events
    for (const [name, count] of Object.entries(outcome.counts)) totals[name] = (totals[name] ?? 0) + count
    if (values.transcript) for (const line of outcome.transcript) console.log(line)
    if (outcome.violation !== undefined) {
      sum.failed++
      tell(outcome)
    }
  }
  const seconds = (performance.now() - startedMs) / 1000
  const { user, system } = process.cpuUsage(cpu)
  console.log(
    `${sum.run} seeds from ${from}, ${sum.failed} failed · ${(sum.virtualMs / 3_600_000).toFixed(2)} virtual hours · ` +
      `${sum.events} events, ${Math.round(sum.events / seconds)}/s · ${seconds.toFixed(1)} s, ${((user + system) / 1e6).toFixed(1)} s of CPU`,
  )
  console.log(
    Object.entries(totals)
      .map(([name, count]) => `${name} ${count}`)
      .join(', '),
  )
  process.exitCode = sum.failed > 0 ? 1 : 0
}

function tell({ seed, scenario, violation }: Outcome): void {
  console.log(`seed ${seed} at ${commit()}: ${violation?.text}`)
  console.log(`  ${scenario}`)
  console.log(`  replay: ${replay(seed)}`)
}

function replay(seed: number): string {
  const members = values.members === undefined ? '' : ` --members ${values.members}`
  const nemesis = values.nemesis === undefined ? '' : ` --nemesis ${values.nemesis}`
  return `npx -y pnpm@10 sim --seeds 1 --from ${seed}${members}${nemesis} --transcript`
}

function commit(): string {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8', stdio: 'pipe' }).trim()
    const isChanged = git('status', '--porcelain', 'packages/core', 'test/sim') !== ''
    return `commit ${git('rev-parse', '--short', 'HEAD')}${isChanged ? ' with changes' : ''}`
  } catch {
    return 'an unknown commit'
  }
}

function membersOf(given: string | undefined): number | undefined {
  if (given === undefined) return undefined
  const members = count('members', given)
  if (members < 2 || members > 9) stop(`--members ${given}: give 2 to 9`)
  return members
}

function faultsOf(given: string | undefined): readonly Fault[] | undefined {
  const names = given?.split(',')
  const unknown = names?.find((name) => !(faults as readonly string[]).includes(name))
  if (unknown !== undefined) stop(`--nemesis ${unknown} is not known`)
  return names as Fault[] | undefined
}

function count(name: string, given: string): number {
  const value = Number(given)
  if (!Number.isSafeInteger(value) || value < 0) stop(`--${name} ${given} is not a count`)
  return value
}

function stop(problem: string): never {
  console.error(`${problem}\n\n${HELP}`)
  process.exit(2)
}
