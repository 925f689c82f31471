/** A read that waits for a write while its own member stands still: the write may be here, and be read a moment later. */

import { expect, test } from 'vitest'
import { ahead } from '../test/ahead.js'
import { resolveConfig } from './config.js'

const { waitMs } = resolveConfig()

test.for([true, false])('is not served without it (the tick comes first: %s)', (timersFirst) => {
  const { net, a, b, token } = ahead()
  const wait = b.catchUp('s', token)
  net.run(waitMs - 10)
  net.freeze(b)
  net.release(a, b)
  net.run(1_500)
  net.thaw(b, { timersFirst })
  net.run(500)
  expect([wait, b.caughtUp]).toEqual([1, [{ wait, isStale: false }]])
})

test('is not served without it either where an own write shows the stall', () => {
  const { net, a, b, token } = ahead()
  const wait = b.catchUp('s', token)
  net.freeze(b)
  net.release(a, b)
  net.run(1_500)
  b.isFrozen = false
  b.write('other', { x: '1' })
  net.settle()
  net.run(500)
  expect([wait, b.caughtUp]).toEqual([1, [{ wait, isStale: false }]])
})
