/** What is kept of what anybody may say. */

import { describe, expect, test } from 'vitest'
import { Heard } from './heard.js'

const PERIOD_MS = 10_000

describe('an address', () => {
  test('is news when it is heard first, when somebody else is there, and once a second', () => {
    const heard = new Heard(PERIOD_MS)
    const isNews = (member: string, nowMs: number) => heard.add('10.0.0.1:7373', member, nowMs).isNews
    expect([
      isNews('a', 0),
      isNews('a', 100),
      isNews('b', 200),
      isNews('b', 300),
      isNews('b', 1_200),
      isNews('b', 1_300),
    ]).toEqual([true, false, true, false, true, false])
  })

  test('is forgotten when it was not heard for three periods', () => {
    const heard = new Heard(PERIOD_MS)
    heard.add('10.0.0.1:7373', 'a', 0)
    heard.add('10.0.0.2:7373', 'b', 0)
    heard.add('10.0.0.2:7373', 'b', 30_000)
    expect([heard.silent(34_000), heard.silent(36_000), heard.silent(36_000)]).toEqual([
      [],
      ['10.0.0.1:7373'],
      [],
    ])
    expect(heard.add('10.0.0.1:7373', 'a', 36_001)).toEqual({ isNews: true })
  })
})

describe('a flood', () => {
  test('of names for one host is let in at twenty a second once there are sixteen, each for another', () => {
    const heard = new Heard(PERIOD_MS)
    heard.add('10.0.0.1:7373', 'a', 0)
    const added = Array.from({ length: 5_000 }, (_, i) => heard.add(`10.0.0.66:${i + 1}`, `${i}`, i))
    const news = added.filter(({ isNews }) => isNews)
    expect(news.length).toBeLessThanOrEqual(16 + 100)
    for (const { gone } of news.slice(16)) expect(gone).toMatch(/^10\.0\.0\.66:/)
    expect(heard.silent(100_000)).toHaveLength(17)
  })

  test('from made-up hosts is let in at twenty a second once there are 256, each for another', () => {
    const heard = new Heard(PERIOD_MS)
    const added = Array.from({ length: 20_000 }, (_, i) => heard.add(`10.1.${i}.1:7373`, `${i}`, i / 10))
    const news = added.filter(({ isNews }) => isNews)
    // In two seconds.
    expect(news.length).toBeLessThanOrEqual(256 + 41)
    expect(news.filter(({ gone }) => gone !== undefined)).toHaveLength(news.length - 256)
    expect(heard.silent(100_000)).toHaveLength(256)
  })

  test('does not keep a member out for long: whoever is heard each period is let in', () => {
    const heard = new Heard(PERIOD_MS)
    let isIn = false
    for (let ms = 0; ms < 60_000 && !isIn; ms++) {
      heard.add(`10.1.${ms}.1:7373`, `${ms}`, ms)
      if (ms % 1_000 === 999) isIn = heard.add('10.0.0.1:7373', 'a', ms + 60).isNews
    }
    expect(isIn).toBe(true)
  })
})
