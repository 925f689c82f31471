/** Runs many seeds, on one thread or on several. */

import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type { Wishes } from './scenario.js'
import { simulate } from './simulation.js'
import { addOutcome, addTally, newTally, type Tally } from './tally.js'

export interface Batch extends Wishes {
  readonly from: number
  /** Every `step`th seed of these, until the time is over. */
  readonly seeds: number
  readonly step: number
  readonly forMs: number
  readonly stopAfter: number
}

/** Between two reports of a thread. */
const REPORT_MS = 2_000

/** Calls `onPart` with what each part came to; ends when all seeds are done, or enough of them failed. */
export async function runBatch(batch: Batch, jobs: number, onPart: (part: Tally) => void): Promise<Tally> {
  const total = newTally()
  const workers = Array.from({ length: jobs }, (_, i) => {
    const part: Batch = { ...batch, from: batch.from + i, seeds: batch.seeds - i, step: jobs }
    return new Worker(new URL(import.meta.url), { workerData: part })
  })
  const ends = workers.map(
    (worker) =>
      new Promise<void>((resolve, reject) => {
        worker.on('message', (part: Tally) => {
          addTally(total, part)
          onPart(part)
          if (total.failures.length >= batch.stopAfter) for (const each of workers) void each.terminate()
        })
        worker.once('error', reject)
        worker.once('exit', () => resolve())
      }),
  )
  await Promise.all(ends)
  return total
}

function work({ from, seeds, step, forMs, ...wishes }: Batch, tell: (part: Tally) => void): void {
  const untilMs = performance.now() + forMs
  let part = newTally()
  let toldMs = performance.now()
  const report = () => {
    tell(part)
    part = newTally()
    toldMs = performance.now()
  }
  for (let i = 0; i < seeds && performance.now() < untilMs; i += step) {
    addOutcome(part, simulate({ ...wishes, seed: from + i }))
    if (part.failures.length > 0 || performance.now() - toldMs > REPORT_MS) report()
  }
  report()
}

if (!isMainThread) work(workerData as Batch, (part) => parentPort?.postMessage(part))
