/** Charts of one line of text. */

const BARS = '▁▂▃▄▅▆▇█'

/** The highest and lowest value of a chart, if there is one. */
export function rangeOf(values: readonly (number | undefined)[]): { low: number; high: number } | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : { low: Math.min(...known), high: Math.max(...known) }
}

/**
 * One bar for each value, from `low` to `high`; a space where there is none. What does not fit `width` is put together, the
 * highest of each.
 */
export function sparkline(
  values: readonly (number | undefined)[],
  width: number,
  { low, high }: { low: number; high: number },
): string {
  return gathered(values, width)
    .map((value) => {
      if (value === undefined) return ' '
      const height = high > low ? (value - low) / (high - low) : 0
      return BARS[Math.min(BARS.length - 1, Math.max(0, Math.floor(height * BARS.length)))]
    })
    .join('')
}

function gathered(values: readonly (number | undefined)[], width: number): (number | undefined)[] {
  if (values.length <= width) return [...values]
  return Array.from({ length: Math.max(0, width) }, (_, i) => {
    const from = Math.floor((i * values.length) / width)
    const to = Math.floor(((i + 1) * values.length) / width)
    return rangeOf(values.slice(from, to))?.high
  })
}
