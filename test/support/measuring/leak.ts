/** A process that keeps what it should let go, on purpose: whoever looks for leaks has to find it. */

import { createServer } from 'node:net'
import type { LeakKind } from './protocol.js'

const EVERY_MS = 100

/** What is kept each time: some 800 kB a second, and ten of the others. */
const KEPT: Record<LeakKind, () => unknown> = {
  heap: () => Array.from({ length: 10_000 }, (_, i) => i + Math.random()),
  timers: () => setTimeout(() => {}, 86_400_000).unref(),
  handles: () => createServer().listen({ host: '127.0.0.1', port: 0 }),
}

/** From now on, until the process ends. */
export function leak(kinds: readonly LeakKind[]): void {
  const kept: unknown[] = []
  setInterval(() => {
    for (const kind of kinds) kept.push(KEPT[kind]())
  }, EVERY_MS).unref()
}
