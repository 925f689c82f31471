/** The whole picture as lines of text. */

import { isGrave, latest, MAX_NAME, wordsOf } from './events.js'
import { type Figures, figuresOf } from './figures.js'
import { memberColumns } from './members.js'
import type { Paint } from './paint.js'
import type { Event, Picture } from './picture.js'
import { type Column, table } from './table.js'
import { cut, pad, widthOf, wrap } from './text.js'
import { linkTroubles, summary } from './troubles.js'
import { clock, count, list } from './units.js'

export interface Look {
  /** Columns; `Infinity` when nothing has to fit. */
  readonly width: number
  readonly paint: Paint
}

const EVENTS = 10

/** What `status` prints. */
export function statusLines(picture: Picture, look: Look): string[] {
  return [
    headLine(picture, look),
    '',
    ...memberLines(picture, look),
    ...titled('Links', linkLines(picture, look), look),
    ...titled('Latest events', eventLines(latest(picture.events, EVENTS), look), look),
    '',
    ...summaryLines(picture, look),
  ]
}

export function headLine(picture: Picture, { width, paint }: Look): string {
  const by = picture.members.find(({ id }) => id === picture.by)?.name ?? 'a member'
  const told = `, as ${by} tells at ${clock(picture.atMs)}`
  const cluster = cut(picture.cluster, Math.max(8, width - 40))
  return paint('title', cluster) + cut(`: ${countsOf(picture)}${told}`, width - widthOf(cluster))
}

function countsOf({ members }: Picture): string {
  const all = count(members.length, 'member')
  if (members.every(({ state }) => state === 'alive')) return all
  const states = (['alive', 'suspect', 'dead', 'left'] as const).flatMap((state) => {
    const many = members.filter((member) => member.state === state).length
    return many === 0 ? [] : `${many} ${state}`
  })
  return `${all} (${list(states)})`
}

export function memberLines(
  picture: Picture,
  { width, paint }: Look,
  more: readonly Column<Figures>[] = [],
): string[] {
  return table(memberColumns(picture, more), figuresOf(picture), width, paint)
}

export function linkLines(picture: Picture, { width, paint }: Look): string[] {
  return linkTroubles(picture).map(({ at, peer, isMissing, words }) =>
    paint(isMissing ? 'bad' : 'doubtful', cut(`${at} to ${peer}: ${words}`, width)),
  )
}

export function eventLines(events: readonly Event[], { width, paint }: Look): string[] {
  const names = events.map(({ by }) => cut(by.name, MAX_NAME))
  const nameWidth = Math.max(0, ...names.map(widthOf))
  return events.map((event, i) => {
    const time = clock(event.atMs)
    const words = cut(`${pad(names[i]!, nameWidth)}  ${wordsOf(event)}`, width - time.length - 2)
    return `${paint('faint', time)}  ${isGrave(event) ? paint('doubtful', words) : words}`
  })
}

/** Whether all is well; as long as it takes. */
export function summaryLines(picture: Picture, { width, paint }: Look): string[] {
  const style = picture.troubles.length === 0 ? 'good' : 'bad'
  return wrap(summary(picture), width).map((line) => paint(style, line))
}

export function titled(title: string, lines: readonly string[], { paint }: Look): string[] {
  return lines.length === 0 ? [] : ['', paint('title', title), ...lines]
}
