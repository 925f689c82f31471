import { expect, test } from 'vitest'
import type { Stamp } from './stamp.js'
import { type Slot, TombstoneTable } from './tombstone-table.js'

const stamp = (time: number): Stamp => ({ time, counter: time % 3, origin: `m${time % 5}` })

/** Who knows the slots: adds, removes, moves, and compares. */
class Holder {
  readonly table = new TombstoneTable()
  readonly slots = new Map<number, Slot>()

  add(from: number, to: number): void {
    for (let time = from; time < to; time++) this.slots.set(time, this.table.add(stamp(time)))
  }

  removeAllBut(isKept: (time: number) => boolean): void {
    for (const [time, slot] of this.slots) {
      if (isKept(time)) continue
      this.table.remove(slot)
      this.slots.delete(time)
    }
  }

  moveAll(): void {
    for (const [time, slot] of this.slots) this.slots.set(time, this.table.moved(slot))
  }

  check(): void {
    expect(this.table.size).toBe(this.slots.size)
    expect(new Set(this.slots.values()).size).toBe(this.slots.size)
    for (const [time, slot] of this.slots) expect(this.table.get(slot)).toEqual(stamp(time))
  }
}

test('each gives its stamp back, whatever was removed before and meanwhile', () => {
  const holder = new Holder()
  holder.add(0, 10)
  holder.removeAllBut((time) => time % 3 === 0)
  holder.add(10, 20)
  holder.check()
})

test('what a peak took is given back while there are some, by those that move', () => {
  const holder = new Holder()
  holder.add(0, 10_000)
  holder.removeAllBut((time) => time % 100 === 0)
  holder.table.shrink()
  // Some come, go and stay before they are moved.
  holder.add(10_000, 10_010)
  holder.removeAllBut((time) => time % 200 === 0 || time > 10_004)
  holder.check()
  holder.moveAll()
  holder.check()
  // They stand side by side now.
  const slots = [...holder.slots.values()]
  expect(Math.max(...slots) - Math.min(...slots)).toBeLessThan(100)
})

test('it is not moved about while there are few, or most are in use', () => {
  const holder = new Holder()
  holder.add(0, 900)
  holder.removeAllBut((time) => time === 7)
  const before = holder.slots.get(7)
  holder.table.shrink()
  holder.moveAll()
  expect(holder.slots.get(7)).toBe(before)
})
