/** What was sent is safe when the system has taken it, and the peer has read all but what its own has room for. */

import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Way } from './way.js'

/** Sends frames of 10 KB as a link does, and returns what the system calls for each. */
function send(way: Way, frames: number): (() => void)[] {
  return Array.from({ length: frames }, () => {
    const handed = way.sent(10_000)
    if (way.isPingDue) way.pinged()
    return handed
  })
}

async function isTold(wait: (then: () => void) => void): Promise<() => boolean> {
  let told = false
  wait(() => (told = true))
  await turn()
  return () => told
}

test('few bytes need no answer, and no ping', async () => {
  const way = new Way()
  const [handed] = send(way, 1)
  const safe = await isTold((then) => way.onSafe(then))
  expect([way.isPingDue, safe()]).toEqual([false, false])
  handed?.()
  await turn()
  expect(safe()).toBe(true)
})

test('of many all but what the peer has room for must have been read: each ping says how far', async () => {
  const way = new Way()
  for (const handed of send(way, 10)) handed()
  const safe = await isTold((then) => way.onSafe(then))
  const handed = await isTold((then) => way.onHanded(then))
  expect([safe(), handed()]).toEqual([false, true])
  // 20, 40 and 60 of 100 KB.
  for (const isSafe of [false, false, true]) {
    way.ponged()
    await turn()
    expect(safe()).toBe(isSafe)
  }
  // What is sent later is not waited for, but is not safe either.
  send(way, 1)
  expect([way.isRead(100_000), way.isRead(way.sentBytes)]).toEqual([true, false])
})

test('an answer that was not asked for tells nothing', () => {
  const way = new Way()
  way.ponged()
  send(way, 6)
  expect(way.isRead(way.sentBytes)).toBe(false)
})

test('with the link all waiting ends, and none begins', async () => {
  const way = new Way()
  send(way, 10)
  const waits = [await isTold((then) => way.onSafe(then)), await isTold((then) => way.onHanded(then))]
  way.end()
  await turn()
  waits.push(await isTold((then) => way.onSafe(then)))
  expect(waits.map((isOver) => isOver())).toEqual([true, true, true])
})
