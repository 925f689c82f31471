import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { type MemberSketch, sketch } from '../../test/picture.js'
import { History } from './history.js'
import { painted, unpainted } from './paint.js'
import { pictureOf } from './picture.js'
import { widthOf } from './text.js'
import { screenLines } from './top-view.js'

function historyOf(members: Record<string, MemberSketch>): History {
  const history = new History()
  const events = Array.from({ length: 50 }, () => ({ event: 'draining' }))
  history.add(pictureOf(JSON.stringify(sketch(members, events))))
  return history
}

const minute = {
  samples: Array.from({ length: 60 }, (_, i) => ({ sessions: 1_000 + i, writes: i * i })),
}
const history = historyOf({ 'web-1': minute, 'web-2': minute })

test('the last minute, with what it is now and from where to where it went', () => {
  const lines = screenLines(history, undefined, { width: 80, height: 24, paint: unpainted })
  expect(lines[0]).toMatch(/^shop: 2 members, .* q quits$/)
  expect(lines[1]).toMatch(/^All is well/)
  expect(lines.find((line) => line.startsWith('sessions'))).toMatch(
    /^sessions {5}1059 {2}▁.*█ {2}1000 to 1059$/,
  )
  expect(lines.find((line) => line.startsWith('writes/s'))).toMatch(
    /^writes\/s {6}234 {2}.*▁.*█ {2}0 to 234$/,
  )
  expect(lines.find((line) => line.startsWith('lag p99'))).toMatch(/^lag p99 +-/)
})

test('why there is no newer picture is said in place, above what was told last', () => {
  const look = { width: 80, height: 24, paint: unpainted }
  expect(screenLines(new History(), undefined, look)).toEqual(['Asking …'])
  expect(screenLines(new History(), 'It is down', look)).toEqual(['It is down'])
  const lines = screenLines(history, 'It is down\nAsking again', look)
  expect(lines.slice(1, 3)).toEqual(['It is down', 'Asking again'])
  expect(lines.join('\n')).not.toContain('All is well')
  expect(lines.join('\n')).toContain('web-2')
})

test('every screen is filled and none overflows; on a low one members are left, on a wide one each has its chart', () => {
  const many = historyOf(Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`member-${i}`, minute])))
  for (const [height, width] of [12, 20, 24, 50].flatMap((h) =>
    [40, 80, 120, 160].map((w) => [h, w] as const),
  )) {
    const lines = screenLines(many, undefined, { width, height, paint: painted })
    expect(lines.length, `${width} × ${height}`).toBeLessThanOrEqual(height)
    for (const line of lines) expect(widthOf(stripVTControlCharacters(line))).toBeLessThanOrEqual(width)
  }
  const text = (width: number, height: number) =>
    screenLines(many, undefined, { width, height, paint: unpainted }).join('\n')
  expect(text(80, 12)).toMatch(/member-6[\s\S]*… and 5 lines more$/)
  expect(text(80, 12)).not.toContain('▁')
  expect(text(80, 30)).toMatch(/▁[\s\S]*member-9[\s\S]*Latest events/)
  expect(text(160, 30)).toContain('LAST MINUTE')
})
