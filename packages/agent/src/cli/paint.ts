/** Colours, where they are wanted. */

import { WriteStream } from 'node:tty'
import { styleText } from 'node:util'

export type Style = 'good' | 'minor' | 'doubtful' | 'bad' | 'title' | 'faint'

/** Makes of a text one of that style. */
export type Paint = (style: Style, text: string) => string

export const unpainted: Paint = (_style, text) => text

export const painted: Paint = (style, text) => {
  if (text === '') return text
  // (Whether a stream takes colours is settled below, by one rule on all versions of Node.)
  return styleText(FORMATS[style], text, { validateStream: false })
}

const FORMATS = {
  good: 'green',
  minor: 'cyan',
  doubtful: 'yellow',
  bad: ['bold', 'red'],
  title: 'bold',
  faint: 'dim',
} as const satisfies Record<Style, Parameters<typeof styleText>[0] | readonly string[]>

/** In a terminal as Node takes it, by `NO_COLOR`, `FORCE_COLOR` and `TERM`; elsewhere only with `FORCE_COLOR`. */
export function paintFor(isTerminal: boolean, env: NodeJS.ProcessEnv): Paint {
  const isWanted = isTerminal || env.FORCE_COLOR !== undefined
  return isWanted && WriteStream.prototype.hasColors(env) ? painted : unpainted
}
