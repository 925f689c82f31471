import { expect, test } from 'vitest'
import { TombstoneTable } from './tombstone-table.js'

const stamp = (time: number, origin: string) => ({ time, counter: time % 3, origin })

test('each gives its stamp back, whatever was removed before and meanwhile', () => {
  const tombstones = new TombstoneTable()
  const [a, b, c] = [1, 2, 3].map((time) => tombstones.add(stamp(time, 'm'))) as [number, number, number]
  tombstones.remove(b)
  const d = tombstones.add(stamp(4, 'n'))
  const e = tombstones.add(stamp(5, 'n'))
  expect(tombstones.size).toBe(4)
  expect([a, c, d, e].map((slot) => tombstones.get(slot))).toEqual([
    stamp(1, 'm'),
    stamp(3, 'm'),
    stamp(4, 'n'),
    stamp(5, 'n'),
  ])
})

test('none is left when all are removed, and it goes on', () => {
  const tombstones = new TombstoneTable()
  const slots = [1, 2].map((time) => tombstones.add(stamp(time, 'm')))
  for (const slot of slots) tombstones.remove(slot)
  expect(tombstones.size).toBe(0)
  expect(tombstones.get(tombstones.add(stamp(3, 'n')))).toEqual(stamp(3, 'n'))
  expect(tombstones.size).toBe(1)
})
