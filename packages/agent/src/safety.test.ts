/** A response waits until its write is safe, and for no link that takes nothing. */

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Link } from './link.js'
import { Safety } from './safety.js'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A link of which the test says when what it has is safe. */
class Held {
  isSafe = false
  #waiting: (() => void)[] = []

  onSafe(then: () => void): void {
    this.#waiting.push(then)
  }

  tell(isAll = true): void {
    this.isSafe = isAll
    for (const then of this.#waiting.splice(0)) then()
  }
}

const links = (...held: Held[]) => held as unknown as Link[]

async function isDone(reached: Promise<void> | undefined): Promise<boolean> {
  let done = false
  reached?.then(() => (done = true))
  await vi.advanceTimersByTimeAsync(0)
  return done
}

test('it waits until what each link has is safe', async () => {
  const [a, b] = [new Held(), new Held()]
  const reached = new Safety().reached(links(a, b))
  a.tell()
  expect(await isDone(reached)).toBe(false)
  b.tell()
  expect(await isDone(reached)).toBe(true)
  expect(vi.getTimerCount()).toBe(0)
})

test('it waits for nothing where all is safe', () => {
  const a = new Held()
  a.tell()
  expect(new Safety().reached(links(a))).toBeUndefined()
})

test('a link that takes nothing holds up for a moment once, and is waited for again when it has taken all', async () => {
  const [a, b] = [new Held(), new Held()]
  const safety = new Safety()
  const first = safety.reached(links(a, b))
  b.tell()
  await vi.advanceTimersByTimeAsync(249)
  expect(await isDone(first)).toBe(false)
  await vi.advanceTimersByTimeAsync(1)
  expect(await isDone(first)).toBe(true)
  b.isSafe = false
  const second = safety.reached(links(a, b))
  b.tell()
  expect(await isDone(second)).toBe(true)
  // Part of it is not all.
  a.tell(false)
  expect(safety.reached(links(a))).toBeUndefined()
  a.tell()
  a.isSafe = false
  expect(safety.reached(links(a))).toBeDefined()
})
