/** Rows in columns that fit a width. */

import type { Paint, Style } from './paint.js'
import { cut, pad, widthOf } from './text.js'

export interface Cell {
  readonly text: string
  readonly style?: Style | undefined
}

export interface Column<Row> {
  readonly title: string
  readonly of: (row: Row) => Cell
  readonly align?: 'left' | 'right'
  /** The least important ones go first when there is no room for all. */
  readonly importance: number
  /** Texts may be cut down to so many columns; without it they are shown as a whole. */
  readonly least?: number
}

const GAP = 2

/** The line of titles, then one line for each row. */
export function table<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
  paint: Paint,
): string[] {
  const fitted = fit(
    columns.map((column) => withCells(column, rows)),
    width,
  )
  const titles = fitted.map(({ title }): Cell => ({ text: title, style: 'title' }))
  const lines = [titles, ...rows.map((_, i) => fitted.map(({ cells }) => cells[i]!))]
  return lines.map((cells) => line(cells, fitted, paint))
}

interface Filled {
  readonly title: string
  readonly align: 'left' | 'right'
  readonly importance: number
  readonly cells: readonly Cell[]
  readonly least: number
  width: number
}

function withCells<Row>(
  { title, of, align = 'left', importance, least }: Column<Row>,
  rows: readonly Row[],
): Filled {
  const cells = rows.map(of)
  const width = Math.max(widthOf(title), ...cells.map(({ text }) => widthOf(text)))
  return { title, align, importance, cells, least: Math.min(width, least ?? width), width }
}

/** Leaves out what has no room, and then narrows the widest of those that can be cut. */
function fit(columns: readonly Filled[], width: number): Filled[] {
  let kept = [...columns]
  while (kept.length > 1 && total(kept, ({ least }) => least) > width) {
    const least = Math.min(...kept.map(({ importance }) => importance))
    kept = kept.filter(({ importance }) => importance !== least)
  }
  for (let over = total(kept, (each) => each.width) - width; over > 0; over--) {
    const wide = kept.filter((each) => each.width > each.least).sort((a, b) => b.width - a.width)
    if (wide[0] === undefined) break
    wide[0].width--
  }
  return kept
}

function total(columns: readonly Filled[], widthOf: (column: Filled) => number): number {
  return columns.reduce((sum, column) => sum + widthOf(column), GAP * (columns.length - 1))
}

function line(cells: readonly Cell[], columns: readonly Filled[], paint: Paint): string {
  const parts = cells.map(({ text, style }, i) => {
    const { width, align } = columns[i]!
    const shown = cut(text, width)
    const padded = pad(shown, width, align)
    // Without spaces that nobody sees at the end of a line.
    const placed = i === cells.length - 1 && align === 'left' ? shown : padded
    return style === undefined ? placed : paint(style, placed)
  })
  return parts.join(' '.repeat(GAP)).trimEnd()
}
