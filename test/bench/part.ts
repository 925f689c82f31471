/** What one part of the bench gives: rows for a person, figures for a file. */

export interface PartResult {
  /** One row per figure: what it is, what was measured, what was aimed at. */
  rows: { what: string; measured: string; goal?: string }[]
  figures: Record<string, unknown>
}

export interface BenchOptions {
  /** Small numbers, to see that it runs; its figures mean nothing. */
  quick: boolean
}
