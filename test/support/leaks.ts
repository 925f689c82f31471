/** The proof at the end of each test that nothing was left behind: no process, no listener, no socket. */

import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest'
import { cleanUp } from './cleanup.js'
import { runningPids } from './member-process.js'
import { until } from './wait.js'

/** Real processes on two busy cores; each wait inside has a shorter deadline that says what it waited for. */
const TEST_TIMEOUT_MS = 90_000

const WATCHED = ['TCPServerWrap', 'TCPSocketWrap', 'UDPWrap', 'ProcessWrap']

/** Call once at the top of a test file. `per: 'file'` is for members that all tests of a file share. */
export function leaveNothingBehind(options: { per: 'test' | 'file' } = { per: 'test' }): void {
  const [before, after] = options.per === 'test' ? [beforeEach, afterEach] : [beforeAll, afterAll]
  vi.setConfig({ testTimeout: TEST_TIMEOUT_MS, hookTimeout: TEST_TIMEOUT_MS })
  let atStart: Record<string, number> = {}

  before(() => {
    atStart = countResources()
  })

  after(async () => {
    await cleanUp()
    expect(runningPids(), 'member processes that still run').toEqual([])
    // A socket's handle goes a turn or two after its close.
    await until(
      'no socket, listener or process of the test is left',
      () => isWithin(countResources(), atStart),
      {
        deadlineMs: 5_000,
        dump: () => ({ atStart, now: countResources() }),
      },
    )
  })
}

function countResources(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) {
    if (WATCHED.includes(kind)) counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

function isWithin(now: Record<string, number>, limit: Record<string, number>): boolean {
  return Object.entries(now).every(([kind, count]) => count <= (limit[kind] ?? 0))
}
