import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { painted, unpainted } from './paint.js'
import { type Column, table } from './table.js'
import { widthOf } from './text.js'

const columns: Column<{ name: string; count: number; note: string }>[] = [
  { title: 'NAME', importance: 3, least: 6, of: ({ name }) => ({ text: name }) },
  { title: 'COUNT', importance: 1, align: 'right', of: ({ count }) => ({ text: String(count) }) },
  { title: 'NOTE', importance: 2, of: ({ note }) => ({ text: note, style: 'good' }) },
]
const rows = [
  { name: 'a', count: 7, note: 'fine' },
  { name: 'a-long-name', count: 1234, note: '世界' },
]

test('columns stand below each other, and no line ends with spaces', () => {
  expect(table(columns, rows, 80, unpainted)).toEqual([
    'NAME         COUNT  NOTE',
    'a                7  fine',
    'a-long-name   1234  世界',
  ])
})

test('what can be cut is cut before anything is left out, and then the least important column goes', () => {
  expect(table(columns, rows, 20, unpainted)).toEqual([
    'NAME     COUNT  NOTE',
    'a            7  fine',
    'a-long…   1234  世界',
  ])
  expect(table(columns, rows, 18, unpainted)).toEqual([
    'NAME         NOTE',
    'a            fine',
    'a-long-name  世界',
  ])
  expect(table(columns, rows, 8, unpainted)[2]).toBe('a-long-…')
})

test('no line is wider than what there is, coloured or not', () => {
  for (let width = 6; width < 40; width++) {
    for (const paint of [unpainted, painted]) {
      for (const line of table(columns, rows, width, paint))
        expect(widthOf(stripVTControlCharacters(line))).toBeLessThanOrEqual(width)
    }
  }
})
