/** Figures as people read them. */

/** In place of a figure that there is not. */
export const NONE = '-'

/** Of ms: one decimal below 10. */
export function ms(value: number): string {
  if (value === 0) return '0'
  return value < 9.95 ? value.toFixed(1) : value.toFixed(0)
}

export function bytes(value: number): string {
  if (value < 1_000) return `${Math.round(value)} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  let figure = value / 1_000
  for (const unit of units) {
    if (figure < 999.5 || unit === 'TB')
      return `${figure < 9.95 ? figure.toFixed(1) : figure.toFixed(0)} ${unit}`
    figure /= 1_000
  }
  return NONE
}

/** Events in a second. */
export function rate(value: number): string {
  return value > 0 && value < 9.95 ? value.toFixed(1) : value.toFixed(0)
}

export function share(value: number): string {
  return `${Math.round(value * 100)}%`
}

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

/** Of ms since the epoch: hours, minutes and seconds where the terminal is. */
export function clock(atMs: number): string {
  const date = new Date(atMs)
  return Number.isNaN(date.getTime()) ? '--:--:--' : date.toTimeString().slice(0, 8)
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
