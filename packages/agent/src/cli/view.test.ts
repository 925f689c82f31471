import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { sketch } from '../../test/picture.js'
import { latest } from './events.js'
import { painted, unpainted } from './paint.js'
import { pictureOf } from './picture.js'
import { widthOf } from './text.js'
import { clock } from './units.js'
import { statusLines } from './view.js'

const picture = pictureOf(
  JSON.stringify(
    sketch(
      {
        'web-1': {
          owners: { 'id-web-1': 300, 'id-web-2': 700 },
          samples: [
            { sessions: 998, writes: 10, loop: { p50Ms: 0, maxMs: 1.5 } },
            { sessions: 1000, writes: 52, loop: { p50Ms: 0, maxMs: 2.5 } },
          ],
          links: { 'web-2': { bufferedBytes: 2_000, lag: { p50Ms: 1.2, p99Ms: 34, deltas: 9 } } },
        },
        'web-2': {
          ready: false,
          verdict: 'behind',
          forMs: 14_000,
          lacks: [{ origin: 'id-web-1', byMs: 700 }],
        },
        'web-3': { state: 'dead', verdict: 'unknown' },
      },
      [
        { event: 'member:dead', peer: { id: 'id-web-3', name: 'web-3' } },
        { event: 'takeover', peer: { id: 'id-web-3', name: 'web-3' }, sessions: 12 },
        { event: 'session:changed', ref: '1a2b3c4d5e6f', changed: ['cart', 'user'] },
      ],
    ),
  ),
)

test('all that there is to say of each member', () => {
  const lines = statusLines(picture, { width: Number.POSITIVE_INFINITY, paint: unpainted })
  expect(lines[0]).toBe(`shop: 3 members (2 alive and 1 dead), as web-1 tells at ${clock(picture.atMs)}`)
  expect(lines.slice(2, 6).map((line) => line.replace(/ {2,}/g, ' | '))).toEqual([
    'MEMBER | ADDRESS | STATE | READY | SESSIONS | OWNED | WRITES/S | LAG p50/p99 | LOOP | MEMORY | QUEUE | CONVERGENCE',
    'web-1 | 10.0.0.1:7373 | alive | yes | 1000 | 30% | 42 | 1.2/34 ms | 2.5 ms | 100 MB | 2.0 kB | identical 1 min',
    'web-2 | 10.0.0.2:7373 | alive | no | 0 | - | 0 | - | 0 ms | 100 MB | 0 B | behind 14 s, lacks web-1 (0.7 s)',
    'web-3 | 10.0.0.3:7373 | dead | - | - | - | - | - | - | - | - | -',
  ])
  expect(lines.slice(8, 11).map((line) => line.slice('hh:mm:ss  '.length))).toEqual([
    'web-1  takes web-3 for dead',
    'web-1  answers for 12 sessions of web-3 from now on',
    'web-1  session 1a2b3c4d changed: cart, user',
  ])
  expect(lines.at(-1)).toMatch(
    /^Not well: web-3 has been dead for 1 min.*web-2 has been behind.*web-2 is not ready.*\.$/,
  )
})

test('the narrower it is the less is shown, the most important last; and nothing sticks out', () => {
  const titles = (width: number) => statusLines(picture, { width, paint: unpainted })[2]?.split(/ {2,}/)
  expect(titles(120)).toContain('MEMORY')
  expect(titles(80)).toEqual([
    'MEMBER',
    'STATE',
    'READY',
    'SESSIONS',
    'OWNED',
    'WRITES/S',
    'LAG p50/p99',
    'CONVERGENCE',
  ])
  expect(titles(40)).toEqual(['MEMBER', 'STATE', 'READY', 'CONVERGENCE'])
  for (let width = 30; width < 170; width++) {
    for (const line of statusLines(picture, { width, paint: painted }))
      expect(widthOf(stripVTControlCharacters(line)), `${width}: ${line}`).toBeLessThanOrEqual(width)
  }
})

test('changes of sessions do not push out what happened to the cluster', () => {
  const many = Array.from({ length: 100 }, (_, i) => ({ event: 'session:changed', sid: `s${i}` }))
  const given = [{ event: 'joined' }, { event: 'joined' }, { event: 'anew' }, ...many]
  const { events } = pictureOf(JSON.stringify(sketch({ a: {} }, given)))
  const latestOf = (room: number) => latest(events, room).map(({ event, sid }) => sid ?? event)

  expect(latestOf(3)).toEqual(['joined', 'anew', 's99'])
  expect(latestOf(6)).toEqual(['joined', 'joined', 'anew', 's97', 's98', 's99'])
  expect(latestOf(50)).toHaveLength(3 + 6)
  expect(latestOf(1)).toEqual(['anew'])
  expect(latestOf(0)).toEqual([])
})
