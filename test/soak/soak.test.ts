/** The figures by which a soak judges, and short runs of it: one in which nothing grows, and one with a leak that is found. */

import { describe, expect, test } from 'vitest'
import { Random } from '../sim/random.js'
import { KINDS } from '../support/faults/faults.js'
import { leaveNothingBehind } from '../support/leaks.js'
import { LEAK_KINDS } from '../support/measuring/protocol.js'
import { Faults, LASTING, MEMBERS } from './faults.js'
import { Ledger } from './ledger.js'
import { QUANTITIES } from './quantities.js'
import { growth, summary, table } from './report.js'
import { grows, type Point, perHourOf, slopeOf } from './slope.js'
import { runSoak } from './soak.js'

leaveNothingBehind()

const MINUTE_MS = 60_000

describe('a slope', () => {
  /** Each minute one, and noise that lasts: what a sample is above the line, the next one is in part. */
  const series = (count: number, perMinute: number, seed: number): Point[] => {
    const random = new Random(seed)
    let noise = 0
    return Array.from({ length: count }, (_, i) => {
      noise = 0.7 * noise + random.between(-5, 5)
      return { atMs: i * MINUTE_MS, value: 100 + i * perMinute + noise }
    })
  }
  const seeds = Array.from({ length: 200 }, (_, seed) => seed)

  test('of a straight line is known', () => {
    const slope = slopeOf(Array.from({ length: 40 }, (_, i) => ({ atMs: i * MINUTE_MS, value: 7 + 2 * i })))!
    expect(slope.perHour).toBeCloseTo(120)
    expect(slope.plusMinus).toBeCloseTo(0)
    expect(slope.last).toBeGreaterThan(slope.first)
  })

  test('of what is always the same is nothing, for sure', () => {
    const slope = slopeOf(Array.from({ length: 40 }, (_, i) => ({ atMs: i * MINUTE_MS, value: 7 })))!
    expect(slope).toMatchObject({ first: 7, last: 7, perHour: 0, plusMinus: 0 })
    expect(grows(slope, 0)).toBe(false)
  })

  test('is in its interval nineteen times of twenty, although the noise lasts', () => {
    const inside = seeds.filter((seed) => {
      const { perHour, plusMinus } = slopeOf(series(600, 0.1, seed))!
      return Math.abs(perHour - 6) <= plusMinus
    })
    expect(inside.length / seeds.length).toBeGreaterThan(0.9)
    expect(inside.length / seeds.length).toBeLessThan(0.99)
  })

  test('of noise does not grow by more than a little, that of a leak does', () => {
    const found = (perMinute: number) =>
      seeds.filter((seed) => grows(slopeOf(series(600, perMinute, seed))!, 2))
    expect(found(0)).toEqual([])
    expect(found(0.05)).toEqual(seeds)
  })

  test('is allowed by what it comes to in the time that was looked at', () => {
    expect(perHourOf(1, 30 * MINUTE_MS)).toBe(2)
    const slope = { first: 0, last: 0, perHour: 10, plusMinus: 1, forMs: 30 * MINUTE_MS }
    expect(grows(slope, 4.4)).toBe(true)
    expect(grows(slope, 4.6)).toBe(false)
    expect(grows({ ...slope, perHour: -100 }, 0)).toBe(false)
  })

  test('of few samples is none, nor of many at few moments', () => {
    expect(slopeOf([])).toBeUndefined()
    expect(slopeOf(series(15, 1, 1))).toBeUndefined()
    expect(slopeOf(series(16, 1, 1))).toBeDefined()
    const atOnce = Array.from({ length: 100 }, (_, i) => ({ atMs: i % 2, value: i }))
    expect(slopeOf(atOnce)).toBeUndefined()
  })
})

