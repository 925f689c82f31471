/** The picture as lines of text: a table for the terminal, one line for a log. */

import { styleText } from 'node:util'
import type { Picture, ServerPicture } from './picture.js'

type Style = Parameters<typeof styleText>[0]

const COLUMNS: [title: string, width: number, cell: (server: ServerPicture) => string | number | null][] = [
  ['', 10, (server) => server.name],
  ['process', 10, (server) => server.process],
  ['others say', 14, (server) => server.verdict],
  ['pid', 9, (server) => server.pid],
  ['port', 7, (server) => server.port],
  ['sessions', 10, (server) => server.sessions],
  ['owned', 7, (server) => server.owned],
  ['req/s', 6, (server) => server.requestsPerSecond],
]

const STYLES: Record<string, Style> = {
  running: 'green',
  alive: 'green',
  starting: 'yellow',
  leaving: 'yellow',
  suspect: 'yellow',
  frozen: 'cyan',
  left: 'gray',
  stopped: 'gray',
  killed: 'red',
  crashed: 'red',
  dead: 'red',
}

/** Each line fits in `width`: a wrapped one would spoil the redrawing. */
export function table(picture: Picture, address: string, width: number): string[] {
  const { totals } = picture
  const head = COLUMNS.map(([title, columnWidth]) => title.padEnd(columnWidth)).join('')
  return [
    '',
    paint('bold', fit(`sessionmesh demo  ${address}  ${clock(picture.seconds)}`, width)),
    paint('cyan', fit(`> ${picture.step}`, width)),
    '',
    paint('dim', fit(head, width)),
    ...picture.servers.map((server) => row(server, width)),
    '',
    fit(
      `users ${picture.users}   requests ${totals.requests}   req/s ${perSecond(picture)}   takeovers ${picture.takeovers.events} (${picture.takeovers.sessions} sessions)`,
      width,
    ),
    fit(`moved on by the proxy ${picture.movedOn}   sent again ${totals.errors}`, width),
    ['wrong reads', 'lost logins', 'lost cart items']
      .map((name, index) => count(name, [totals.wrongReads, totals.lostLogins, totals.lostItems][index] ?? 0))
      .join('   '),
    '',
  ]
}

export function summaryLine({ users, totals, takeovers, seconds }: Picture, isComplete: boolean): string {
  const lost = totals.wrongReads + totals.lostLogins + totals.lostItems
  return [
    `summary: ${users} users, ${totals.requests} requests in ${seconds} s, ${takeovers.sessions} sessions taken over,`,
    `wrong reads ${totals.wrongReads}, lost logins ${totals.lostLogins}, lost cart items ${totals.lostItems}:`,
    lost > 0 ? 'NOT everything survived' : isComplete ? 'nothing was lost' : 'but the scenario is incomplete',
  ].join(' ')
}

/** For logs, where nothing can be redrawn. */
export function statusLine(picture: Picture): string {
  const { totals } = picture
  const servers = picture.servers.map((server) => `${server.process}/${server.verdict}`).join(' ')
  return `${servers} | requests ${totals.requests} (${perSecond(picture)}/s) | wrong reads ${totals.wrongReads} | lost logins ${totals.lostLogins}`
}

export function clock(seconds: number): string {
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`
}

function perSecond(picture: Picture): number {
  return picture.servers.reduce((sum, server) => sum + server.requestsPerSecond, 0)
}

function row(server: ServerPicture, width: number): string {
  let used = 0
  return COLUMNS.map(([, columnWidth, cell]) => {
    const text = String(cell(server) ?? '-')
    const padded = fit(text.padEnd(columnWidth), width - used)
    used += columnWidth
    const style = STYLES[text]
    return style === undefined ? padded : paint(style, padded)
  }).join('')
}

function count(name: string, value: number): string {
  return paint(value === 0 ? 'green' : ['bold', 'red'], `${name} ${value}`)
}

function fit(text: string, width: number): string {
  return text.slice(0, Math.max(0, width))
}

function paint(style: Style, text: string): string {
  return process.env.NO_COLOR ? text : styleText(style, text)
}
