/** What `top` draws: the picture with its last minute, as much of it as the screen is high. */

import { latest } from './events.js'
import { type Figures, lagOf, writesPerS } from './figures.js'
import { type History, SECONDS } from './history.js'
import type { Picture, Sample } from './picture.js'
import { rangeOf, sparkline } from './sparkline.js'
import type { Column } from './table.js'
import { cut, pad, widthOf } from './text.js'
import { ms, NONE, rate } from './units.js'
import { eventLines, headLine, type Look, linkLines, memberLines, summaryLines, titled } from './view.js'

const HINT = 'q quits'
const MEMBER_CHART = 20
/** Figures grow and shrink, and charts stay where they are. */
const NOW_WIDTH = 7

/** @param outage why there is no newer picture, if there is none */
export function screenLines(
  history: History,
  outage: string | undefined,
  look: Look & { height: number },
): string[] {
  const { picture } = history
  const down =
    outage === undefined ? [] : outage.split('\n').map((line) => look.paint('bad', cut(line, look.width)))
  if (picture === undefined) return outage === undefined ? ['Asking …'] : down
  const above = [...head(picture, look), ...(down.length > 0 ? down : summaryLines(picture, look)), '']
  const charts = [...chartLines(history, look), '']
  const members = memberLines(picture, look, [memberChart(history)])
  const links = titled('Links', linkLines(picture, look), look)
  // On a low screen charts go first, then events; members are what it is for.
  const isLow = above.length + charts.length + members.length > look.height
  const upper = [...above, ...(isLow ? [] : charts)]
  const shown = within([...members, ...links], look.height - upper.length)
  const room = look.height - upper.length - shown.length - 2
  const events = room > 0 ? titled('Latest events', eventLines(latest(picture.events, room), look), look) : []
  return [...upper, ...shown, ...events]
}

function head(picture: Picture, look: Look): string[] {
  const { width, paint } = look
  const line = headLine(picture, { ...look, width: Math.max(20, width - HINT.length - 2) })
  const bare = widthOf(
    headLine(picture, { width: Math.max(20, width - HINT.length - 2), paint: (_, text) => text }),
  )
  return [line + ' '.repeat(Math.max(2, width - bare - HINT.length)) + paint('faint', HINT)]
}

function within(lines: readonly string[], height: number): string[] {
  if (lines.length <= height) return [...lines]
  const kept = Math.max(0, height - 1)
  return [...lines.slice(0, kept), `… and ${lines.length - kept} lines more`]
}

// ---- charts ----

interface Chart {
  readonly title: string
  readonly values: readonly (number | undefined)[]
  /** Where it begins: at 0, or at its lowest value. */
  readonly from: 'zero' | 'lowest'
  readonly show: (value: number) => string
}

const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0)
const most = (values: readonly number[]) => Math.max(...values)
const writes = (sample: Sample, before: Sample | undefined) => writesPerS(before, sample)

function chartLines(history: History, { width, paint }: Look): string[] {
  const charts: Chart[] = [
    {
      title: 'sessions',
      from: 'lowest',
      show: String,
      values: history.chart(({ sessions }) => sessions, most),
    },
    { title: 'writes/s', from: 'zero', show: rate, values: history.chart(writes, sum) },
    {
      title: 'lag p99',
      from: 'zero',
      show: (value) => `${ms(value)} ms`,
      values: history.chart((sample) => lagOf([sample])?.p99Ms, most),
    },
  ]
  const shown = charts.map(({ title, values, from, show }) => {
    const range = rangeOf(values)
    const now = values.findLast((value) => value !== undefined)
    const low = from === 'zero' ? 0 : (range?.low ?? 0)
    return {
      title,
      values,
      range: { low, high: range?.high ?? 0 },
      now: now === undefined ? NONE : show(now),
      scale: range === undefined ? '' : `${show(low)} to ${show(range.high)}`,
    }
  })
  const titles = Math.max(...shown.map(({ title }) => title.length))
  const nows = Math.max(NOW_WIDTH, ...shown.map(({ now }) => now.length))
  const scales = Math.max(...shown.map(({ scale }) => scale.length))
  const bars = Math.min(SECONDS, width - titles - nows - scales - 6)
  return shown.map(({ title, values, range, now, scale }) => {
    const figures = `${pad(title, titles)}  ${pad(now, nows, 'right')}`
    if (bars < 10) return cut(figures, width)
    return `${figures}  ${paint('minor', sparkline(values, bars, range))}  ${paint('faint', scale)}`
  })
}

/** Beside each member's writes, where there is room. */
function memberChart(history: History): Column<Figures> {
  return {
    title: 'LAST MINUTE',
    importance: 10,
    of: ({ member }) => {
      const values = history.chart(writes, sum, [member.id])
      const high = rangeOf(values)?.high ?? 0
      return { text: sparkline(values, MEMBER_CHART, { low: 0, high }), style: 'minor' }
    },
  }
}
