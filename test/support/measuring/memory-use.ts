/** What this process holds, once what it does not hold any more is collected. */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { pause } from '../wait.js'
import type { MemoryUse } from './protocol.js'

let collect: (() => void) | undefined

/** Several times: what is held weakly goes by rounds. */
export async function collectGarbage(times = 2): Promise<void> {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
  }
  for (let i = 0; i < times; i++) {
    collect()
    await nextTurn()
  }
}

/** The least of some moments: buffers of frames that are on their way come and go. */
export async function memoryUse(): Promise<MemoryUse> {
  const uses: MemoryUse[] = []
  for (let i = 0; i < 5; i++) {
    await collectGarbage()
    const { heapUsed, external, rss } = process.memoryUsage()
    uses.push({ usedBytes: heapUsed + external, residentBytes: rss })
    await pause(50)
  }
  return uses.reduce((least, use) => (use.usedBytes < least.usedBytes ? use : least))
}
