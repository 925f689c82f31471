/** What one part of the bench gives: rows for a person, figures for a file. */

export interface PartResult {
  rows: Row[]
  figures: Record<string, unknown>
}

/** One figure. */
export interface Row {
  /** What is measured, with its sizes. */
  what: string
  /** Of sessionmesh. Where another one was measured too: with the ratio to what the goal speaks of. */
  measured: string
  /** The same of the others, by name; or that one of them was skipped, and why. */
  beside?: string
  /** What was aimed at. */
  goal?: Goal
}

interface Goal {
  says: string
  isMet: boolean
}

export interface BenchOptions {
  /** Small numbers, to see that it runs; its figures mean nothing. */
  quick: boolean
}
