/** Figures as people read them. */

export { count, duration, list, wholeDuration } from '../diagnostics/text.js'

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

/** Of ms since the epoch: hours, minutes and seconds where the terminal is. */
export function clock(atMs: number): string {
  const date = new Date(atMs)
  return Number.isNaN(date.getTime()) ? '--:--:--' : date.toTimeString().slice(0, 8)
}
