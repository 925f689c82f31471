/** Runs many histories on threads of their own, and watches that each goes on: a frame that never ends is a fault as well. */

import { setImmediate } from 'node:timers/promises'
import { isMainThread, workerData } from 'node:worker_threads'
import { Parts, Threads } from '../sim/threads.js'
import { FRAMES_OF_A_HISTORY, runHistory } from './history.js'
import { addOutcome, addTally, newTally, type Tally } from './tally.js'

export interface Batch {
  readonly seed: number
  readonly frames: number
  readonly stopAfter: number
  /** Each of them sends thousands at once. */
  readonly isHeavy: boolean
}

interface Share extends Batch {
  readonly nth: number
  readonly jobs: number
  /** The seed that runs, and its frames so far. */
  readonly progress: SharedArrayBuffer
}

/** Without any progress: hundreds of times what 256 frames take. */
const HANG_MS = 120_000

/** Calls `onPart` with what each part came to; ends when all is done, or enough has failed. */
export async function runBatch(batch: Batch, jobs: number, onPart: (part: Tally) => void): Promise<Tally> {
  const total = newTally()
  const shares = Array.from({ length: jobs }, (_, nth): Share => {
    return { ...batch, nth, jobs, progress: new SharedArrayBuffer(8) }
  })
  const add = (part: Tally) => {
    addTally(total, part)
    onPart(part)
    if (total.faults.length >= batch.stopAfter) threads.stop()
  }
  const threads = new Threads<Tally>(import.meta.url, shares, add)
  const watches = shares.map(({ progress }, nth) =>
    watchOver(new Int32Array(progress), (seed, frames) => {
      const text = `nothing has moved for ${HANG_MS / 1_000} s, since frame ${frames} or one of the next`
      add({ ...newTally(), faults: [{ seed, text }] })
      threads.stop(nth)
    }),
  )
  try {
    await threads.ended
  } finally {
    for (const watch of watches) clearInterval(watch)
  }
  return total
}

function watchOver(progress: Int32Array, onHang: (seed: number, frames: number) => void): NodeJS.Timeout {
  let last = ''
  let sinceMs = performance.now()
  return setInterval(() => {
    const now = progress.join()
    if (now !== last) sinceMs = performance.now()
    else if (performance.now() - sinceMs > HANG_MS) onHang(progress[0] ?? 0, progress[1] ?? 0)
    last = now
  }, 1_000)
}

async function work({ seed, frames, isHeavy, nth, jobs, progress }: Share): Promise<void> {
  // (Each refusal is an error, and where it was thrown is most of what it costs.)
  Error.stackTraceLimit = 4
  const moved = new Int32Array(progress)
  const parts = new Parts(newTally)
  for (let i = nth; i * FRAMES_OF_A_HISTORY < frames; i += jobs) {
    Atomics.store(moved, 0, seed + i)
    const left = Math.min(FRAMES_OF_A_HISTORY, frames - i * FRAMES_OF_A_HISTORY)
    const onProgress = (done: number) => Atomics.store(moved, 1, done)
    addOutcome(parts.part, runHistory({ seed: seed + i, frames: left, isHeavy, onProgress }))
    parts.tellWhenDue(parts.part.faults.length > 0)
    // (Promises of a history hold all of it until they settle.)
    await setImmediate()
  }
  parts.tell()
}

if (!isMainThread) void work(workerData as Share)
