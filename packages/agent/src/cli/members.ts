/** The table of members. */

import { lacking } from '../diagnostics/troubles.js'
import type { Figures } from './figures.js'
import type { Style } from './paint.js'
import type { Member, Picture } from './picture.js'
import type { Cell, Column } from './table.js'
import { bytes, ms, NONE, rate, share, wholeDuration } from './units.js'

/** In the order in which they stand. Where there is little room the most important ones are kept, and `more` are the last. */
export function memberColumns(picture: Picture, more: readonly Column<Figures>[] = []): Column<Figures>[] {
  return [
    { title: 'MEMBER', importance: 100, least: 12, of: ({ member }) => ({ text: member.name }) },
    {
      title: 'ADDRESS',
      importance: 50,
      least: 21,
      of: ({ member }) => ({ text: member.address, style: 'faint' }),
    },
    { title: 'STATE', importance: 99, of: ({ member }) => state(member) },
    { title: 'READY', importance: 98, of: ({ ready }) => readiness(ready) },
    number('SESSIONS', 90, ({ sessions }) => sessions, String),
    number('OWNED', 60, ({ owned }) => owned, share),
    number('WRITES/S', 85, ({ writesPerS }) => writesPerS, rate),
    ...more,
    number(
      'LAG p50/p99',
      80,
      ({ lag }) => lag,
      ({ p50Ms, p99Ms }) => `${ms(p50Ms)}/${ms(p99Ms)} ms`,
    ),
    number(
      'LOOP',
      55,
      ({ loopMs }) => loopMs,
      (lateMs) => `${ms(lateMs)} ms`,
    ),
    number('MEMORY', 58, ({ rssBytes }) => rssBytes, bytes),
    number('QUEUE', 40, ({ queuedBytes }) => queuedBytes, bytes),
    { title: 'CONVERGENCE', importance: 97, least: 16, of: ({ member }) => standing(member, picture) },
  ]
}

function number<T>(
  title: string,
  importance: number,
  of: (figures: Figures) => T | undefined,
  show: (value: T) => string,
): Column<Figures> {
  return {
    title,
    importance,
    align: 'right',
    of: (figures) => {
      const value = of(figures)
      return value === undefined ? { text: NONE, style: 'faint' } : { text: show(value) }
    },
  }
}

function state({ state }: Member): Cell {
  const styles = { alive: 'good', suspect: 'doubtful', dead: 'bad', left: 'faint' } as const
  return { text: state, style: styles[state] }
}

function readiness(ready: boolean | undefined): Cell {
  if (ready === undefined) return { text: NONE, style: 'faint' }
  return ready ? { text: 'yes' } : { text: 'no', style: 'bad' }
}

const STYLES: Readonly<Record<Member['convergence']['verdict'], Style>> = {
  identical: 'good',
  following: 'minor',
  behind: 'bad',
  differs: 'bad',
  unknown: 'doubtful',
}

function standing(member: Member, picture: Picture): Cell {
  const { state, convergence } = member
  if (state === 'dead' || state === 'left') return { text: NONE, style: 'faint' }
  const { verdict, sinceMs } = convergence
  const text = `${verdict} ${wholeDuration(picture.atMs - sinceMs)}`
  const lacks = convergence.lacks.length > 0 ? `, lacks ${lacking(member, picture.members)}` : ''
  return { text: text + lacks, style: STYLES[verdict] }
}
