/** However writes come to a member, live, by resume, for a gap or with a full transfer, they make one state. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Net } from '../test/harness.js'
import type { Data, Member } from '../test/member.js'
import { formatStamp, type Stamp } from './stamp.js'

const text = (stamp: Stamp | undefined) => (stamp === undefined ? '-' : formatStamp(stamp))

/** All that is replicated, to the last stamp; marks of removed attributes and of destroyed sessions included. */
function contents(member: Member): string[] {
  const lines = [`digest ${member.replica.digest().map(text).sort().join(' ')}`]
  for (const record of member.replica.records()) {
    const { sid, created, destroyed, lifetime, whole } = record
    const attributes = (record.above(undefined)?.attributes ?? []).map(
      ({ name, value, stamp }) => `${name}=${JSON.stringify(value)}@${text(stamp)}`,
    )
    // Of what is destroyed nobody asks when it began, and who wrote last.
    const isOver = destroyed !== undefined
    const [first, last] = isOver ? [] : [created, record.lastStamp]
    const lives = `${lifetime?.ttlMs}@${text(lifetime?.stamp)}`
    const marks = [first, destroyed, last].map(text)
    lines.push([sid, ...marks, lives, whole, ...attributes.sort()].join(' '))
  }
  return lines.sort()
}

const HOUR = 3_600_000
const writer = fc.constantFrom(0, 1)
const sid = fc.constantFrom('s0', 's1', 's2', 's3', 's4')
const data: fc.Arbitrary<Data> = fc.dictionary(fc.constantFrom('x', 'y', 'z'), fc.constantFrom('1', '2'))
const ttlMs = fc.constantFrom(HOUR, 2 * HOUR)
const writeArb = fc.record({ do: fc.constantFrom('write', 'lose'), at: writer, sid, data, ttlMs })
const stepArb = fc.oneof(
  { weight: 5, arbitrary: writeArb },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('destroy' as const), at: writer, sid }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('cut', 'heal', 'break'), at: writer }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('turn', 'chunk', 'pause') }) },
)
type Step = typeof stepArb extends fc.Arbitrary<infer T> ? T : never

/**
 * Two writers, and each of the others gets their writes in a way of its own. One more is dead and not forgotten:
 * as long as it is, what was removed and destroyed leaves its marks.
 */
class World {
  readonly net = new Net({ transferChunkRecords: 1 })
  readonly #cluster = this.net.cluster('a', 'b', 'live', 'resumed', 'gaps', 'dead')
  readonly #writers = [this.#cluster[0], this.#cluster[1]] as const
  readonly live = this.#cluster[2]
  readonly resumed = this.#cluster[3]
  readonly gaps = this.#cluster[4]
  readonly #dead = this.#cluster[5]
  readonly joiner = this.net.member('joiner')
  readonly destroyed = new Set<string>()

  constructor() {
    this.net.kill(this.#dead)
    this.net.run(100)
  }

  get members(): Member[] {
    return [...this.#writers, this.live, this.resumed, this.gaps, this.joiner]
  }

  do(step: Step): void {
    const { net, resumed, joiner } = this
    const from = this.#writers['at' in step ? step.at : 0] as Member
    switch (step.do) {
      case 'write':
        from.write(step.sid, step.data, { ttlMs: step.ttlMs })
        return
      case 'lose':
        net.settle()
        net.hold(from, this.gaps)
        from.write(step.sid, step.data, { ttlMs: step.ttlMs })
        net.settle()
        net.lose(from, this.gaps)
        return net.release(from, this.gaps)
      case 'destroy':
        from.destroy(step.sid)
        this.destroyed.add(step.sid)
        return
      case 'cut':
        return net.cut(from, resumed)
      case 'heal':
        return net.heal(from, resumed)
      case 'break':
        return net.breakLink(from, joiner)
      case 'turn':
        return net.settle()
      case 'chunk':
        for (const source of [...this.#writers, this.live])
          if (net.inFlight(source, joiner).length > 0) net.deliverOne(source, joiner)
        return
      case 'pause':
        return net.run(300)
    }
  }

  /** The transfer to it goes on a chunk at a time, while the others write. */
  join(): void {
    const sources = [...this.#writers, this.live]
    for (const source of sources) this.net.hold(source, this.joiner)
    this.net.start(this.joiner, ...sources)
    this.net.settle()
  }

  calm(): void {
    for (const source of this.#writers) this.net.heal(source, this.resumed)
    for (const source of [...this.#writers, this.live]) this.net.release(source, this.joiner)
    this.net.run(3_000)
  }

  /** The dead one is back with nothing, and nobody waits for it any more. One more comes when all marks are gone. */
  restart(): Member[] {
    const again = this.net.start(this.net.member('dead'), this.live)
    this.net.run(5_000)
    const late = this.net.start(this.net.member('late'), this.live)
    this.net.run(500)
    return [again, late]
  }
}

test('all ways that writes can come lead to the state of who got them live', () => {
  const ways = new Set<string>()
  fc.assert(
    fc.property(
      fc.array(stepArb, { maxLength: 30 }),
      fc.array(stepArb, { maxLength: 30 }),
      (before, during) => {
        const world = new World()
        const { live, resumed, gaps, joiner } = world
        for (const step of before) world.do(step)
        world.join()
        for (const step of during) world.do(step)
        world.calm()
        for (const member of world.members) expect(contents(member)).toEqual(contents(live))
        expect(live.replica.tombstones).toBe(world.destroyed.size)
        for (const member of [...world.members, ...world.restart()]) {
          expect(contents(member)).toEqual(contents(live))
          expect([member.replica.tombstones, member.replica.pending]).toEqual([0, 0])
        }
        if (live.replica.counters.gaps === 0) ways.add('live')
        if (resumed.replica.counters.pulls > 5) ways.add('resume')
        if (gaps.replica.counters.gaps > 0) ways.add('gap')
        if (joiner.replica.counters.transfersAbandoned > 0) ways.add('broken transfer')
      },
    ),
    { numRuns: 40 },
  )
  expect([...ways].sort()).toEqual(['broken transfer', 'gap', 'live', 'resume'])
})
