/**
 * How long this process did not come back to its event loop. A timer is due every millisecond: by how much it is late is
 * how long the turn before it lasted, or how long the machine ran others. CPU time tells the two apart.
 */

import { PerformanceObserver } from 'node:perf_hooks'
import { cpuMicros } from './cpu.js'
import type { LoopReport } from './protocol.js'

const PERIOD_MS = 1

export class LoopWatch {
  readonly #report: LoopReport = {
    pauses: 0,
    longestMs: 0,
    longestCpuMs: 0,
    longestGcMs: 0,
    gcMs: 0,
    forMs: 0,
  }
  readonly #startMs = performance.now()
  readonly #gc: PerformanceObserver
  #timer: NodeJS.Timeout
  #lastMs = performance.now()
  #lastCpuMs = cpuMicros() / 1_000

  constructor() {
    this.#gc = new PerformanceObserver((list) => this.#onCollections(list.getEntries()))
    this.#gc.observe({ entryTypes: ['gc'] })
    this.#timer = setTimeout(() => this.#onTick(), PERIOD_MS)
  }

  stop(): LoopReport {
    clearTimeout(this.#timer)
    this.#onCollections(this.#gc.takeRecords())
    this.#gc.disconnect()
    return { ...this.#report, forMs: performance.now() - this.#startMs }
  }

  #onTick(): void {
    const now = performance.now()
    const cpuMs = cpuMicros() / 1_000
    const lateMs = now - this.#lastMs - PERIOD_MS
    const report = this.#report
    if (lateMs > LONG_MS) report.pauses++
    report.longestMs = Math.max(report.longestMs, lateMs)
    report.longestCpuMs = Math.max(report.longestCpuMs, Math.min(lateMs, cpuMs - this.#lastCpuMs))
    this.#lastMs = now
    this.#lastCpuMs = cpuMs
    this.#timer = setTimeout(() => this.#onTick(), PERIOD_MS)
  }

  #onCollections(entries: readonly PerformanceEntry[]): void {
    for (const { duration } of entries) {
      this.#report.longestGcMs = Math.max(this.#report.longestGcMs, duration)
      this.#report.gcMs += duration
    }
  }
}

/** What a user begins to notice; the goal of several benches. */
const LONG_MS = 20
