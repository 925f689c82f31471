/** Two halves of a cluster that were apart for so long that they have forgotten each other. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Net } from '../test/harness.js'
import type { Member } from '../test/member.js'

const config = { forgetDeadAfterMs: 5_000, deadAfterMs: 1_000, suspectAfterMs: 500 }

/** Two names each; the first half has the lowest id. */
const halvesArb = fc.constantFrom('ab cd', 'ac bd', 'ad bc')
/** In which order the four pairs meet again, and how long each waits after the one before. */
const healingArb = (pausesMs: readonly number[]) => {
  const pause = fc.constantFrom(...pausesMs)
  return fc.tuple(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), fc.tuple(pause, pause, pause, pause))
}
type Healing = [order: number[], pausesMs: number[]]

/** Two halves, each of which has destroyed, changed and made something since they parted. */
function halves(split: string) {
  const net = new Net(config)
  const members = net.cluster('a', 'b', 'c', 'd')
  const half = (names: string) => members.filter(({ name }) => names.includes(name)) as [Member, Member]
  const [kept, lost] = split.split(' ').map(half) as [[Member, Member], [Member, Member]]
  const pairs = kept.flatMap((one) => lost.map((other) => [one, other] as const))
  const [a, z] = [kept[0], lost[0]]
  for (const sid of ['destroyed here', 'destroyed there', 'changed']) a.write(sid, { x: '1' })
  net.run(300)
  for (const [one, other] of pairs) net.cut(one, other)
  a.destroy('destroyed here')
  z.destroy('destroyed there')
  a.write('changed', { x: 'here' }, { base: a.base('changed') })
  z.write('changed', { x: 'there' }, { base: z.base('changed') })
  a.write('made here', { x: '1' })
  z.write('made there', { x: '1' })
  net.run(20_000)
  for (const { replica } of members) expect([replica.tombstones, replica.peers().length]).toEqual([0, 1])
  return { net, members, kept, pairs }
}

function heal(split: string, [order, pausesMs]: Healing) {
  const { net, pairs, ...rest } = halves(split)
  order.forEach((pair, i) => {
    const [one, other] = pairs[pair] as (typeof pairs)[number]
    net.run(pausesMs[i] as number)
    net.heal(one, other)
  })
  net.run(15_000)
  return rest
}

function expectFirstHalf(split: string, healing: Healing): void {
  const { members, kept } = heal(split, healing)
  for (const { id } of kept) expect(id).not.toContain("'")
  for (const member of members) {
    expect(member.state()).toEqual(kept[0].state())
    expect(member.keys()).toEqual(['changed', 'destroyed there', 'made here'])
    expect(member.read('changed')).toEqual({ x: 'here' })
  }
}

describe('two halves that forgot each other', () => {
  test('go on as the one with the lowest id, when all of them meet within a moment', () => {
    fc.assert(fc.property(halvesArb, healingArb([0, 20]), expectFirstHalf), { numRuns: 40 })
  })

  // A new run that meets a survivor and a member of its former half, which has not met one yet, is a newcomer to both:
  // it hands to each what the other has.
  test('go on as the one with the lowest id, in whichever order their members meet', () => {
    expectFirstHalf('ab cd', [
      [3, 0, 1, 2],
      [0, 3_000, 0, 0],
    ])
  })
})

describe('two parts that forgot each other, of which not all members reach all', () => {
  const namesArb = fc.shuffledSubarray(['a', 'b', 'c', 'd', 'e'], { minLength: 3 })
  const historyArb = fc.tuple(namesArb, fc.integer({ min: 1, max: 2 }), fc.infiniteStream(fc.nat(1_000)))

  test('become one, and then nobody begins anew any more', () => {
    const become = ([names, size, draws]: [string[], number, IterableIterator<number>]) => {
      const draw = (below: number) => (draws.next().value as number) % below
      const net = new Net(config)
      const members = net.cluster(...(names as [string]))
      const parts = [members.slice(0, size), members.slice(size)] as const
      members.forEach((member, i) => {
        member.write(`${i}`, { x: '1' })
      })
      net.run(300)
      const pairs = parts[0].flatMap((one) => parts[1].map((other) => [one, other] as const))
      for (const [one, other] of pairs) net.cut(one, other)
      for (const member of members) if (draw(3) > 0) member.destroy(`${draw(members.length)}`)
      net.run(20_000)
      // Some of the pairs meet again, one after the other, in whatever order.
      const sorted = pairs.map((pair) => ({ pair, at: draw(1_000) })).sort((x, y) => x.at - y.at)
      for (const { pair } of sorted.slice(0, 1 + draw(pairs.length))) {
        net.heal(...pair)
        net.run([0, 20, 300, 3_000][draw(4)] as number)
      }
      const areStable = (ms: number) => {
        const ids = () => members.map(({ id }) => id)
        const before = ids()
        net.run(ms)
        expect(ids()).toEqual(before)
      }
      net.run(12_000)
      areStable(10_000)
      // (Who cannot reach another may hold it for dead, and tell no more of it.)
      for (const member of members) expect(member.state().sessions).toEqual(members[0]?.state().sessions)
      for (const pair of pairs) net.heal(...pair)
      net.run(12_000)
      areStable(5_000)
      for (const member of members) expect(member.state()).toEqual(members[0]?.state())
      expect(members.some(({ id }) => !id.includes("'"))).toBe(true)
    }
    fc.assert(fc.property(historyArb, become), { numRuns: 60 })
  })
})

describe('a smaller part', () => {
  test('yields also when who links both has not met all of the bigger one yet', () => {
    const net = new Net(config)
    // It has the lowest id, which would decide between two parts of one size.
    const [a, c, d] = net.cluster('a', 'c', 'd')
    for (const sid of ['kept', 'destroyed']) c.write(sid, { x: '1' })
    net.settle()
    for (const other of [c, d]) net.cut(a, other)
    a.write('lost', { x: '1' })
    c.destroy('destroyed')
    net.run(20_000)
    for (const { replica } of [a, c, d]) expect(replica.peers().length).toBe(replica === a.replica ? 0 : 1)
    const bridge = net.member('e')
    net.cut(bridge, d)
    net.start(bridge, a, c)
    net.run(8_000)
    expect([a.id, c.id, d.id]).toEqual(["a1'", 'c1', 'd1'])
    expect(a.state()).toEqual(c.state())
    expect(a.keys()).toEqual(['kept'])
  })
})
