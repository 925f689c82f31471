/** Runs many seeds, on one thread or on several. */

import { isMainThread, workerData } from 'node:worker_threads'
import type { Wishes } from './scenario.js'
import { simulate } from './simulation.js'
import { addOutcome, addTally, newTally, type Tally } from './tally.js'
import { Parts, Threads } from './threads.js'

export interface Batch extends Wishes {
  readonly from: number
  /** Every `step`th seed of these, until the time is over. */
  readonly seeds: number
  readonly step: number
  readonly forMs: number
  readonly stopAfter: number
}

/** Calls `onPart` with what each part came to; ends when all seeds are done, or enough of them failed. */
export async function runBatch(batch: Batch, jobs: number, onPart: (part: Tally) => void): Promise<Tally> {
  const total = newTally()
  const shares = Array.from({ length: jobs }, (_, i): Batch => {
    return { ...batch, from: batch.from + i, seeds: batch.seeds - i, step: jobs }
  })
  const threads = new Threads<Tally>(import.meta.url, shares, (part) => {
    addTally(total, part)
    onPart(part)
    if (total.failures.length >= batch.stopAfter) threads.stop()
  })
  await threads.ended
  return total
}

function work({ from, seeds, step, forMs, ...wishes }: Batch): void {
  const untilMs = performance.now() + forMs
  const parts = new Parts(newTally)
  for (let i = 0; i < seeds && performance.now() < untilMs; i += step) {
    addOutcome(parts.part, simulate({ ...wishes, seed: from + i }))
    parts.tellWhenDue(parts.part.failures.length > 0)
  }
  parts.tell()
}

if (!isMainThread) work(workerData as Batch)
