/** `pnpm fuzz`: as many frames of a hostile member as you like. Prints what became of them, and how to replay what went wrong. */

import { parseArgs } from 'node:util'
import { commitOf } from '../sim/commit.js'
import { Usage } from '../sim/usage.js'
import { runBatch } from './batch.js'
import { BOUNDS } from './bounds.js'
import { FRAMES_OF_A_HISTORY, MAX_FRAME_MS } from './history.js'
import type { Tally } from './tally.js'

const HELP = `pnpm fuzz [--frames N] [--seed S] [--jobs J] [--stop N] [--heavy]

  --frames N  how many frames (200000), ${FRAMES_OF_A_HISTORY} of them for each seed
  --seed S    the first one (1); "fresh" begins where nobody has been
  --jobs J    threads, 1 or more (1)
  --stop N    stop after so many faults (5)
  --heavy     each seed sends thousands at once under many names, and not one of 25

A hostile member that holds the secret sends them to honest ones; what it may not do by any of them: end a process, hold it
up for ${MAX_FRAME_MS} ms of CPU, change a prototype, make anybody hold more than the bounds, harm anything but its own link by
what is refused; or, where it sends nothing that it has a right to harm with, cost honest members a link or a write.`

/** Between two lines of who waits. */
const TOLD_EVERY_MS = 30_000

const usage = new Usage(HELP)
const { values } = usage.parsed(() =>
  parseArgs({
    options: {
      frames: { type: 'string', default: '200000' },
      seed: { type: 'string', default: '1' },
      jobs: { type: 'string', default: '1' },
      stop: { type: 'string', default: '5' },
      heavy: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  }),
)

if (values.help) console.log(HELP)
else await main()

async function main(): Promise<void> {
  // (Seeds are shared with a thread that watches, in 32 bits.)
  const seed =
    values.seed === 'fresh'
      ? Math.floor(Date.now() / 1_000)
      : usage.count('seed', values.seed, 0, 2 ** 31 - 1)
  const frames = usage.count('frames', values.frames, 1)
  const batch = { seed, frames, stopAfter: usage.count('stop', values.stop, 1), isHeavy: values.heavy }
  const startedMs = performance.now()
  let toldMs = startedMs
  let done = 0
  const total = await runBatch(batch, usage.count('jobs', values.jobs, 1, 64), (part) => {
    done += part.frames
    for (const { seed, text } of part.faults) tell(seed, text)
    if (performance.now() - toldMs < TOLD_EVERY_MS) return
    toldMs = performance.now()
    console.log(`${done} frames, ${rate(done, startedMs)}`)
  })
  summarize(total, seed, startedMs)
  process.exitCode = total.faults.length > 0 ? 1 : 0
}

function tell(seed: number, text: string): void {
  const replay = `npx -y pnpm@10 fuzz --seed ${seed} --frames ${FRAMES_OF_A_HISTORY}${values.heavy ? ' --heavy' : ''}`
  console.log(`seed ${seed} at ${commitOf('packages', 'test/fuzz')}: ${text}\n  replay: ${replay}`)
}

function summarize(
  { seeds, frames, faults, counts, maxima, slowest }: Tally,
  seed: number,
  startedMs: number,
) {
  console.log(
    `${frames} frames of ${seeds} seeds from ${seed}, ${faults.length} faults, ${rate(frames, startedMs)}`,
  )
  for (const [name, count] of Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)))
    console.log(`${String(count).padStart(10)}  ${name}`)
  const most = Object.entries(maxima).map(([name, most]) => `${name} ${most} of ${BOUNDS[name] ?? 'any'}`)
  console.log(`at most: ${most.join(', ')}`)
  console.log(`the slowest frame: ${slowest.ms.toFixed(1)} ms of CPU, of ${MAX_FRAME_MS} (${slowest.what})`)
}

function rate(frames: number, startedMs: number): string {
  const seconds = (performance.now() - startedMs) / 1_000
  return `${Math.round(frames / seconds)}/s, ${seconds.toFixed(0)} s`
}
