/** Text of others in a terminal: without what a terminal obeys, and as wide as it is shown. */

import { stripVTControlCharacters } from 'node:util'

/** One line of plain text: no escape sequences, no control characters, nothing that turns the direction of writing. */
export function plain(given: string): string {
  return stripVTControlCharacters(given)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/[\p{Cf}\p{Co}\p{Cs}]+/gu, '')
    .trim()
}

/** Columns that a terminal needs for a text without escape sequences. */
export function widthOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += widthOfGrapheme(segment)
  return width
}

/** As much of the text as fits, with an ellipsis in place of what is cut. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  if (width < 1) return ''
  let kept = ''
  let left = width - 1
  for (const { segment } of graphemes.segment(text)) {
    left -= widthOfGrapheme(segment)
    if (left < 0) break
    kept += segment
  }
  return `${kept.trimEnd()}…`
}

/** Filled up with spaces on the right, or on the left. */
export function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const spaces = ' '.repeat(Math.max(0, width - widthOf(text)))
  return align === 'left' ? text + spaces : spaces + text
}

/** Broken between words where a line would be longer; what is longer than a line is cut. Indented from the second line on. */
export function wrap(text: string, width: number, indent = ''): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (widthOf(longer) <= width || line.trim() === '') line = longer
    else {
      lines.push(line)
      line = indent + word
    }
  }
  return [...lines, line].map((each) => cut(each, width))
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** Letters of the East and pictures are two columns wide. */
const WIDE =
  /\p{Emoji_Presentation}|\ufe0f|\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|[\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u

function widthOfGrapheme(grapheme: string): number {
  if (WIDE.test(grapheme)) return 2
  return /^\p{M}+$/u.test(grapheme) ? 0 : 1
}