describe('what a client knows', () => {
  function used(): Ledger {
    const ledger = new Ledger('sid', 'user', true)
    for (let i = 0; i < 3; i++) ledger.issue('a')
    ledger.confirm('a', { value: 2, server: 'b', acks: 'one' })
    return ledger
  }

  test('what was confirmed is there, or more, and nothing that nobody wrote', () => {
    expect(used().missingIn({ user: 'user', a: 2 })).toBeUndefined()
    expect(used().missingIn({ user: 'user', a: 3 })).toBeUndefined()
    expect(used().missingIn({ user: 'user', a: 1 })).toContain('2 was confirmed by b with acks one')
    expect(used().missingIn({ user: 'user' })).toContain('2 was confirmed')
    expect(used().missingIn({ user: 'user', a: 4 })).toContain('nobody wrote')
    expect(used().missingIn(undefined)).toBe('it is gone')
    expect(new Ledger('sid', 'user', false).missingIn(undefined)).toBeUndefined()
  })

  test('what was seen is seen again, unless an answer said that it lacks something', () => {
    const ledger = used()
    ledger.saw({ a: 2 })
    expect(ledger.lackOf({ a: 1 })).toContain('2 was seen')
    expect(ledger.lackOf({ a: 3 })).toBeUndefined()
    expect(() => ledger.saw({ a: 4 })).toThrow('nobody wrote')
    ledger.unanswered('a', 1)
    expect(ledger.lackOf({ a: 1 }), 'it was written after all').toBeUndefined()
    expect(ledger.lackOf({ a: 0 })).toContain('2 was seen')
    ledger.forgetSeen()
    expect(ledger.mustShow).toBe(false)
    ledger.saw({ a: 1 })
    expect(ledger.mustShow).toBe(true)
    expect(ledger.lackOf({ a: 1 })).toBeUndefined()
  })
})

test('faults are drawn again by their seed: each kind in turn, and never to the one that is spared', () => {
  const [faults, again] = [new Faults(new Random(1)), new Faults(new Random(1))]
  for (let round = 0; round < 20; round++) {
    const drawn = KINDS.map(() => faults.next())
    expect(KINDS.map(() => again.next())).toEqual(drawn)
    expect(drawn.map(({ kind }) => kind).sort()).toEqual([...KINDS].sort())
    const ends = drawn.filter(({ kind }) => kind === 'kill' || kind === 'leave')
    for (const fault of ends) expect(LASTING).not.toContain('member' in fault && fault.member)
    for (const fault of drawn) expect('member' in fault && fault.member).not.toBe(MEMBERS[0])
  }
})

/** Where a kill, a leave and a freeze come first. */
const SEED = 203
/** Such as two cores bear beside other tests. */
const WRITES_PER_SECOND = 100
/** Generous: they take a minute and some seconds where the machine does little else. */
const DEADLINE_MS = 300_000

test(
  'a minute of load and faults: nothing is lost, and nothing grows',
  async () => {
    const lines: string[] = []
    const result = await runSoak({
      seed: SEED,
      forMs: MINUTE_MS,
      writesPerSecond: WRITES_PER_SECOND,
      leak: [],
      print: (line) => lines.push(line),
    })
    const told = [...lines, table(result.judged), summary(result)].join('\n')
    expect(growth(result.judged), told).toEqual([])
    // A run in which little happened would prove nothing.
    expect(result.tally.changed, told).toBeGreaterThan(1_000)
    expect(result.tally.one + result.tally.all, told).toBeGreaterThan(300)
    expect(Object.keys(result.faults), told).toEqual(expect.arrayContaining(['kill', 'leave', 'freeze']))
    const looked = result.judged.filter(({ member }) => member === LASTING[1])
    expect(looked.map(({ quantity }) => quantity.name).sort(), told).toEqual(
      QUANTITIES.map(({ name }) => name).sort(),
    )
  },
  DEADLINE_MS,
)

test(
  'a member that leaks is found',
  async () => {
    const { judged } = await runSoak({
      seed: SEED,
      forMs: 45_000,
      writesPerSecond: 50,
      leak: LEAK_KINDS,
      print: () => {},
    })
    const found = judged
      .filter(({ grows }) => grows)
      .map(({ member, quantity }) => `${member} ${quantity.name}`)
    expect(found, table(judged)).toEqual(expect.arrayContaining(['a heap', 'a timers', 'a handles']))
  },
  DEADLINE_MS,
)
