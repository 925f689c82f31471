/** Figures as people read them. */

const BYTES = ['B', 'kB', 'MB', 'GB', 'TB']

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

export function countText(value: number): string {
  return whole.format(value)
}

/** Three digits that count. */
export function figureText(value: number): string {
  const size = Math.abs(value)
  if (size >= 1_000_000) return `${digits(value / 1_000_000)}M`
  if (size >= 10_000) return `${digits(value / 1_000)}k`
  if (size >= 100 || Number.isInteger(value)) return whole.format(value)
  return digits(value)
}

export function bytesText(value: number): string {
  let unit = 0
  let rest = value
  while (rest >= 1_000 && unit < BYTES.length - 1) {
    rest /= 1_000
    unit++
  }
  return `${unit === 0 ? whole.format(rest) : digits(rest)} ${BYTES[unit]}`
}

/** Of a lag: from microseconds on. */
export function lagText(ms: number): string {
  if (ms === 0) return '0 ms'
  if (ms < 1) return `${digits(ms * 1_000)} µs`
  return ms < 1_000 ? `${digits(ms)} ms` : durationText(ms)
}

/** Of a time that passes: its two greatest units. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000
  if (seconds < 10) return `${(Math.floor(seconds * 10) / 10).toFixed(1)} s`
  if (seconds < 60) return `${Math.floor(seconds)} s`
  if (seconds < 3_600) return two(seconds / 60, 'min', 60, 's')
  if (seconds < 86_400) return two(seconds / 3_600, 'h', 60, 'min')
  return two(seconds / 86_400, 'd', 24, 'h')
}

/** In its greatest unit alone, for tables. */
export function ageText(ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / 1_000)
  if (seconds < 100) return `${seconds} s`
  if (seconds < 6_000) return `${Math.floor(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`
}

/** In whole seconds: what stands in a sentence does not race. */
export function secondsText(ms: number): string {
  return ms < 60_000 ? `${Math.max(0, Math.floor(ms / 1_000))} s` : durationText(ms)
}

/** Of the day, where the reader is. */
export function clockText(atMs: number, withMs = false): string {
  const at = new Date(atMs)
  const two = (value: number) => String(value).padStart(2, '0')
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
  return withMs ? `${clock}.${String(at.getMilliseconds()).padStart(3, '0')}` : clock
}

export function percentText(share: number): string {
  return share > 0 && share < 0.01 ? '<1 %' : `${Math.round(share * 100)} %`
}

export function shortened(text: string, length: number): string {
  const signs = [...text]
  return signs.length <= length ? text : `${signs.slice(0, Math.max(1, length - 1)).join('')}…`
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`
}

/** `a, b and c` */
export function listText(texts: readonly string[]): string {
  return texts.length < 2 ? (texts[0] ?? '') : `${texts.slice(0, -1).join(', ')} and ${texts.at(-1)}`
}

function digits(value: number): string {
  const size = Math.abs(value)
  return value
    .toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2)
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '')
}

function two(value: number, unit: string, each: number, smaller: string): string {
  const rest = Math.floor((value % 1) * each + 1e-6)
  return rest === 0 ? `${Math.floor(value)} ${unit}` : `${Math.floor(value)} ${unit} ${rest} ${smaller}`
}
