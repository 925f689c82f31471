/** Figures and lists as people read them. */

/** How long something takes or has taken; parts of a second only below one. */
export function duration(valueMs: number): string {
  const seconds = Math.max(0, valueMs) / 1_000
  if (seconds < 1) return `${Math.floor(seconds * 10) / 10} s`
  if (seconds < 60) return `${Math.floor(seconds)} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}

/** As `duration`, without parts of a second. */
export function wholeDuration(valueMs: number): string {
  return duration(Math.floor(valueMs / 1_000) * 1_000)
}

/** `one session`, `12 sessions` */
export function count(number: number, noun: string): string {
  return number === 1 ? `1 ${noun}` : `${number} ${noun}s`
}

/** `a`, `a and b`, `a, b and c` */
export function list(items: readonly string[]): string {
  if (items.length < 2) return items.join('')
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`
}
