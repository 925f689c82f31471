/** What this process holds, once what it does not hold any more is collected. */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
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

export async function memoryUse(): Promise<MemoryUse> {
  await collectGarbage(4)
  const { heapUsed, external, rss } = process.memoryUsage()
  return { usedBytes: heapUsed + external, residentBytes: rss }
}
