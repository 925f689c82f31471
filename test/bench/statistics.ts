/** The few figures that the benches report. */

export interface Spread {
  samples: number
  p50: number
  p99: number
  max: number
}

export function spreadOf(samples: readonly number[]): Spread {
  return {
    samples: samples.length,
    p50: percentile(samples, 50),
    p99: percentile(samples, 99),
    max: percentile(samples, 100),
  }
}

/** How sure a figure of several rounds is: half of them lie between the quartiles. */
export interface Quartiles {
  min: number
  q1: number
  median: number
  q3: number
  max: number
}

export function quartilesOf(samples: readonly number[]): Quartiles {
  const [min, q1, q3, max] = [0, 25, 75, 100].map((percent) => percentile(samples, percent))
  return { min: min!, q1: q1!, median: median(samples), q3: q3!, max: max! }
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 === 1
    ? sorted[Math.floor(middle)]!
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}

/** Nearest rank: a value that was really seen. */
export function percentile(samples: readonly number[], percent: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN
}
