/** A held response whose writes are not handed over, in a process that runs and in one that stood still. */

import { setImmediate as turn } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { MAX_HOLD_MS } from './limits.js'
import { appOn, Client, join, serve, until, withSessions } from './testing/harness.js'

// A number by which the timers of held responses are told from all others.
vi.mock('./limits.js', async (original) => ({ ...(await original<object>()), MAX_HOLD_MS: 987 }))

/** The clock, and the timers of held responses, are in the hands of the test. */
function takeTime() {
  let nowMs = performance.now()
  const timers: (() => void)[] = []
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => nowMs)
  const real = globalThis.setTimeout
  const set = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((run: () => void, ms?: number) => {
    if (ms !== MAX_HOLD_MS) return real(run, ms)
    timers.push(run)
    return real(() => {}, 0)
  }) as typeof setTimeout)
  onTestFinished(() => {
    clock.mockRestore()
    set.mockRestore()
  })
  const fire = (afterMs: number) => {
    nowMs += afterMs
    timers.shift()?.()
  }
  return { timers, fire }
}

/** A response that waits for a `flushed` which never comes. */
async function held() {
  const [cluster] = await join(1)
  const dammed = withSessions(cluster!, () => ({ flushed: () => new Promise<void>(() => {}) }))
  const app = appOn(dammed).get('/', (req, res) => {
    req.session.count = 1
    res.send('written')
  })
  const origin = await serve(app)
  const time = takeTime()
  let text: string | undefined
  const reply = new Client().get(origin).then((reply) => {
    text = reply.text
  })
  await until('the response waits', () => time.timers.length === 1)
  return { ...time, reply, text: () => text }
}

test('leaves after MAX_HOLD_MS', async () => {
  const { fire, reply, text, timers } = await held()
  fire(MAX_HOLD_MS)
  await reply
  expect([text(), timers]).toEqual(['written', []])
})

test('gets its time again, once, when the process stood still', async () => {
  const { fire, reply, text, timers } = await held()
  fire(2 * MAX_HOLD_MS + 1)
  // Enough for it to come through on loopback, were it not held.
  for (let i = 0; i < 50; i++) await turn()
  expect([text(), timers.length]).toEqual([undefined, 1])
  fire(MAX_HOLD_MS)
  await reply
  expect(text()).toBe('written')
})
