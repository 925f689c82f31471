/** What excuses a loss and what does not: the rounds are worth what these rules are. */

import { describe, expect, test } from 'vitest'
import { Random } from '../sim/random.js'
import { describeFault, drawFaults, isProcessFault, KINDS, touched } from '../support/faults/faults.js'
import type { Death } from '../support/faults/nemesis.js'
import { Knowledge, NOTHING } from './knowledge.js'
import { type Confirmation, Visit } from './visit.js'

const LOGIN: Confirmation = { server: 'a', sentMs: 1, acks: 'none' }
const DEATH: Death = { member: 'a', atMs: 10, hadSoundPeer: true, stoodStill: false }
const UNSOUND: Death = { ...DEATH, hadSoundPeer: false }

function visitWith(value: number, by: Partial<Confirmation> = {}): Visit {
  const visit = new Visit('sid', 'user', LOGIN)
  for (let i = 0; i < value; i++) visit.issue('x')
  visit.confirm('x', value, { ...LOGIN, ...by })
  return visit
}

describe('a confirmed write', () => {
  test('is there', () => {
    expect(visitWith(2).settle({ x: 2 }, [])).toEqual([])
  })

  test('may be followed by one that nobody confirmed, and by none that nobody sent', () => {
    const visit = visitWith(2)
    visit.issue('x')
    expect(visit.settle({ x: 3 }, [])).toEqual([])
    expect(() => visit.settle({ x: 4 }, [])).toThrow('nobody wrote')
  })

  test('must be there, whoever lives or died with a sound peer', () => {
    expect(() => visitWith(2).settle({ x: 1 }, [])).toThrow('2 was confirmed')
    expect(() => visitWith(2).settle({ x: 1 }, [DEATH])).toThrow('2 was confirmed')
    expect(() => visitWith(2).settle(undefined, [DEATH])).toThrow('is gone from everywhere')
  })

  test('may die with a server that nobody heard any more, and is told', () => {
    expect(visitWith(2).settle({ x: 1 }, [UNSOUND])).toEqual(['x 2…2 of sid'])
    expect(visitWith(2).settle(undefined, [UNSOUND])).toEqual(['login of sid'])
  })

  test('must be there if another server confirmed it, if acks did, or if it was sent after the death', () => {
    expect(() => visitWith(2, { server: 'b' }).settle({ x: 1 }, [UNSOUND])).toThrow('confirmed by b')
    expect(() => visitWith(2, { acks: 'one' }).settle({ x: 1 }, [UNSOUND])).toThrow('with acks one')
    expect(() => visitWith(2, { sentMs: 11 }).settle({ x: 1 }, [UNSOUND])).toThrow('2 was confirmed')
  })

  test('of a server that had stood still is borne by acks', () => {
    const still = { ...DEATH, stoodStill: true }
    expect(visitWith(2).settle({ x: 1 }, [still])).toEqual(['x 2…2 of sid'])
    expect(() => visitWith(2, { acks: 'all' }).settle({ x: 1 }, [still])).toThrow('with acks all')
  })

  test('that all held at the end of a round is never lost', () => {
    const visit = visitWith(2)
    visit.settle({ x: 2 }, [])
    expect(() => visit.settle({ x: 1 }, [UNSOUND])).toThrow('in an earlier round')
    expect(() => visit.settle(undefined, [UNSOUND])).toThrow('is gone from everywhere')
  })
})

test('a confirmed end is final, one that nobody confirmed may have happened or not', () => {
  const visit = visitWith(1)
  visit.end = { by: undefined }
  expect(visit.settle({ x: 1 }, [])).toEqual([])
  visit.end = { by: LOGIN }
  expect(() => visit.settle({ x: 1 }, [DEATH])).toThrow('is held everywhere')
  expect(visit.settle({ x: 1 }, [UNSOUND])).toEqual(['end of sid'])
  expect(visit.isGone).toBe(false)
  visit.settle(undefined, [])
  expect(visit.isGone).toBe(true)
})

test('a token stands for what the one before did, and for what was seen; another token for neither', () => {
  const knowledge = new Knowledge()
  const values = (x: number, y: number) => ({
    ...NOTHING,
    isOpen: true,
    values: new Map(Object.entries({ x, y })),
  })
  knowledge.learn('first', undefined, 'sid', values(1, 5))
  knowledge.learn('second', 'first', 'sid', values(3, 2))
  knowledge.learn('other', undefined, 'sid', values(1, 1))
  expect(knowledge.of('second', 'sid')).toEqual(values(3, 5))
  expect(knowledge.of('first', 'sid')).toEqual(values(1, 5))
  expect(knowledge.of('other', 'sid')).toEqual(values(1, 1))
  expect(knowledge.of('second', 'another')).toEqual(NOTHING)
})

test('a round is drawn again by its seed, and has every kind of fault sooner or later', () => {
  const members = ['a', 'b', 'c', 'd', 'e']
  const kinds = new Set<string>()
  for (let seed = 1; seed <= 200; seed++) {
    const faults = drawFaults(new Random(seed), members, KINDS)
    expect(drawFaults(new Random(seed), members, KINDS)).toEqual(faults)
    for (const fault of faults) {
      kinds.add(fault.kind)
      expect(describeFault(fault)).toContain(fault.kind === 'partition' ? '|rest' : fault.kind)
      for (const name of touched(fault)) expect(members).toContain(name)
    }
    const processes = faults.filter(isProcessFault).map(({ member }) => member)
    expect(new Set(processes).size, 'a process has one fault at a time').toBe(processes.length)
  }
  expect([...kinds].sort()).toEqual([...KINDS].sort())
})
