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
  samples: number
  min: number
  q1: number
  median: number
  q3: number
  max: number
}

export function quartilesOf(samples: readonly number[]): Quartiles {
  const [min, q1, q3, max] = [0, 25, 75, 100].map((percent) => percentile(samples, percent))
  return { samples: samples.length, min: min!, q1: q1!, median: median(samples), q3: q3!, max: max! }
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 === 1
    ? sorted[Math.floor(middle)]!
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}

/** The median of each figure over the rounds. */
export function medianOf<F extends Record<keyof F, number>>(rounds: readonly F[]): F {
  // (What comes out has the figures that went in.)
  return eachFigure(rounds, median) as F
}

/** Of each figure, what is made of its samples in all rounds. */
export function eachFigure<F extends Record<keyof F, number>, T>(
  rounds: readonly F[],
  make: (samples: number[], figure: keyof F) => T,
): Record<keyof F, T> {
  const names = Object.keys(rounds[0] ?? {}) as (keyof F)[]
  const made = names.map((name) => [
    name,
    make(
      rounds.map((round) => round[name]),
      name,
    ),
  ])
  return Object.fromEntries(made)
}

/** Nearest rank: a value that was really seen. */
export function percentile(samples: readonly number[], percent: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN
}
